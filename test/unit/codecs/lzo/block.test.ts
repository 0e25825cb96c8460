import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decompressBlock } from '../../../../src/codecs/lzo/block.ts';
import { CorruptError } from '../../../../src/errors.ts';
import { madeBytes } from '../../../../testtools/byte-sources.ts';

const end = [0x11, 0, 0];
const text = 'abcdefghijklmnopqrstuvwxyz';
const bytesOf = (letters: string): readonly number[] => [...Buffer.from(letters)];
/** Literals counted in the first byte. */
const first = (letters: string): readonly number[] => [17 + letters.length, ...bytesOf(letters)];
/** A place so far back, and literals behind, as they stand in 16 bits, lowest first. */
const place = (distance: number, behind = ''): readonly number[] => {
  const word = (distance << 2) | behind.length;
  return [word & 255, word >> 8, ...bytesOf(behind)];
};

function decompressed(packed: readonly number[], plainBytes: number): string {
  const plain = Buffer.alloc(plainBytes);
  decompressBlock(Uint8Array.from(packed), plain);
  return plain.toString('latin1');
}

const far = madeBytes(50_000).toString('latin1');
/** Literals counted in zeros of 255, and a rest. */
const farRun = [0, ...Array<number>(196).fill(0), 2, ...Buffer.from(far, 'latin1')];

describe('an LZO1X block', () => {
  it.each<[string, readonly number[], string]>([
    ['nothing', [], ''],
    ['one literal', first('a'), 'a'],
    ['four literals', first('abcd'), 'abcd'],
    ['a run of literals with a count', [1, ...bytesOf('abcd')], 'abcd'],
    ['a run of literals with a longer count', [0, 8, ...bytesOf(text)], text],
    ['a match of two after few literals', [...first('abc'), 0x04, 0], 'abcbc'],
    ['a match of three or four, and literals', [...first(text), 0x73, 0, ...bytesOf('ABC')], `${text}vwxyABC`],
    ['a match of five to eight that overlaps itself', [...first(text), 0xe0, 0], `${text}zzzzzzzz`],
    ['a match with a count', [...first(text), 0x24, ...place(25, 'AB')], `${text}abcdefAB`],
    ['a match with a longer count', [...first(text), 0x20, 5, ...place(1)], `${text}${'yz'.repeat(19)}`],
    ['a match of three, 2 KiB and more back', [...farRun, 0x0c, 0], far + far.slice(-2052, -2049)],
    ['a match 16 KiB and more back', [...farRun, 0x13, ...place(100)], far + far.slice(-16_484, -16_479)],
    ['a match 32 KiB and more back', [...farRun, 0x1b, ...place(100)], far + far.slice(-32_868, -32_863)],
  ])('may hold %s', (_what, packed, plain) => {
    expect(decompressed([...packed, ...end], plain.length)).toBe(plain);
  });

  it.each<[string, readonly number[], number]>([
    ['is empty', [], 0],
    ['has no end', first('abc'), 3],
    ['goes on after its end', [...first('abc'), ...end, 0], 3],
    ['is shorter than its plaintext', [...first('abc'), ...end], 4],
    ['is longer than its plaintext', [...first('abc'), ...end], 2],
    ['has a match before its start', [...first('abc'), 0x4c, 0, ...end], 6],
    ['has a match that is longer than its plaintext', [...first('abc'), 0xe0, 0, ...end], 6],
    ['has more literals than bytes', [0x20, 0x61], 15],
    ['has a count without an end', [...first('abc'), 0x20, ...Array<number>(2_000).fill(0)], 5_000],
  ])('is refused when it %s', (_what, packed, plainBytes) => {
    expect(() => decompressed(packed, plainBytes)).toThrow(CorruptError);
  });

  it('of arbitrary bytes is refused, if it is not a block', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(5_000), (packed, plainBytes) => {
        try {
          decompressBlock(packed, Buffer.alloc(plainBytes));
        } catch (error) {
          expect(error).toBeInstanceOf(CorruptError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
