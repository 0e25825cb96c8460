/** Brings an archived file to disk under a name of its own choosing; what becomes of it is the caller's. */
import { closeSync, fsync, fstatSync, openSync } from 'node:fs';
import { createTurns } from '../../bytes/turns.ts';
import { ArchiverError, codeOf, CorruptError, messageOf } from '../../errors.ts';
import type { OpenedObject } from '../../pipeline/find-object.ts';
import { removeQuietly, writeAll } from '../../platform/files.ts';
import { segmentHeaderBytes } from '../wal-page.ts';

/** A file on disk, and how it begins. */
export interface DownloadedFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** The first bytes, as far as a segment's header goes. */
  readonly head: Uint8Array;
  /** Tells the file from another that has taken its name. */
  readonly inode: bigint;
}

/** How to download. */
export interface DownloadOptions {
  readonly signal: AbortSignal;
  /** Wait until it is on disk. What a server fetches it makes durable itself before it counts on it. */
  readonly durable?: boolean;
}

/** The local disk, not the storage, failed. */
export function localError(error: unknown, action: string): unknown {
  if (error instanceof ArchiverError || codeOf(error) === undefined) return error;
  return new ArchiverError('cannotWrite', `cannot ${action}: ${messageOf(error)}`, { cause: error });
}

/**
 * Writes the bytes of `object` to the new file `path`; when it fails, nothing stays there.
 *
 * @throws CorruptError for an object that is damaged or empty, the storage's errors, `cannotWrite` for local ones, among
 *   them that `path` exists
 */
export async function download(object: OpenedObject, path: string, options: DownloadOptions): Promise<DownloadedFile> {
  const action = `write "${path}"`;
  let descriptor: number;
  try {
    descriptor = openSync(path, 'wx', 0o666);
  } catch (error) {
    throw localError(error, action);
  }
  try {
    try {
      const { signal, durable = false } = options;
      const head = Buffer.alloc(segmentHeaderBytes);
      let sizeBytes = 0;
      const turn = createTurns();
      for await (const chunk of object.bytes) {
        signal.throwIfAborted();
        if (sizeBytes < head.length) head.set(chunk.subarray(0, head.length - sizeBytes), sizeBytes);
        sizeBytes += chunk.length;
        write(descriptor, chunk, action);
        const turned = turn();
        if (turned !== undefined) await turned;
      }
      if (sizeBytes === 0) throw new CorruptError(`archived file is empty: "${object.key}"`);
      if (durable) await flush(descriptor, action);
      const inode = fstatSync(descriptor, { bigint: true }).ino;
      return { path, sizeBytes, head: head.subarray(0, Math.min(sizeBytes, head.length)), inode };
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    removeQuietly(path);
    throw error;
  }
}

function write(descriptor: number, chunk: Uint8Array, action: string): void {
  try {
    writeAll(descriptor, chunk);
  } catch (error) {
    throw localError(error, action);
  }
}

function flush(descriptor: number, action: string): Promise<void> {
  return new Promise((resolve, reject) => {
    fsync(descriptor, (error) => {
      if (error === null) resolve();
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- it is one; only its type is wide
      else reject(localError(error, action));
    });
  });
}
