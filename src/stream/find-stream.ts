/** Finds the objects that hold the stream of a backup. */
import { readText } from '../catalog/backup-store.ts';
import { backupFolder } from '../catalog/layout.ts';
import { withoutExtension } from '../codecs/open.ts';
import { ArchiverError, CorruptError, quoted } from '../errors.ts';
import type { Transport } from '../pipeline/transport.ts';
import { baseNameOf } from '../storage/key.ts';
import type { Abortable, Key, StoredObject } from '../storage/storage.ts';
import { parsePartName, partKey, singleKey, streamMetadataKey } from './layout.ts';
import { parseStreamMetadata } from './stream-metadata.ts';

/** The objects of a stream. */
export interface FoundStream {
  /** For each part its objects, in order; of a stream that was not dealt out there is one part of one object. */
  readonly parts: readonly (readonly StoredObject[])[];
  /** Of the blocks that were dealt out in turn; undefined: they were not. */
  readonly blockBytes: number | undefined;
}

/**
 * Finds them by one listing.
 *
 * @throws ArchiverError (`missing`) when there are none; CorruptError when some are missing, or there are two for one
 */
export async function findStream(
  { storage }: Pick<Transport, 'storage'>,
  name: string,
  options: Abortable = {},
): Promise<FoundStream> {
  const objects = new Map<string, StoredObject>();
  for await (const entry of storage.list(backupFolder(name), options)) {
    if (entry.kind !== 'object') continue;
    const logical = baseNameOf(withoutExtension(entry.key));
    const other = objects.get(logical);
    if (other !== undefined) {
      throw new CorruptError(`two objects have the name of one: ${quoted([other.key, entry.key])}`, {
        hint: 'Remove the one that does not belong to the backup.',
      });
    }
    objects.set(logical, entry);
  }
  const metadata = await readMetadata(objects, storage, name, options);
  if (metadata.kind === 'split') {
    const { partitions, blockBytes } = metadata;
    const parts = partsOf(objects, name, partitions);
    if (parts.length > 0) return { parts, blockBytes };
  } else {
    const object = objects.get(baseNameOf(singleKey(name)));
    if (object !== undefined) return { parts: [[object]], blockBytes: undefined };
  }
  throw new ArchiverError('missing', `no stream is stored of the backup "${name}" in ${storage.location}`, {
    hint: 'Its sentinel is there without it. Check whether somebody has deleted objects, and fetch another backup.',
  });
}

async function readMetadata(
  objects: ReadonlyMap<string, StoredObject>,
  storage: Transport['storage'],
  name: string,
  options: Abortable,
): Promise<ReturnType<typeof parseStreamMetadata>> {
  const key: Key = streamMetadataKey(name);
  if (!objects.has(baseNameOf(key))) return { kind: 'single' };
  return parseStreamMetadata(await readText(storage, key, options), `"${key}"`);
}

/**
 * WAL-G stores nothing for parts that no block came to when the size of files is limited: they are empty lists, and found
 * out, when there should have been blocks, by whoever puts the parts together.
 */
function partsOf(
  objects: ReadonlyMap<string, StoredObject>,
  name: string,
  partitions: number,
): readonly (readonly StoredObject[])[] {
  const names = [...objects.keys()].flatMap((logical) => parsePartName(logical) ?? []);
  const found = names.reduce((most, { part }) => Math.max(most, part + 1), 0);
  if (found === 0) return [];
  if (partitions > 0 && found > partitions) {
    throw new CorruptError(`the backup "${name}" has ${found} parts, of ${partitions} that were written`);
  }
  const parts: StoredObject[][] = [];
  for (let part = 0; part < Math.max(found, partitions); part += 1) {
    const files = names.filter((one) => one.part === part).length;
    const keys = Array.from({ length: files }, (_file, file) => baseNameOf(partKey(name, part, file)));
    const whole = objects.get(baseNameOf(partKey(name, part)));
    const cut = keys.flatMap((key) => objects.get(key) ?? []);
    const own = whole !== undefined && files === 1 ? [whole] : cut;
    if (own.length !== files || (files === 0 && part < found)) {
      throw new CorruptError(`objects of part ${part} of the backup "${name}" are missing`);
    }
    parts.push(own);
  }
  return parts;
}
