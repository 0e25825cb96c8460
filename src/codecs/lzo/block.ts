/** One block of LZO1X (format: Documentation/staging/lzo.rst of the Linux kernel). */
import { CorruptError } from '../../errors.ts';

/** Farther matches are coded as 16 KiB and more; exactly so far means the end. */
const farDistance = 1 << 14;
/** Nearest match of three bytes after a run of literals. */
const middleDistance = 1 << 11;
/** What the first byte is above, if it is a count of literals. */
const firstLiteralsBase = 17;
/** State after a run of four literals or more; below it the state is how many literals stood before. */
const afterRun = 4;
/** Shorter copies are done byte by byte. */
const longCopyBytes = 32;

/**
 * Decompresses a block. Never reads or writes outside of the two.
 *
 * @param plain the place for the plaintext, of its length
 * @throws CorruptError when the block is malformed or its plaintext has another length
 */
export function decompressBlock(packed: Uint8Array, plain: Uint8Array): void {
  let from = 0;
  let out = 0;
  let state = 0;

  /** The next byte. */
  const next = (): number => {
    const byte = packed[from];
    if (byte === undefined) throw malformed();
    from += 1;
    return byte;
  };
  /** A count of `bits` bits, zero if it goes on: each zero byte is 255 more. */
  const count = (bits: number, instruction: number): number => {
    const mask = (1 << bits) - 1;
    let total = instruction & mask;
    if (total > 0) return total;
    total = mask;
    for (;;) {
      const byte = next();
      if (byte > 0) return total + byte;
      total += 255;
      if (total > plain.length) throw malformed();
    }
  };
  const literals = (length: number): void => {
    if (length > packed.length - from || length > plain.length - out) throw malformed();
    if (length >= longCopyBytes) plain.set(packed.subarray(from, from + length), out);
    else for (let done = 0; done < length; done += 1) plain[out + done] = packed[from + done] ?? 0;
    from += length;
    out += length;
  };
  const match = (distance: number, length: number): void => {
    const start = out - distance;
    if (start < 0 || length > plain.length - out) throw malformed();
    if (length >= longCopyBytes && distance >= length) plain.copyWithin(out, start, start + length);
    else for (let done = 0; done < length; done += 1) plain[out + done] = plain[start + done] ?? 0;
    out += length;
  };

  const first = packed[0] ?? 0;
  if (first > firstLiteralsBase) {
    from = 1;
    literals(first - firstLiteralsBase);
    state = Math.min(first - firstLiteralsBase, afterRun);
  }
  for (;;) {
    const instruction = next();
    let trailing = instruction;
    if (instruction >= 64) {
      const length = instruction >= 128 ? 5 + ((instruction >> 5) & 3) : 3 + ((instruction >> 5) & 1);
      match((next() << 3) + ((instruction >> 2) & 7) + 1, length);
    } else if (instruction >= 32) {
      const length = 2 + count(5, instruction);
      trailing = next();
      match(((next() << 6) | (trailing >> 2)) + 1, length);
    } else if (instruction >= 16) {
      const length = 2 + count(3, instruction);
      trailing = next();
      const distance = farDistance + ((instruction & 8) << 11) + ((next() << 6) | (trailing >> 2));
      if (distance === farDistance) break;
      match(distance, length);
    } else if (state === 0) {
      literals(3 + count(4, instruction));
      state = afterRun;
      continue;
    } else {
      const distance = (next() << 2) + (instruction >> 2) + 1;
      if (state === afterRun) match(distance + middleDistance, 3);
      else match(distance, 2);
    }
    state = trailing & 3;
    literals(state);
  }
  if (from !== packed.length || out !== plain.length) throw malformed();
}

function malformed(): CorruptError {
  return new CorruptError('malformed lzo block');
}
