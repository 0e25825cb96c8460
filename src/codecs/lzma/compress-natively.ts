/** Writes LZMA-alone streams (`.lzma`) with the presets of `xz`, by the encoder of `lzma-native`. */
import type { ByteSource, Stage } from '../../bytes/stage.ts';
import { NativeStream } from './native-stream.ts';

/** What is under way outside of the heap is twice that at most, beside the memory of the preset. */
const pieceBytes = 256 << 10;

/**
 * Compresses a stream, readable by `xz --format=lzma -d` and WAL-G. An empty stream gives 23 bytes.
 *
 * Works in the calling thread: in a worker thread where there is much to do. Memory goes by the preset: 3 MiB for 0,
 * 94 MiB for 6, 674 MiB for 9.
 *
 * @param preset that of `xz`, 0 … 9
 */
export function compressNatively(preset: number): Stage {
  return (source) => compress(source, preset);
}

async function* compress(source: ByteSource, preset: number): ByteSource {
  const encoder = NativeStream.encoder(preset);
  try {
    for await (const piece of inPieces(source)) yield* encoder.code(piece).outputs;
    yield* encoder.code(undefined).outputs;
  } finally {
    encoder.close();
  }
}

/** The same bytes in pieces of one length: each call costs, so that small pieces cost more than they hold. */
async function* inPieces(source: ByteSource): ByteSource {
  const piece = Buffer.allocUnsafe(pieceBytes);
  let gathered = 0;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + pieceBytes - gathered);
      piece.set(part, gathered);
      at += part.length;
      gathered += part.length;
      if (gathered < pieceBytes) continue;
      yield piece;
      gathered = 0;
    }
  }
  if (gathered > 0) yield piece.subarray(0, gathered);
}
