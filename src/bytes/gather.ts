/** Makes fewer, larger chunks, for stages that pay for every chunk. */
import type { ByteSource } from './stage.ts';

const gatherBytes = 64 << 10;

/** Joins neighbouring chunks up to 64 KiB; larger ones are passed on uncut and uncopied. */
export async function* gatherChunks(source: ByteSource): ByteSource {
  let joined: Uint8Array | undefined;
  let length = 0;
  for await (const chunk of source) {
    if (joined !== undefined && length > 0 && length + chunk.length > gatherBytes) {
      yield joined.subarray(0, length);
      length = 0;
    }
    if (length === 0 && chunk.length > gatherBytes / 2) {
      yield chunk;
      continue;
    }
    joined ??= new Uint8Array(gatherBytes);
    joined.set(chunk, length);
    length += chunk.length;
  }
  if (joined !== undefined && length > 0) yield joined.subarray(0, length);
}
