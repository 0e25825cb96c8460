/** Writes one LZ4 frame: {@link writtenHeader}, blocks, end mark, checksum of the plaintext. */
import type { ByteSource } from '../../bytes/stage.ts';
import { compressBlock } from './block.ts';
import { storedBlockFlag, writtenHeader } from './frame.ts';
import { Xxh32 } from './xxh32.ts';

const blockBytes = 1 << 20;
const trailerBytes = 8;
/** Output is handed on once this much has come together. */
const flushBytes = 256 << 10;

/** Compresses a stream into one frame, readable by `lz4 -d` and WAL-G. An empty stream gives 15 bytes. */
export async function* compressLz4(source: ByteSource): ByteSource {
  const output = new Uint8Array(flushBytes + 4 + blockBytes + trailerBytes);
  const view = new DataView(output.buffer);
  const block = new Uint8Array(blockBytes);
  const hash = new Xxh32();
  let gathered = 0;
  let length = 0;

  const add = (plain: Uint8Array): void => {
    hash.update(plain);
    const packed = compressBlock(plain, output, length + 4);
    if (packed === 0) output.set(plain, length + 4);
    view.setUint32(length, packed === 0 ? plain.length + storedBlockFlag : packed, true);
    length += 4 + (packed === 0 ? plain.length : packed);
  };

  output.set(writtenHeader);
  length = writtenHeader.length;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length;) {
      if (gathered === 0 && chunk.length - at >= blockBytes) {
        add(chunk.subarray(at, (at += blockBytes)));
      } else {
        const part = chunk.subarray(at, at + blockBytes - gathered);
        block.set(part, gathered);
        at += part.length;
        gathered += part.length;
        if (gathered < blockBytes) continue;
        add(block);
        gathered = 0;
      }
      if (length < flushBytes) continue;
      yield output.subarray(0, length);
      length = 0;
    }
  }
  if (gathered > 0) add(block.subarray(0, gathered));
  view.setUint32(length, 0, true);
  view.setUint32(length + 4, hash.digest(), true);
  yield output.subarray(0, length + trailerBytes);
}
