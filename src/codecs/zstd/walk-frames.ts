/** Finds the ends of Zstandard frames in a stream, which the decoder of node:zlib doesn't look for. */
import { ByteReader } from '../../bytes/reader.ts';
import type { ByteSource } from '../../bytes/stage.ts';
import { CorruptError } from '../../errors.ts';
import {
  blockHeaderBytes,
  blockOf,
  checksumBytes,
  frameMagic,
  frameStartBytes,
  hasChecksum,
  headerBytesOf,
  isSkippable,
  moreMark,
} from './frame.ts';

const gatherBytes = 256 << 10;

/**
 * Passes concatenated frames on in chunks of which none reaches from one into another; leaves out frames to be skipped.
 *
 * Ends with CorruptError on an empty source, on truncation and on anything that is not a frame; what is in the blocks is
 * the decoder's business.
 */
export async function* walkFrames(source: ByteSource): ByteSource {
  const reader = new ByteReader(source);
  const gathered = new Uint8Array(gatherBytes);
  try {
    let frames = 0;
    let marked = false;
    let moreFollow = false;
    for (;;) {
      const start = await reader.read(frameStartBytes);
      if (start.length === 0 && frames > 0 && !marked && !moreFollow) return;
      if (start.length === 0 && frames === 0) throw new CorruptError('zstd stream is empty');
      if (start.length < frameStartBytes) throw truncated();
      const magic = wordAt(start);
      if (magic === frameMagic) {
        yield* passFrame(reader, start, gathered);
        moreFollow = marked;
        marked = false;
        frames += 1;
      } else if (isSkippable(magic)) {
        if (await skipFrame(reader, start)) marked = true;
      } else {
        throw new CorruptError(frames === 0 ? 'not a zstd frame' : 'zstd stream goes on after its end');
      }
    }
  } finally {
    await reader.close();
  }
}

async function* passFrame(reader: ByteReader, start: Uint8Array, gathered: Uint8Array): ByteSource {
  const descriptor = start[frameStartBytes - 1] ?? 0;
  gathered.set(start);
  let length = frameStartBytes;
  let left = headerBytesOf(descriptor) - frameStartBytes;
  for (let inBlocks = true; ;) {
    while (left > 0) {
      const piece = await reader.readSome(Math.min(left, gatherBytes - length));
      if (piece === undefined) throw truncated();
      gathered.set(piece, length);
      length += piece.length;
      left -= piece.length;
      if (length < gatherBytes) continue;
      yield gathered;
      length = 0;
    }
    if (!inBlocks) break;
    const header = await readExactly(reader, blockHeaderBytes);
    if (length + header.length > gatherBytes) {
      yield gathered.subarray(0, length);
      length = 0;
    }
    gathered.set(header, length);
    length += header.length;
    const block = blockOf((header[0] ?? 0) | ((header[1] ?? 0) << 8) | ((header[2] ?? 0) << 16));
    if (block === undefined) throw new CorruptError('zstd stream is damaged: a block of a reserved type');
    left = block.storedBytes;
    if (!block.last) continue;
    inBlocks = false;
    if (hasChecksum(descriptor)) left += checksumBytes;
  }
  if (length > 0) yield gathered.subarray(0, length);
}

/** @returns whether it was a {@link moreMark} */
async function skipFrame(reader: ByteReader, start: Uint8Array): Promise<boolean> {
  const begun = Buffer.from([...start, ...(await readExactly(reader, 8 - frameStartBytes))]);
  let left = begun.readUInt32LE(4);
  if (left + begun.length === moreMark.length) {
    return Buffer.concat([begun, await readExactly(reader, left)]).equals(moreMark);
  }
  while (left > 0) {
    const piece = await reader.readSome(left);
    if (piece === undefined) throw truncated();
    left -= piece.length;
  }
  return false;
}

function wordAt(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(0, true);
}

async function readExactly(reader: ByteReader, count: number): Promise<Uint8Array> {
  const bytes = await reader.read(count);
  if (bytes.length < count) throw truncated();
  return bytes;
}

function truncated(): CorruptError {
  return new CorruptError('zstd stream is cut short');
}
