/** The last step of every push of a backup: with its metadata and, last, its sentinel a backup begins to exist. */
import { fromBytes, type ByteSource } from '../../bytes/stage.ts';
import { filesMetadataKey, metadataKey, sentinelKey, tarPartitionsFolder } from '../../catalog/layout.ts';
import { pushSentinel } from '../../catalog/push-sentinel.ts';
import { ArchiverError } from '../../errors.ts';
import { pushPlain } from '../../pipeline/push-object.ts';
import type { Abortable, Key, Storage, StoredObject } from '../../storage/storage.ts';
import { formatBackupMetadata, metadataOfSentinel } from './metadata.ts';
import type { PushedPart } from './push-part.ts';
import { formatPending, pendingKey } from './pending.ts';
import { formatSentinel, type Sentinel } from './sentinel.ts';

/** The parts of a backup that are on the storage. */
export interface StoredParts {
  /** Of the backup. */
  readonly name: string;
  readonly parts: readonly Pick<PushedPart, 'key' | 'storedBytes'>[];
}

/** A backup that lacks nothing but what is written about it. */
export interface StoredBackup extends StoredParts {
  /** With a summary. */
  readonly sentinel: Sentinel;
  /** Opens the bytes of `files_metadata.json`, anew for every attempt; undefined: there is none. */
  readonly filesMetadata: (() => ByteSource) | undefined;
  /** Store it all, but as a backup that is still to be finalized. */
  readonly isPending?: boolean;
  /** What else is on the storage of it. */
  readonly beside?: readonly StoredObject[] | undefined;
  /** The backup that it builds on. */
  readonly base?: string;
}

/** The storage has other parts under the name of this backup than this run wrote: it must leave them alone. */
export class ForeignPartsError extends ArchiverError {
  constructor(message: string) {
    super('busy', message, {
      hint: 'Another run wrote a backup of the same name meanwhile, from another server or machine. Push again.',
    });
  }
}

/**
 * Makes sure that the storage has exactly the parts that were pushed: another run elsewhere, which no lock of this server
 * keeps out, may have written a backup of the same name.
 *
 * @throws ForeignPartsError (kind `busy`)
 */
export async function checkStoredParts(
  storage: Storage,
  { name, parts }: StoredParts,
  options: Abortable,
): Promise<void> {
  const expected = new Map(parts.map((part) => [part.key, part.storedBytes]));
  for await (const info of storage.list(tarPartitionsFolder(name), { recursive: true, ...options })) {
    if (info.kind !== 'object') continue;
    if (expected.get(info.key) !== info.sizeBytes) {
      throw new ForeignPartsError(`the storage holds another "${info.key}" than this run wrote`);
    }
    expected.delete(info.key);
  }
  const [lost] = expected.keys();
  if (lost !== undefined) throw new ForeignPartsError(`the storage no longer holds "${lost}"`);
}

/**
 * Writes metadata, files metadata and sentinel, in this order. With the sentinel the backup exists; just before it the
 * parts are looked at once more.
 *
 * @throws ForeignPartsError, and ObjectExistsError when another run completed a backup of that name first
 */
export async function completeBackup(storage: Storage, backup: StoredBackup, options: Abortable): Promise<void> {
  const { name, parts, sentinel, filesMetadata } = backup;
  const metadata = metadataOfSentinel(sentinel);
  if (metadata === undefined) throw new Error('a sentinel without a summary');
  const completes: StoredObject[] = parts.map(({ key, storedBytes }) => ({ key, sizeBytes: storedBytes }));
  completes.push(...(backup.beside ?? []));
  async function push(key: Key, open: () => ByteSource): Promise<void> {
    completes.push({ key, sizeBytes: await pushPlain(storage, key, open, options) });
  }
  await push(metadataKey(name), () => fromBytes(Buffer.from(formatBackupMetadata(metadata))));
  if (filesMetadata !== undefined) await push(filesMetadataKey(name), filesMetadata);
  await checkStoredParts(storage, backup, options);
  if (backup.base !== undefined) await checkBase(storage, backup.base, options);
  if (backup.isPending === true) {
    const pending = Buffer.from(formatPending({ sentinel, objects: completes }));
    await pushPlain(storage, pendingKey(name), () => fromBytes(pending), options);
    return;
  }
  await pushSentinel(storage, name, Buffer.from(formatSentinel(sentinel)), { ...options, completes });
}

/** Somebody may have deleted it while the delta was made. */
async function checkBase(storage: Storage, base: string, options: Abortable): Promise<void> {
  if ((await storage.stat(sentinelKey(base), options)) !== undefined) return;
  throw new ArchiverError('missing', `"${base}", on which this backup builds, was deleted meanwhile`, {
    hint: 'Push again: the next backup builds on another one, or is a full one.',
  });
}
