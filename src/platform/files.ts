/** Steps with local files that several parts of the program take. They throw the system's errors. */
import { closeSync, fsyncSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { codeOf } from '../errors.ts';

/** Larger writes cost the kernel more per byte, not less (measured: 4 MiB against 256 KiB). */
const writeBytes = 256 * 1024;

/** Writes all of `bytes` at the file's position. */
export function writeAll(descriptor: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at, Math.min(writeBytes, bytes.length - at));
}

/** Writes all of `bytes` from `position` on. */
export function writeAllAt(descriptor: number, bytes: Uint8Array, position: number): void {
  for (let at = 0; at < bytes.length;) {
    at += writeSync(descriptor, bytes, at, Math.min(writeBytes, bytes.length - at), position + at);
  }
}

/** Reads from `position` until `target` is full or the file ends; returns how many bytes. */
export function readAll(descriptor: number, target: Uint8Array, position: number): number {
  let length = 0;
  while (length < target.length) {
    const got = readSync(descriptor, target, length, target.length - length, position + length);
    if (got === 0) break;
    length += got;
  }
  return length;
}

/** The first bytes of a file; fewer only when it is shorter. */
export function readStart(path: string, bytes: number): Buffer {
  const descriptor = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(bytes);
    return buffer.subarray(0, readAll(descriptor, buffer, 0));
  } finally {
    closeSync(descriptor);
  }
}

/** Removes a file that nobody needs, if it is there and can be removed: whatever failed before is what counts. */
export function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It was never made, has gone, or it cannot be helped.
  }
}

const syncUnsupported = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'EISDIR', 'EBADF']);

/** Makes the entries of a directory durable, where its file system can do that. */
export function syncFolder(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } catch (error) {
    if (!syncUnsupported.has(codeOf(error) ?? '')) throw error;
  } finally {
    closeSync(descriptor);
  }
}
