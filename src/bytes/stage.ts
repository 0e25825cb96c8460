/**
 * The one concept for compression, encryption, counting, limiting and hashing: a function from a stream of bytes to a
 * stream of bytes. Nothing here knows what the bytes mean.
 *
 * Chunks are lent, not given: a producer may reuse the memory of a chunk as soon as the next one is asked for. Whoever
 * keeps a chunk longer copies it. That is what lets a pipeline of any length run in a few fixed buffers.
 */

/** A stream of bytes, pulled. Each chunk is valid until the next one is requested. */
export type ByteSource = AsyncIterable<Uint8Array>;

/** One step of a pipeline. Errors of the source pass through; stopping early ends the source. */
export type Stage = (source: ByteSource) => ByteSource;

/** Makes one stage of several; the first one given sees the bytes first. */
export function compose(...stages: readonly Stage[]): Stage {
  return (source) => stages.reduce((bytes, stage) => stage(bytes), source);
}

/** A source of one chunk (none when it is empty). */
// eslint-disable-next-line @typescript-eslint/require-await -- an AsyncIterable is what callers need
export async function* fromBytes(bytes: Uint8Array): ByteSource {
  if (bytes.length > 0) yield bytes;
}

/**
 * Reads a source to its end into one new buffer.
 *
 * @param maxBytes refuse to grow beyond this many bytes
 * @throws RangeError when the source is longer than `maxBytes`
 */
export async function collect(source: ByteSource, maxBytes = Number.POSITIVE_INFINITY): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of source) {
    length += chunk.length;
    if (length > maxBytes) throw new RangeError(`more than ${maxBytes} bytes`);
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks, length);
}

/** Passes bytes through and reports the length of every chunk. */
export function counted(report: (bytes: number) => void): Stage {
  return async function* (source) {
    for await (const chunk of source) {
      report(chunk.length);
      yield chunk;
    }
  };
}
