/** Reads LZ4 frames of every kind that WAL-G, `lz4` and this program write, one after another. */
import { ByteReader } from '../../bytes/reader.ts';
import type { ByteSource } from '../../bytes/stage.ts';
import { CorruptError } from '../../errors.ts';
import { decompressBlock } from './block.ts';
import {
  descriptorBytes,
  frameMagic,
  legacyBlockBytes,
  legacyMagic,
  parseDescriptor,
  skippableMagic,
  storedBlockFlag,
  windowBytes,
} from './frame.ts';
import { xxh32, Xxh32 } from './xxh32.ts';

const empty = new Uint8Array(0);
/** Plaintext is handed on in pieces of this size, so that each is still in the cache when it is written. */
const pieceBytes = 256 << 10;

/**
 * Decompresses concatenated, skippable and legacy frames until the source ends, in bounded memory.
 *
 * Ends with CorruptError on an empty source, truncation, garbage after a frame, or a checksum that is wrong. Bytes of a
 * frame are handed on before its checksum is known.
 */
export async function* decompressLz4(source: ByteSource): ByteSource {
  const reader = new ByteReader(source);
  try {
    let magic = await readMagic(reader);
    if (magic === undefined) throw new CorruptError('lz4 stream is empty');
    while (magic !== undefined) {
      if (magic === frameMagic) {
        yield* readFrame(reader);
        magic = await readMagic(reader);
      } else if (magic === legacyMagic) {
        magic = yield* readLegacyFrame(reader);
      } else if ((magic & ~0x0f) === skippableMagic) {
        await skipFrame(reader);
        magic = await readMagic(reader);
      } else {
        throw new CorruptError('not an lz4 frame');
      }
    }
  } finally {
    await reader.close();
  }
}

async function* readFrame(reader: ByteReader): ByteSource {
  const start = await readExactly(reader, 1);
  const flags = start[0] ?? 0;
  const rest = await readExactly(reader, descriptorBytes(flags) - 1);
  const frame = parseDescriptor(Uint8Array.of(flags, ...rest));
  const hash = frame.contentChecksum ? new Xxh32() : undefined;
  let window: Uint8Array = empty;
  let totalBytes = 0;
  for (;;) {
    const size = await readWord(reader);
    if (size === 0) break;
    const length = size % storedBlockFlag;
    if (length > frame.maxBlockBytes) throw new CorruptError('lz4 block larger than its frame allows');
    const body = await readExactly(reader, length + (frame.blockChecksums ? 4 : 0));
    const packed = body.subarray(0, length);
    if (frame.blockChecksums && xxh32(packed) !== wordAt(body, length)) {
      throw new CorruptError('lz4 block fails its checksum');
    }
    const plain = size >= storedBlockFlag ? packed : decompressBlock(packed, frame.maxBlockBytes, window);
    totalBytes += plain.length;
    if (frame.linkedBlocks) window = nextWindow(window, plain);
    for (let at = 0; at < plain.length; at += pieceBytes) {
      const piece = plain.subarray(at, at + pieceBytes);
      hash?.update(piece);
      yield piece;
    }
  }
  if (hash !== undefined && hash.digest() !== (await readWord(reader))) {
    throw new CorruptError('lz4 frame fails its content checksum');
  }
  if (frame.contentSizeBytes !== undefined && frame.contentSizeBytes !== BigInt(totalBytes)) {
    throw new CorruptError('lz4 frame has another length than its header says');
  }
}

/** Legacy blocks have no end mark: a frame ends where the source does, or where another magic stands for a size. */
async function* readLegacyFrame(reader: ByteReader): AsyncGenerator<Uint8Array, number | undefined> {
  for (;;) {
    const size = await readMagic(reader);
    if (size === undefined || size === frameMagic || size === legacyMagic || (size & ~0x0f) === skippableMagic) {
      return size;
    }
    if (size > legacyBlockBytes + legacyBlockBytes / 255 + 16) throw new CorruptError('lz4 block too large');
    const plain = decompressBlock(await readExactly(reader, size), legacyBlockBytes, empty);
    for (let at = 0; at < plain.length; at += pieceBytes) yield plain.subarray(at, at + pieceBytes);
  }
}

async function skipFrame(reader: ByteReader): Promise<void> {
  let left = await readWord(reader);
  while (left > 0) {
    const piece = await reader.readSome(left);
    if (piece === undefined) throw truncated();
    left -= piece.length;
  }
}

async function readMagic(reader: ByteReader): Promise<number | undefined> {
  const bytes = await reader.read(4);
  if (bytes.length === 0) return undefined;
  if (bytes.length < 4) throw truncated();
  return wordAt(bytes, 0);
}

async function readWord(reader: ByteReader): Promise<number> {
  return wordAt(await readExactly(reader, 4), 0);
}

async function readExactly(reader: ByteReader, count: number): Promise<Uint8Array> {
  const bytes = await reader.read(count);
  if (bytes.length < count) throw truncated();
  return bytes;
}

function nextWindow(window: Uint8Array, plain: Uint8Array): Uint8Array {
  if (plain.length >= windowBytes) return Uint8Array.from(plain.subarray(-windowBytes));
  return Uint8Array.from(Buffer.concat([window, plain]).subarray(-windowBytes));
}

function wordAt(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(at, true);
}

function truncated(): CorruptError {
  return new CorruptError('lz4 stream is cut short');
}
