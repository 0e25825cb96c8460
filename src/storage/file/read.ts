/** Reading and describing objects of a file storage. */
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, type BigIntStats } from 'node:fs';
import { createTurns } from '../../bytes/turns.ts';
import type { ByteSource } from '../../bytes/stage.ts';
import { codeOf } from '../../errors.ts';
import { ObjectNotFoundError, StorageUnavailableError } from '../errors.ts';
import type { Key, ObjectInfo, ReadOptions } from '../storage.ts';
import type { FileRoot } from './root.ts';
import { asking, unlessAbsent } from './system-error.ts';

/** Larger ones don't stay in the cache until they are used: 5 % of the time of decryption. */
const chunkBytes = 128 * 1024;

/**
 * Opens an object, to be read once.
 *
 * @param descriptors gets the open file's, until it has been read or given up
 * @throws ObjectNotFoundError, the other errors of storages
 */
export function openObject(root: FileRoot, key: Key, options: ReadOptions, descriptors: Set<number>): ByteSource {
  const action = `read "${key}" in ${root.location}`;
  const file = asking(action, () => openFile(root, key));
  if (file === undefined) throw new ObjectNotFoundError(key, root.location);
  descriptors.add(file.descriptor);
  return chunksOf(file, action, options, () => {
    if (descriptors.delete(file.descriptor)) closeSync(file.descriptor);
  });
}

/**
 * What is known of an object, undefined when the key names none.
 *
 * @param path where it lies if the caller knows that no link is involved
 */
export function statObject(root: FileRoot, key: Key, path = root.existing(key)): ObjectInfo | undefined {
  if (path === undefined) return undefined;
  const stats = unlessAbsent(() => lstatSync(path, { bigint: true }));
  if (stats?.isFile() !== true) return undefined;
  return {
    kind: 'object',
    key,
    sizeBytes: Number(stats.size),
    modified: new Date(Number(stats.mtimeNs / 1_000_000n)),
    modifiedNs: stats.mtimeNs,
  };
}

interface OpenFile {
  readonly descriptor: number;
  readonly stats: BigIntStats;
}

function openFile(root: FileRoot, key: Key): OpenFile | undefined {
  const path = root.existing(key);
  if (path === undefined) return undefined;
  let descriptor: number;
  try {
    // The path has been resolved: a link here was put there since. Without O_NONBLOCK a named pipe would wait for a writer.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  const stats = fstatSync(descriptor, { bigint: true });
  if (stats.isFile()) return { descriptor, stats };
  closeSync(descriptor);
  return undefined;
}

async function* chunksOf(
  { descriptor, stats }: OpenFile,
  action: string,
  { signal, start = 0, bytes = Number.POSITIVE_INFINITY }: ReadOptions,
  close: () => void,
): ByteSource {
  try {
    const turn = createTurns();
    // What was appended since the object was opened is read as well when all of it is wanted.
    const end = Math.min(Number(stats.size), start + bytes);
    const limit = start + bytes;
    const buffer = Buffer.allocUnsafeSlow(Math.max(1, Math.min(chunkBytes, end - start)));
    let position = start;
    while (position < limit) {
      signal?.throwIfAborted();
      const wanted = Math.min(buffer.length, limit - position);
      const length = asking(action, () => readSync(descriptor, buffer, 0, wanted, position));
      if (length === 0) break;
      position += length;
      yield buffer.subarray(0, length);
      const turned = turn();
      if (turned !== undefined) await turned;
    }
    if (position < end) throw new StorageUnavailableError(`cannot ${action}: it became shorter meanwhile`);
  } finally {
    close();
  }
}
