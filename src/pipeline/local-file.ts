/** A file that is read once or more, always the same one, whatever happens to its name meanwhile. */
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { basename } from 'node:path';
import type { ByteSource } from '../bytes/stage.ts';
import { ArchiverError, codeOf, CorruptError, messageOf } from '../errors.ts';
import { readAll } from '../platform/files.ts';

/** An open file. Close it. */
export interface LocalFile {
  readonly path: string;
  readonly name: string;
  readonly sizeBytes: number;
  /** Permission bits. */
  readonly mode: number;
  readonly modifiedNs: bigint;
  /** Reads from `position` until `target` is full or the file ends; returns how many bytes. */
  read(target: Uint8Array, position: number): number;
  /** All its bytes, {@link sizeBytes} of them, from the start at every call. @throws CorruptError when it has become shorter */
  content(): ByteSource;
  close(): void;
}

/** The block size of our lz4 frames: a whole block is compressed where it was read. */
const chunkBytes = 1024 * 1024;

/** @throws ArchiverError (`missing`, `forbidden`, `usage` for what is no file) */
export function openLocalFile(path: string): LocalFile {
  const descriptor = open(path);
  const stats = fstatSync(descriptor, { bigint: true });
  if (!stats.isFile()) {
    closeSync(descriptor);
    throw new ArchiverError('usage', `not a regular file: "${path}"`);
  }
  const sizeBytes = Number(stats.size);

  const read = (target: Uint8Array, position: number): number => readAll(descriptor, target, position);

  // eslint-disable-next-line @typescript-eslint/require-await -- the reads are synchronous
  async function* content(): ByteSource {
    const buffer = Buffer.allocUnsafeSlow(Math.max(1, Math.min(chunkBytes, sizeBytes)));
    for (let position = 0; position < sizeBytes;) {
      const length = read(buffer.subarray(0, Math.min(buffer.length, sizeBytes - position)), position);
      if (length === 0) throw new CorruptError(`file became shorter while it was read: "${path}"`);
      position += length;
      yield buffer.subarray(0, length);
    }
  }

  return {
    path,
    name: basename(path),
    sizeBytes,
    mode: Number(stats.mode & 0o777n),
    modifiedNs: stats.mtimeNs,
    read,
    content,
    close: () => closeSync(descriptor),
  };
}

function open(path: string): number {
  try {
    // Without O_NONBLOCK a named pipe would wait for a writer.
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    const code = codeOf(cause);
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new ArchiverError('missing', `file not found: "${path}"`, { cause });
    }
    const kind = code === 'EACCES' || code === 'EPERM' ? 'forbidden' : 'unavailable';
    throw new ArchiverError(kind, `cannot open "${path}": ${messageOf(cause)}`, { cause });
  }
}
