/** The 13 bytes before an LZMA-alone stream (https://github.com/ip7z/7zip/blob/main/DOC/lzma.txt). */
import { CorruptError } from '../../errors.ts';

/** Length of the header. */
export const headerBytes = 13;
/** Length of what the range decoder begins with, behind the header. */
export const startBytes = 5;

const maxProperties = 9 * 5 * 5;
const writtenProperties = (2 * 5 + 0) * 9 + 3;
const minDictionaryBytes = 1 << 12;
/** Matches that refer to more than that are not read: an address has 32 bits. */
const maxDictionaryBytes = 2 ** 31;
const unknownSize = 2n ** 64n - 1n;

/** What a stream says of itself. */
export interface LzmaHeader {
  /** Bits of the previous byte, and of the position, that a literal is predicted from: lc and lp. */
  readonly literalContextBits: number;
  readonly literalPositionBits: number;
  /** Bits of the position that all else is predicted from: pb. */
  readonly positionBits: number;
  /** How far back matches may refer, 4 KiB to 2 GiB. */
  readonly dictionaryBytes: number;
  /** Length of the plaintext; undefined: an end marker says where it ends. */
  readonly sizeBytes: bigint | undefined;
}

/** Parses the header. @throws CorruptError when it is not one */
export function parseHeader(bytes: Uint8Array): LzmaHeader {
  if (bytes.length < headerBytes) throw new CorruptError('lzma stream is cut short');
  const view = new DataView(bytes.buffer, bytes.byteOffset, headerBytes);
  const properties = view.getUint8(0);
  if (properties >= maxProperties) throw new CorruptError('not an lzma stream');
  const sizeBytes = view.getBigUint64(5, true);
  return {
    literalContextBits: properties % 9,
    literalPositionBits: Math.floor(properties / 9) % 5,
    positionBits: Math.floor(properties / 45),
    dictionaryBytes: Math.min(Math.max(view.getUint32(1, true), minDictionaryBytes), maxDictionaryBytes),
    sizeBytes: sizeBytes === unknownSize ? undefined : sizeBytes,
  };
}

/** Parses what the range decoder begins with. @returns its first code, 32 bits */
export function parseStart(bytes: Uint8Array): number {
  if (bytes.length < startBytes) throw new CorruptError('lzma stream is cut short');
  const view = new DataView(bytes.buffer, bytes.byteOffset, startBytes);
  if (view.getUint8(0) !== 0) throw new CorruptError('not an lzma stream');
  return view.getUint32(1);
}

/** The header of what is written: lc 3, lp 0, pb 2, unknown size. */
export function formatHeader(dictionaryBytes: number): Uint8Array {
  const bytes = new Uint8Array(headerBytes).fill(0xff);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, writtenProperties);
  view.setUint32(1, dictionaryBytes, true);
  return bytes;
}
