/** Reading objects: many requests are on their way at once, and what breaks off goes on over a new connection. */
import type { Stats } from 'ssh2';
import { fromBytes, type ByteSource } from '../../bytes/stage.ts';
import { StorageUnavailableError } from '../errors.ts';
import { ObjectChangedError, resumed } from '../resume.ts';
import type { Key, ReadOptions } from '../storage.ts';
import type { SftpConnection } from './connection.ts';
import { notFound, pathOf } from './places.ts';
import { closeQuietly, openForReading, readAt, statOpen, type FileHandle } from './remote-files.ts';
import { orAborted } from '../or-aborted.ts';
import type { SftpSession } from './session.ts';
import { asking, unlessMissing } from './status-error.ts';

/** What a connection carries at once in one direction. */
const aheadBytes = 2 * 1024 * 1024;
const resumePolicy = { attempts: 5, firstDelayMs: 250, maxDelayMs: 10_000 };
/** Times are exact to the second, and clocks differ: an object that was just written might be replaced within the same. */
const settledMs = 60_000;

/** Opens an object, or a part of it. @throws ObjectNotFoundError, the other errors of storages */
export async function openObject(
  session: SftpSession,
  key: Key,
  { start = 0, bytes = Number.POSITIVE_INFINITY, signal }: ReadOptions,
): Promise<ByteSource> {
  const { location } = session.config;
  const action = `read "${key}" in ${location}`;
  const first = await open();
  const { size, mtime } = first.stats;
  const end = Math.min(size, start + bytes);
  if (start >= end) {
    closeQuietly(first.connection, first.handle);
    return fromBytes(new Uint8Array());
  }
  const isSettled = session.clock.now().getTime() - mtime * 1_000 > settledMs;
  return resumed(
    {
      key,
      location,
      body: chunksOf(first, { action, start, end, signal }),
      sizeBytes: end - start,
      reopen: isSettled ? reopen : undefined,
      signal,
    },
    { policy: resumePolicy, clock: session.clock, logger: session.logger },
  );

  async function open(): Promise<OpenFile> {
    const connection = await session.connection(signal);
    return asking(action, async () => {
      const file = await orAborted(openFile(connection, pathOf(session, key)), signal);
      if (file === undefined) throw await notFound(session, connection, key);
      return file;
    });
  }

  async function reopen(position: number): Promise<ByteSource> {
    const again = await open();
    if (again.stats.size !== size || again.stats.mtime !== mtime) {
      closeQuietly(again.connection, again.handle);
      throw new ObjectChangedError(key, location);
    }
    return chunksOf(again, { action, start: start + position, end, signal });
  }
}

/** A file that is open for reading. */
export interface OpenFile {
  readonly connection: SftpConnection;
  readonly handle: FileHandle;
  readonly stats: Stats;
}

/** Opens a file; undefined when there is none. */
export async function openFile(connection: SftpConnection, path: string): Promise<OpenFile | undefined> {
  const handle = await unlessMissing(openForReading(connection, path));
  if (handle === undefined) return undefined;
  try {
    const stats = await statOpen(connection, handle);
    if (stats.isFile()) return { connection, handle, stats };
  } catch (error) {
    closeQuietly(connection, handle);
    throw error;
  }
  closeQuietly(connection, handle);
  return undefined;
}

interface Part {
  readonly action: string;
  readonly start: number;
  readonly end: number;
  readonly signal: AbortSignal | undefined;
}

/** The bytes of a part, in order; each chunk is overwritten when the next is asked for. Closes the file. */
export async function* chunksOf({ connection, handle }: OpenFile, { action, start, end, signal }: Part): ByteSource {
  const size = connection.requestBytes;
  const spare: Buffer[] = [];
  const coming: { readonly buffer: Buffer; readonly filled: Promise<void> }[] = [];
  let position = start;
  try {
    for (;;) {
      while (position < end && coming.length * size < aheadBytes) {
        const buffer = (spare.pop() ?? Buffer.allocUnsafeSlow(Math.min(size, end - start))).subarray(0, end - position);
        const filled = fill(connection, handle, buffer, position);
        // When an earlier one fails, nobody waits for this.
        filled.catch(() => undefined);
        coming.push({ buffer, filled });
        position += buffer.length;
      }
      const next = coming.shift();
      if (next === undefined) return;
      signal?.throwIfAborted();
      await asking(action, () => orAborted(next.filled, signal));
      yield next.buffer;
      spare.push(next.buffer);
    }
  } finally {
    closeQuietly(connection, handle);
  }
}

/** Servers may give less than they are asked for. */
async function fill(connection: SftpConnection, handle: FileHandle, buffer: Buffer, position: number): Promise<void> {
  for (let done = 0; done < buffer.length;) {
    const length = await readAt(connection, handle, done === 0 ? buffer : buffer.subarray(done), position + done);
    if (length === 0) throw new StorageUnavailableError('the file became shorter while it was read');
    done += length;
  }
}
