/** Drives the streams of node:zlib as stages: they work on other threads, one chunk at a time. */
import type { Zlib } from 'node:zlib';
import type { Transform } from 'node:stream';
import type { ByteSource } from '../bytes/stage.ts';
import { codeOf, CorruptError, messageOf } from '../errors.ts';

/** A stream of node:zlib. */
export type ZlibStream = Transform & Zlib;

/** What is particular to a format. */
export interface ZlibOptions {
  /** Flushed with this before the end, so that what follows begins at a byte. */
  readonly lastFlush?: number;
  /** Takes bytes that follow the end of a compressed stream; throws when they may not be there. */
  readonly rest?: (bytes: Uint8Array) => void;
}

/**
 * Sends a source through a stream of node:zlib. Its memory is what the stream needs, plus one chunk of output. What it
 * yields is not lent, but given. Every chunk costs a turn of the thread pool: small ones are better {@link gathered}.
 *
 * @throws whatever the source throws; the errors of node:zlib as they are, see {@link corruptWhenDamaged}
 */
export async function* throughZlib(open: () => ZlibStream, source: ByteSource, options: ZlibOptions = {}): ByteSource {
  const stream = open();
  const closed = new Promise<void>((resolve) => stream.once('close', resolve));
  let sourceError: { readonly error: unknown } | undefined;
  const feeding = feed(stream, source, { ...options, closed }).catch((error: unknown) => {
    sourceError = { error };
    stream.destroy(error instanceof Error ? error : new Error(messageOf(error)));
  });
  try {
    yield* stream as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw sourceError === undefined ? error : sourceError.error;
  } finally {
    stream.destroy();
    await feeding;
  }
  if (sourceError !== undefined) throw sourceError.error;
}

/** Ends with a CorruptError where node:zlib finds the stream damaged or cut short. */
export async function* corruptWhenDamaged(format: string, decompressed: ByteSource): ByteSource {
  try {
    yield* decompressed;
  } catch (error) {
    const code = codeOf(error) ?? '';
    if (!damageCodes.test(code)) throw error;
    throw new CorruptError(
      code === 'Z_BUF_ERROR' ? `${format} stream is cut short` : `${format} stream is damaged: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

/** Errors about the bytes; others are about memory. */
const damageCodes = /^(?:Z_(?:BUF|DATA)_ERROR|Z_NEED_DICT|ERR_(?:_ERROR_FORMAT_|BROTLI_)|ZSTD_error_(?!memory|work))/;

interface Feeding extends ZlibOptions {
  readonly closed: Promise<void>;
}

async function feed(
  stream: ZlibStream,
  source: ByteSource,
  { closed, lastFlush, rest = refuse }: Feeding,
): Promise<void> {
  // A stream that is destroyed doesn't always call back; its error is told by reading from it.
  const done = (start: (finished: (error?: Error | null) => void) => void): Promise<void> =>
    Promise.race([
      closed,
      new Promise<void>((resolve) => {
        start(() => {
          resolve();
        });
      }),
    ]);
  let offered = 0;
  let ended = false;
  for await (const chunk of source) {
    offered += chunk.length;
    if (!ended) await done((finished) => stream.write(chunk, finished));
    const unread = Math.min(chunk.length, offered - stream.bytesWritten);
    if (stream.destroyed && !stream.readableEnded) return;
    if (unread === 0) continue;
    // The compressed stream is over.
    ended = true;
    rest(chunk.subarray(chunk.length - unread));
  }
  if (stream.destroyed) return;
  if (lastFlush !== undefined) await done((finished) => stream.flush(lastFlush, finished));
  stream.end();
}

function refuse(bytes: Uint8Array): void {
  if (bytes.length > 0) throw new CorruptError('compressed stream goes on after its end');
}
