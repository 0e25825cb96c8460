/** Reads LZMA-alone streams (`.lzma`) of every kind, in bounded memory. */
import { ByteReader } from '../../bytes/reader.ts';
import type { ByteSource } from '../../bytes/stage.ts';
import { CorruptError } from '../../errors.ts';
import { acquireRoutines, LzmaDecoder, releaseRoutines, type DecoderRoutines } from './decoder.ts';
import { decompressNatively } from './decompress-natively.ts';
import { headerBytes, parseHeader, startBytes } from './header.ts';

/**
 * Decompresses one stream: with an explicit size, an end marker, or both. Memory grows with the plaintext up to the
 * dictionary that the header declares.
 *
 * Ends with CorruptError when it is malformed, cut short, of another length than it says, or followed by anything. The
 * format has no checksum, but damage nearly always makes what follows end in the wrong place or state. Bytes are handed
 * on before that is known.
 */
export async function* decompressLzma(source: ByteSource): ByteSource {
  const routines = acquireRoutines();
  if (routines === undefined) {
    yield* decompressNatively(source);
    return;
  }
  try {
    yield* decompress(source, routines);
  } finally {
    releaseRoutines(routines);
  }
}

async function* decompress(source: ByteSource, routines: DecoderRoutines): ByteSource {
  const reader = new ByteReader(source);
  try {
    const header = parseHeader(await reader.read(headerBytes));
    const decoder = new LzmaDecoder(routines, header, await reader.read(startBytes));
    const size = header.sizeBytes === undefined ? Number.POSITIVE_INFINITY : Number(header.sizeBytes);
    yield* decode(decoder, reader, size);
  } finally {
    await reader.close();
  }
}

async function* decode(decoder: LzmaDecoder, reader: ByteReader, size: number): ByteSource {
  for (;;) {
    await fill(decoder, reader);
    if (decoder.totalBytes === size) {
      if (decoder.isWithinMatch) throw wrongLength();
      if (!decoder.isFinished() && decoder.decode(1).stop !== 'end marker') throw wrongLength();
      break;
    }
    const { piece, stop } = decoder.decode(size - decoder.totalBytes);
    if (piece.length > 0) yield piece;
    if (stop === 'end marker') {
      if (size !== Number.POSITIVE_INFINITY && decoder.totalBytes !== size) throw wrongLength();
      break;
    }
    if (decoder.inputLeft < 0) throw cutShort();
  }
  await fill(decoder, reader);
  if (!decoder.isFinished()) throw new CorruptError('malformed lzma stream');
  if (decoder.inputLeft < 0) throw cutShort();
  if (decoder.inputLeft > 0 || (await reader.readSome(1)) !== undefined) {
    throw new CorruptError('something follows the lzma stream');
  }
}

/** Gives the decoder enough input to go on. */
async function fill(decoder: LzmaDecoder, reader: ByteReader): Promise<void> {
  while (!decoder.canGoOn) {
    const chunk = await reader.readSome(decoder.room);
    if (chunk === undefined) decoder.endInput();
    else decoder.feed(chunk);
  }
}

function cutShort(): CorruptError {
  return new CorruptError('lzma stream is cut short');
}

function wrongLength(): CorruptError {
  return new CorruptError('lzma stream has another length than its header says');
}
