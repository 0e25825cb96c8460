import { describe, expect, it } from 'vitest';
import { formatLsn, LsnFormatError, parseLsn, toLsn } from '../../../src/postgres/lsn.ts';

describe('an LSN', () => {
  it.each([
    ['0/0', 0n],
    ['0/2000028', 0x2000028n],
    ['16/B374D848', 0x16_b374_d848n],
    ['FFFFFFFF/FFFFFFFF', 0xffff_ffff_ffff_ffffn],
  ])('reads and writes %s', (text, position) => {
    expect(parseLsn(text)).toBe(position);
    expect(formatLsn(toLsn(position))).toBe(text);
  });

  it('is read in lower case and with leading zeros', () => {
    expect(parseLsn('00000016/b374d848')).toBe(0x16_b374_d848n);
  });

  it.each(['', '/', '0', '0/', '/0', '1/2/3', '123456789/0', '0/123456789', ' 0/0', '0/0\n', '-1/0', '0x1/0', 'g/0'])(
    'is not %j',
    (text) => {
      expect(() => parseLsn(text)).toThrow(LsnFormatError);
    },
  );

  it('has 64 bits', () => {
    expect(() => toLsn(-1n)).toThrow(LsnFormatError);
    expect(() => toLsn(1n << 64n)).toThrow(LsnFormatError);
  });
});
