/** Puts one binary log into the archive, and never over another one's content (`docs/adr/0006-nothing-is-overwritten.md`). */
import type { ByteSource, Stage } from '../../../bytes/stage.ts';
import { ArchiverError, CorruptError } from '../../../errors.ts';
import type { LocalFile } from '../../../pipeline/local-file.ts';
import { pushObject } from '../../../pipeline/push-object.ts';
import { encoding, readDecoded, type Transport } from '../../../pipeline/transport.ts';
import type { Logger } from '../../../platform/logger.ts';
import { ObjectExistsError } from '../../../storage/errors.ts';
import type { Abortable, Key } from '../../../storage/storage.ts';
import { binlogKey } from '../archive.ts';
import { binlogMagic, flagsAt, inUseFlag } from '../events/event.ts';

/** How to archive. */
export interface ArchiveBinlogOptions extends Abortable {
  readonly transport: Transport;
  /** What its bytes pass on their way: checks, and what holds back the last of them. */
  readonly passing: Stage;
  /** It is there, with the same content, and is to be written anew. */
  readonly again: boolean;
  readonly logger: Logger;
}

/** The archive has another binary log under this name. */
export class BinlogConflictError extends ArchiverError {
  constructor(path: string, key: Key, location: string) {
    super('cannotWrite', `"${path}" differs from what is archived as "${key}" in ${location}`, {
      hint: 'The server was reset, or another one archives into the same storage. Give each server, and each life of one, a prefix of its own (or another log_bin), and take a backup.',
    });
  }
}

/** What became of it. */
export interface ArchivedResult {
  /** `present`: another run had stored it meanwhile, with the same content. */
  readonly outcome: 'stored' | 'present';
  readonly rawBytes: number;
  /** 0 when it was present. */
  readonly storedBytes: number;
}

/**
 * Makes sure that the archive durably has this file. Safe to repeat, and to run in several processes at once.
 *
 * @throws BinlogConflictError, what `passing` throws, the errors of storages
 */
export async function archiveBinlog(file: LocalFile, options: ArchiveBinlogOptions): Promise<ArchivedResult> {
  const { transport, passing, again, logger, signal } = options;
  const key = binlogKey(file.name);
  try {
    const { rawBytes, storedBytes } = await pushObject(transport, key, () => passing(file.content()), {
      ifAbsent: !again,
      signal,
      logger,
    });
    return { outcome: 'stored', rawBytes, storedBytes };
  } catch (error) {
    if (!(error instanceof ObjectExistsError)) throw error;
    await requireSame(file, error.key, options);
    // What was broken off by the storage's answer is still to be checked.
    await drain(passing(file.content()));
    return { outcome: 'present', rawBytes: file.sizeBytes, storedBytes: 0 };
  }
}

async function drain(source: ByteSource): Promise<void> {
  const chunks = source[Symbol.asyncIterator]();
  while ((await chunks.next()).done !== true);
}

/** Compares a file with an archived object. @throws BinlogConflictError when they differ, CorruptError */
export async function requireSame(
  file: LocalFile,
  key: Key,
  { transport, logger, signal, bytes = file.sizeBytes }: CompareOptions,
): Promise<void> {
  const same = await isSame(file, key, { transport, logger, signal, bytes });
  if (same === true) return;
  const unknown = same === undefined;
  if (unknown && bytes === file.sizeBytes && (await isAsLong(file, key, { transport, signal }))) {
    logger.warn('binary log is archived already and cannot be compared without the private key', { name: file.name });
    return;
  }
  if (unknown && bytes < file.sizeBytes) return;
  throw new BinlogConflictError(file.path, key, transport.storage.location);
}

/** What a comparison needs. */
export interface CompareOptions extends Abortable {
  readonly transport: Transport;
  readonly logger: Logger;
  /** So many from the beginning; default all, and that there are no more. */
  readonly bytes?: number | undefined;
}

/** @returns undefined when there is no permission, or no key, to read the archived object */
async function isSame(
  file: LocalFile,
  key: Key,
  { transport, signal, bytes = file.sizeBytes }: CompareOptions,
): Promise<boolean | undefined> {
  let position = 0;
  let buffer = Buffer.alloc(0);
  try {
    for await (const chunk of await readDecoded(transport, key, { signal })) {
      if (buffer.length < chunk.length) buffer = Buffer.allocUnsafeSlow(chunk.length);
      const own = buffer.subarray(0, chunk.length);
      const got = file.read(own, position);
      if (position === 0) ignoreOpenMark(own, chunk);
      if (got !== chunk.length || own.compare(chunk) !== 0) return false;
      position += chunk.length;
      if (bytes < file.sizeBytes && position >= bytes) return true;
    }
  } catch (cause) {
    if (cause instanceof ArchiverError && cause.kind === 'forbidden') return undefined;
    if (!(cause instanceof CorruptError)) throw cause;
    throw new CorruptError(`archived binary log "${key}" is damaged: ${cause.message}`, {
      cause,
      hint: `Move the object away from ${transport.storage.location}; the next binlog-push then archives the log again.`,
    });
  }
  return position === file.sizeBytes;
}

/** Of a log that a crashed server left open, `--follow` got the first event without the mark of that. */
function ignoreOpenMark(own: Buffer, archived: Uint8Array): void {
  const at = binlogMagic.length + flagsAt;
  const [byte, other] = [own[at], archived[at]];
  if (byte !== undefined && other !== undefined && (byte ^ other) === inUseFlag) own[at] = other;
}

/** How much the wrapped session keys of one message differ in length: numbers are stored without leading zeros. */
const wrappedKeyVariation = 8;

/** Never where nothing is compressed: lengths tell too little then. */
async function isAsLong(
  file: LocalFile,
  key: Key,
  { transport, signal }: Pick<CompareOptions, 'transport' | 'signal'>,
): Promise<boolean> {
  if (transport.codec.name === 'none') return false;
  const archived = await transport.storage.stat(key, { signal });
  let bytes = 0;
  for await (const chunk of encoding(transport)(file.content())) bytes += chunk.length;
  return archived !== undefined && Math.abs(archived.sizeBytes - bytes) <= wrappedKeyVariation;
}
