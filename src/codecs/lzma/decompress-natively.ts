/** Reads LZMA-alone streams (`.lzma`) by the decoder of `lzma-native`: where there is no WebAssembly. */
import { ByteReader } from '../../bytes/reader.ts';
import type { ByteSource } from '../../bytes/stage.ts';
import { CorruptError } from '../../errors.ts';
import { headerBytes, parseHeader, parseStart, startBytes, type LzmaHeader } from './header.ts';
import { NativeStream, type Coded } from './native-stream.ts';

/** All that comes of a piece is answered at once, up to seven thousand times its size. */
const pieceBytes = 1024;
/** What liblzma 5.2 can read of lc + lp. */
const maxLiteralBits = 4;
const needsWebAssembly = 'Read it where there is WebAssembly: without --jitless and without ulimit -v.';

/**
 * Decompresses one stream, as `decompressLzma` does, but neither lc + lp above 4, nor an end marker behind a known size:
 * since these may as well be damage, they end with a CorruptError whose hint says where they can be read. Memory is
 * bounded by the dictionary that the header declares, and some megabytes.
 */
export async function* decompressNatively(source: ByteSource): ByteSource {
  const reader = new ByteReader(source);
  try {
    const head = await reader.read(headerBytes + startBytes);
    const header = parseHeader(head);
    parseStart(head.subarray(headerBytes));
    if (header.literalContextBits + header.literalPositionBits > maxLiteralBits) {
      throw new CorruptError('not an lzma stream, or of a kind (lc + lp > 4) that needs WebAssembly', {
        hint: needsWebAssembly,
      });
    }
    const decoder = NativeStream.decoder();
    try {
      yield* decode(decoder, head, reader, header);
    } finally {
      decoder.close();
    }
  } finally {
    await reader.close();
  }
}

async function* decode(decoder: NativeStream, head: Uint8Array, reader: ByteReader, header: LzmaHeader): ByteSource {
  let input: Uint8Array | undefined = head;
  let fedBytes = 0;
  for (;;) {
    fedBytes += input?.length ?? 0;
    const { outputs, endsAt } = codeOrExplain(decoder, input, header);
    yield* outputs;
    if (endsAt !== undefined) {
      if (endsAt === fedBytes && (await reader.readSome(1)) === undefined) return;
      throw new CorruptError('something follows the lzma stream');
    }
    input = await reader.readSome(pieceBytes);
  }
}

function codeOrExplain(decoder: NativeStream, input: Uint8Array | undefined, header: LzmaHeader): Coded {
  try {
    return decoder.code(input);
  } catch (cause) {
    if (!(cause instanceof CorruptError) || input === undefined || header.sizeBytes === undefined) throw cause;
    throw new CorruptError('malformed lzma stream, or one with both a size and an end marker', {
      cause,
      hint: needsWebAssembly,
    });
  }
}
