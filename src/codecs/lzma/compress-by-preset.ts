/** Writes LZMA-alone streams (`.lzma`) with the presets of `xz`, by the encoder of `@napi-rs/lzma`. */
import { createRequire } from 'node:module';
import type * as napiRsLzma from '@napi-rs/lzma';
import type { ByteSource, Stage } from '../../bytes/stage.ts';

/** The encoder answers each piece with new memory, so that small pieces cost more than they hold. */
const pieceBytes = 256 << 10;

/**
 * Compresses a stream, readable by `xz --format=lzma -d` and WAL-G. An empty stream gives 23 bytes.
 *
 * Works in the calling thread: in a worker thread where there is much to do. Memory goes by the preset: 3 MiB for 0,
 * 94 MiB for 6, 674 MiB for 9.
 *
 * @param preset that of `xz`, 0 … 9
 */
export function compressByPreset(preset: number): Stage {
  return (source) => compress(source, preset);
}

async function* compress(source: ByteSource, preset: number): ByteSource {
  const { LzmaCompressor } = createRequire(import.meta.url)('@napi-rs/lzma') as typeof napiRsLzma;
  const encoder = new LzmaCompressor({ preset });
  let finished = false;
  try {
    for await (const piece of inPieces(source)) {
      const packed = encoder.update(piece);
      if (packed.length > 0) yield packed;
    }
    finished = true;
    yield await encoder.finish();
  } finally {
    // Its memory would otherwise stay until the collector happens to find it.
    if (!finished) await encoder.finish().catch(() => undefined);
  }
}

/** The same bytes in pieces of one length, so that what comes of them doesn't depend on the chunks. */
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
