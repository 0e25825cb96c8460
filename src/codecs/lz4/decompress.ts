/** Reads LZ4 frames of every kind that WAL-G, `lz4` and this program write, one after another. */
import { ByteReader } from '../../bytes/reader.ts';
import type { ByteSource } from '../../bytes/stage.ts';
import { CorruptError } from '../../errors.ts';
import { acquireEngine, ownBytes, packedBound, releaseEngine, slackBytes, type Lz4Engine } from './engine.ts';
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
import { xxh32 } from './xxh32.ts';

/** Plaintext is handed on in pieces of this size, so that each is still in the cache when it is written. */
const pieceBytes = 256 << 10;

/**
 * Decompresses concatenated, skippable and legacy frames until the source ends, in bounded memory.
 *
 * Ends with CorruptError on an empty source, truncation, garbage after a frame, or a checksum that is wrong. Bytes of a
 * frame are handed on before its checksum is known.
 */
export async function* decompressLz4(source: ByteSource): ByteSource {
  const engine = await acquireEngine();
  const reader = new ByteReader(source);
  try {
    let magic = await readMagic(reader);
    if (magic === undefined) throw new CorruptError('lz4 stream is empty');
    while (magic !== undefined) {
      if (magic === frameMagic) {
        yield* readFrame(reader, engine);
        magic = await readMagic(reader);
      } else if (magic === legacyMagic) {
        magic = yield* readLegacyFrame(reader, engine);
      } else if (isSkippable(magic)) {
        await skipFrame(reader);
        magic = await readMagic(reader);
      } else {
        throw new CorruptError('not an lz4 frame');
      }
    }
  } finally {
    releaseEngine(engine);
    await reader.close();
  }
}

async function* readFrame(reader: ByteReader, engine: Lz4Engine): ByteSource {
  const start = await readExactly(reader, 1);
  const flags = start[0] ?? 0;
  const rest = await readExactly(reader, descriptorBytes(flags) - 1);
  const frame = parseDescriptor(Uint8Array.of(flags, ...rest));
  const areas = layOut(engine, frame.maxBlockBytes, frame.maxBlockBytes);
  let linkedBytes = 0;
  let totalBytes = 0;
  engine.hashStart();
  for (;;) {
    const size = await readWord(reader);
    if (size === 0) break;
    const stored = size >= storedBlockFlag;
    const length = size % storedBlockFlag;
    if (length > frame.maxBlockBytes) throw new CorruptError('lz4 block larger than its frame allows');
    const at = stored ? areas.plainAt : areas.packedAt;
    await readInto(reader, engine.bytes, { at, length });
    if (frame.blockChecksums && (await readWord(reader)) !== xxh32(engine.bytes.subarray(at, at + length))) {
      throw new CorruptError('lz4 block fails its checksum');
    }
    const place = { at: areas.plainAt, maxBytes: frame.maxBlockBytes, windowBytes: linkedBytes };
    const plainBytes = stored ? length : engine.decompress(at, length, place);
    for (let done = 0; done < plainBytes; done += pieceBytes) {
      const from = areas.plainAt + done;
      const piece = engine.bytes.subarray(from, from + Math.min(pieceBytes, plainBytes - done));
      if (frame.contentChecksum) engine.hashUpdate(from, piece.length);
      yield piece;
    }
    totalBytes += plainBytes;
    if (frame.linkedBlocks) linkedBytes = keepWindow(engine, areas.plainAt, linkedBytes + plainBytes, plainBytes);
  }
  if (frame.contentChecksum && engine.hashDigest() !== (await readWord(reader))) {
    throw new CorruptError('lz4 frame fails its content checksum');
  }
  if (frame.contentSizeBytes !== undefined && frame.contentSizeBytes !== BigInt(totalBytes)) {
    throw new CorruptError('lz4 frame has another length than its header says');
  }
}

/** Legacy blocks have no end mark: a frame ends where the source does, or where another magic stands for a size. */
async function* readLegacyFrame(reader: ByteReader, engine: Lz4Engine): AsyncGenerator<Uint8Array, number | undefined> {
  const maxPackedBytes = packedBound(legacyBlockBytes);
  const areas = layOut(engine, maxPackedBytes, legacyBlockBytes);
  for (;;) {
    const size = await readMagic(reader);
    if (size === undefined || isMagic(size)) return size;
    if (size > maxPackedBytes) throw new CorruptError('lz4 block too large');
    await readInto(reader, engine.bytes, { at: areas.packedAt, length: size });
    const place = { at: areas.plainAt, maxBytes: legacyBlockBytes, windowBytes: 0 };
    const end = areas.plainAt + engine.decompress(areas.packedAt, size, place);
    for (let from = areas.plainAt; from < end; from += pieceBytes) {
      yield engine.bytes.subarray(from, Math.min(end, from + pieceBytes));
    }
  }
}

/** Places in the engine's memory: a block as it is stored, room for a window, the plaintext. */
function layOut(
  engine: Lz4Engine,
  maxPackedBytes: number,
  maxPlainBytes: number,
): { readonly packedAt: number; readonly plainAt: number } {
  const plainAt = ownBytes + maxPackedBytes + slackBytes + windowBytes;
  engine.reserve(plainAt + maxPlainBytes + slackBytes);
  return { packedAt: ownBytes, plainAt };
}

/** Moves the end of the plaintext before the place of the next block. @returns how much there is now */
function keepWindow(engine: Lz4Engine, plainAt: number, availableBytes: number, plainBytes: number): number {
  const kept = Math.min(windowBytes, availableBytes);
  const end = plainAt + plainBytes;
  engine.bytes.copyWithin(plainAt - kept, end - kept, end);
  return kept;
}

async function readInto(
  reader: ByteReader,
  target: Uint8Array,
  { at, length }: { readonly at: number; readonly length: number },
): Promise<void> {
  for (let left = length; left > 0;) {
    const piece = await reader.readSome(left);
    if (piece === undefined) throw truncated();
    target.set(piece, at + length - left);
    left -= piece.length;
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

function isMagic(word: number): boolean {
  return word === frameMagic || word === legacyMagic || isSkippable(word);
}

function isSkippable(word: number): boolean {
  return (word & ~0x0f) === skippableMagic;
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

function wordAt(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(at, true);
}

function truncated(): CorruptError {
  return new CorruptError('lz4 stream is cut short');
}
