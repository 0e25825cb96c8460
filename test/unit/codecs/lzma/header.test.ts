import { describe, expect, it } from 'vitest';
import { parseHeader } from '../../../../src/codecs/lzma/header.ts';
import { CorruptError } from '../../../../src/errors.ts';

const header = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');

describe('the header of an lzma stream', () => {
  it('of WAL-G says an unknown size and a dictionary of 8 MiB', () => {
    expect(parseHeader(header('5d 00008000 ffffffffffffffff'))).toEqual({
      literalContextBits: 3,
      literalPositionBits: 0,
      positionBits: 2,
      dictionaryBytes: 8 << 20,
      sizeBytes: undefined,
    });
  });

  it('may hold any bits and sizes', () => {
    const { literalContextBits, literalPositionBits, positionBits, sizeBytes } = parseHeader(
      header('e0 00000100 0100000000000010'),
    );
    expect([literalContextBits, literalPositionBits, positionBits]).toEqual([8, 4, 4]);
    expect(sizeBytes).toBe(0x1000000000000001n);
  });

  it('means at least 4 KiB of dictionary, and at most 2 GiB', () => {
    expect(parseHeader(header('5d 00000000 ffffffffffffffff')).dictionaryBytes).toBe(4096);
    expect(parseHeader(header('5d ffffffff ffffffffffffffff')).dictionaryBytes).toBe(2 ** 31);
  });

  it.each(['', '5d 00008000 ffffffffffffff', 'e1 00008000 ffffffffffffffff', 'fd377a58 5a000000 0000000000'])(
    'is not "%s"',
    (hex) => {
      expect(() => parseHeader(header(hex))).toThrow(CorruptError);
    },
  );
});
