import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ArchiverError } from '../../../src/errors.ts';
import { formatLsn, parseLsn, toLsn } from '../../../src/postgres/lsn.ts';

it('every LSN survives its text form', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), (position) => {
      expect(parseLsn(formatLsn(toLsn(position)))).toBe(position);
    }),
  );
});

it('any other text is refused with a typed error', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-f/]{0,20}$/)), (text) => {
      try {
        expect(parseLsn(text)).toBeTypeOf('bigint');
        expect(text).toMatch(/^[0-9A-Fa-f]{1,8}\/[0-9A-Fa-f]{1,8}$/);
      } catch (error) {
        expect(error).toBeInstanceOf(ArchiverError);
      }
    }),
  );
});
