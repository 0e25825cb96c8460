/**
 * The increment format: the pages of a file that changed since another backup, as a tar member holds them.
 *
 * Little-endian: `wi1` and 0x55; size of the whole file (u64); number of blocks (u32); their numbers in the file, ascending
 * (u32 each); the pages in the same order. Source: `postgres-storage.md` 10.3 of the specification.
 */
import { CorruptError } from '../../errors.ts';
import { pageBytes } from './page-scan.ts';

/** What comes before the numbers of the blocks. */
const fixedBytes = 16;
const blockNumberBytes = 4;
const magic = Uint8Array.of(0x77, 0x69, 0x31, 0x55);

/** No file of a relation is larger than this, whatever segment size the server was built with (1 TiB). */
const largestFileBytes = 2 ** 40;

/** What to do when a delta turns out to be damaged. */
export const otherBackupHint =
  'This delta backup cannot be restored; restore another one, such as the full backup it builds on, and recover from there.';

/** What an increment says before its pages. */
export interface IncrementHead {
  /** Size of the whole file when it was backed up; a multiple of 8,192. */
  readonly fileBytes: number;
  /** Numbers of the pages that follow, ascending, all within the file. */
  readonly blocks: Uint32Array;
}

/** The size of an increment with so many pages. */
export function incrementBytes(blocks: number): number {
  return fixedBytes + blocks * (blockNumberBytes + pageBytes);
}

/** The bytes before the pages. */
export function formatIncrementHead({ fileBytes, blocks }: IncrementHead): Uint8Array {
  const head = new Uint8Array(fixedBytes + blocks.length * blockNumberBytes);
  const view = new DataView(head.buffer);
  head.set(magic);
  view.setBigUint64(4, BigInt(fileBytes), true);
  view.setUint32(12, blocks.length, true);
  blocks.forEach((block, index) => {
    view.setUint32(fixedBytes + index * blockNumberBytes, block, true);
  });
  return head;
}

/** Gathers the head of an increment from pieces, and checks it before anything is made of it. */
export interface IncrementHeadReader {
  /** @returns how many of these bytes belong to the head; once that is fewer than all, `head` is there */
  take(piece: Uint8Array): number;
  /** Undefined until all of it has come. */
  readonly head: IncrementHead | undefined;
}

/**
 * Reads the head of a member.
 *
 * @param memberBytes the size of the whole member, which must be exactly that of the pages it announces
 */
export function readIncrementHead(memberBytes: number): IncrementHeadReader {
  let bytes = new Uint8Array(fixedBytes);
  let filled = 0;
  let fileBytes: number | undefined;
  let head: IncrementHead | undefined;
  return {
    get head() {
      return head;
    },
    take(piece) {
      let taken = 0;
      while (head === undefined && taken < piece.length) {
        const part = piece.subarray(taken, taken + bytes.length - filled);
        bytes.set(part, filled);
        filled += part.length;
        taken += part.length;
        if (filled < bytes.length) break;
        if (fileBytes === undefined) {
          const start = parseStart(bytes, memberBytes);
          fileBytes = start.fileBytes;
          bytes = new Uint8Array(start.blocks * blockNumberBytes);
          filled = 0;
          if (start.blocks > 0) continue;
        }
        head = { fileBytes, blocks: parseBlocks(bytes, fileBytes) };
      }
      return taken;
    },
  };
}

function parseStart(bytes: Uint8Array, memberBytes: number): { readonly fileBytes: number; readonly blocks: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!magic.every((byte, at) => at === 2 || bytes[at] === byte)) throw malformed('has another magic');
  if (bytes[2] !== magic[2]) throw malformed('is of an unknown version');
  const fileBytes = view.getBigUint64(4, true);
  const blocks = view.getUint32(12, true);
  if (fileBytes > largestFileBytes || fileBytes % BigInt(pageBytes) !== 0n) {
    throw malformed(`is of a file of ${fileBytes} bytes`);
  }
  if (blocks > fileBytes / BigInt(pageBytes)) throw malformed(`has ${blocks} pages of a file of ${fileBytes} bytes`);
  if (incrementBytes(blocks) !== memberBytes) throw malformed(`has ${memberBytes} bytes with ${blocks} pages`);
  return { fileBytes: Number(fileBytes), blocks };
}

function parseBlocks(bytes: Uint8Array, fileBytes: number): Uint32Array {
  const view = new DataView(bytes.buffer);
  const blocks = new Uint32Array(bytes.length / blockNumberBytes);
  let previous = -1;
  for (let index = 0; index < blocks.length; index += 1) {
    const block = view.getUint32(index * blockNumberBytes, true);
    if (block <= previous) throw malformed(`has block ${block} after block ${previous}`);
    if (block >= fileBytes / pageBytes) throw malformed(`has block ${block} of ${fileBytes / pageBytes}`);
    blocks[index] = block;
    previous = block;
  }
  return blocks;
}

function malformed(what: string): CorruptError {
  return new CorruptError(`an increment ${what}`, { hint: otherBackupHint });
}
