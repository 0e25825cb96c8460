/**
 * The LZ4 frame format: magic numbers and the frame descriptor
 * (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md). What is written is one constant header.
 */
import { CorruptError } from '../../errors.ts';
import { xxh32 } from './xxh32.ts';

/** Begins a frame. */
export const frameMagic = 0x184d2204;
/** Begins a frame of the old format: 8 MiB blocks, no descriptor, no checksum, no end mark. */
export const legacyMagic = 0x184c2102;
/** Begins a frame to be skipped; the low four bits are free. */
export const skippableMagic = 0x184d2a50;
/** Plain bytes of a block in the old format. */
export const legacyBlockBytes = 8 << 20;
/** Bytes of earlier plaintext that a linked block may refer to. */
export const windowBytes = 64 << 10;
/** Set in a block's size when its bytes are not compressed. */
export const storedBlockFlag = 0x80000000;

/** Plain bytes of every block written, but for the last one of a frame. */
export const blockBytes = 1 << 20;

/** The header of every frame written: independent blocks of at most 4 MiB, content checksum, no content size. */
export const writtenHeader: Uint8Array = Uint8Array.of(0x04, 0x22, 0x4d, 0x18, 0x64, 0x70, 0xb9);

/** What a frame's descriptor says. */
export interface FrameDescriptor {
  readonly linkedBlocks: boolean;
  readonly blockChecksums: boolean;
  readonly contentChecksum: boolean;
  readonly contentSizeBytes: bigint | undefined;
  readonly maxBlockBytes: number;
}

/** Length of a descriptor after the magic, 3 … 15 bytes, told from its first byte. */
export function descriptorBytes(flags: number): number {
  return 3 + ((flags & 0x08) === 0 ? 0 : 8) + ((flags & 0x01) === 0 ? 0 : 4);
}

/**
 * Parses a descriptor, from the flag byte to the header checksum.
 *
 * @throws CorruptError when it is malformed, its checksum is wrong, or it asks for a dictionary
 */
export function parseDescriptor(bytes: Uint8Array): FrameDescriptor {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const flags = view.getUint8(0);
  const blockSizeIndex = (view.getUint8(1) >> 4) & 0x07;
  if (view.getUint8(bytes.length - 1) !== ((xxh32(bytes.subarray(0, -1)) >>> 8) & 0xff)) {
    throw new CorruptError('lz4 frame header fails its checksum');
  }
  if (flags >> 6 !== 1) throw new CorruptError(`lz4 frame of unknown version ${flags >> 6}`);
  if ((flags & 0x02) !== 0 || (view.getUint8(1) & 0x8f) !== 0) {
    throw new CorruptError('lz4 frame header has reserved bits set');
  }
  if ((flags & 0x01) !== 0) throw new CorruptError('lz4 frame needs a dictionary, which archives never use');
  if (blockSizeIndex < 4) throw new CorruptError(`lz4 frame with invalid block size index ${blockSizeIndex}`);
  return {
    linkedBlocks: (flags & 0x20) === 0,
    blockChecksums: (flags & 0x10) !== 0,
    contentSizeBytes: (flags & 0x08) === 0 ? undefined : view.getBigUint64(2, true),
    contentChecksum: (flags & 0x04) !== 0,
    maxBlockBytes: 1 << (8 + 2 * blockSizeIndex),
  };
}
