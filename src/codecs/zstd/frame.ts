/** The outline of Zstandard frames (RFC 8878), as far as finding their ends needs it. */

/** Begins a frame. */
export const frameMagic = 0xfd2fb528;

/** The first of 16 magics of frames that readers skip. */
export const skippableMagic = 0x184d2a50;

/** Whether a magic begins a frame that readers skip: it, a length of 4 bytes, content. */
export function isSkippable(magic: number): boolean {
  return (magic & ~0x0f) === skippableMagic;
}

/** Length of a magic and the byte behind it: the descriptor of a frame. */
export const frameStartBytes = 5;

/** Length of the header whose descriptor this is, with magic and descriptor. */
export function headerBytesOf(descriptor: number): number {
  const singleSegment = (descriptor & 0x20) !== 0;
  const windowBytes = singleSegment ? 0 : 1;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const sizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  return frameStartBytes + windowBytes + dictionaryBytes + sizeBytes;
}

/** Whether 4 bytes of checksum follow the last block. */
export function hasChecksum(descriptor: number): boolean {
  return (descriptor & 4) !== 0;
}

/** Length of a block's header. */
export const blockHeaderBytes = 3;

/** What the header of a block tells; undefined where it is of the reserved type. */
export function blockOf(header: number): { readonly last: boolean; readonly storedBytes: number } | undefined {
  const type = (header >> 1) & 3;
  if (type === 3) return undefined;
  return { last: (header & 1) === 1, storedBytes: type === 1 ? 1 : header >> 3 };
}

/**
 * A skippable frame that we write before every frame but the last one of a stream, so that a stream that was cut between
 * two frames is found out. Others skip it.
 */
export const moreMark = Uint8Array.of(0x5d, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, ...Buffer.from('more'));

/** Length of the checksum behind the last block of a frame that has one. */
export const checksumBytes = 4;

/** No frame of so many plain bytes is longer, whatever its content. */
export function packedBound(plainBytes: number): number {
  return plainBytes + (plainBytes >> 8) + 1024;
}

const pieceBytes = 256 << 10;

/** A frame in the pieces that it is handed on in. */
export function* piecesOf(frame: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < frame.length; at += pieceBytes) yield frame.subarray(at, at + pieceBytes);
}
