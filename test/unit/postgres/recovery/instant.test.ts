import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatInstant, fromPostgresTimestamp, parseInstant } from '../../../../src/postgres/recovery/instant.ts';

describe('parseInstant', () => {
  it.each([
    ['2026-11-21 14:04:30+01', '2026-11-21 13:04:30+00'],
    ['2026-11-21T13:04:30Z', '2026-11-21 13:04:30+00'],
    ['2026-11-21 13:04 UTC', '2026-11-21 13:04:00+00'],
    ['2026-11-21 13:04:30.25 -03:30', '2026-11-21 16:34:30.25+00'],
    ['2026-11-21 13:04:30.123456789+0000', '2026-11-21 13:04:30.123456+00'],
    ['2024-02-29 00:00:00Z', '2024-02-29 00:00:00+00'],
    ['1969-12-31 23:59:59.5Z', '1969-12-31 23:59:59.5+00'],
  ])('reads %j as %j', (text, expected) => {
    expect(formatInstant(parseInstant(text))).toBe(expected);
  });

  it('takes a time without a zone as local', () => {
    const local = new Date(2026, 6, 1, 12, 30, 15);
    expect(parseInstant('2026-07-01 12:30:15')).toBe(BigInt(local.getTime()) * 1_000_000n);
  });

  it.each([
    '',
    'yesterday',
    '2026-11-21',
    '2026-02-30 00:00:00Z',
    '2026-11-21 25:00:00Z',
    '2026-11-21 14:04:30 CET',
    '14:04',
  ])('refuses %j as a usage error', (text) => {
    expect(() => parseInstant(text)).toThrow(expect.objectContaining({ kind: 'usage' }) as Error);
  });
});

describe('formatInstant', () => {
  it('is read back as it was, to the microsecond', () => {
    const range = { min: -30_000_000_000_000_000n, max: 250_000_000_000_000_000n };
    fc.assert(
      fc.property(fc.bigInt(range), (microseconds) => {
        const time = microseconds * 1000n;
        expect(parseInstant(formatInstant(time))).toBe(time);
      }),
    );
  });
});

describe('fromPostgresTimestamp', () => {
  it('counts from the year 2000', () => {
    expect(formatInstant(fromPostgresTimestamp(0n))).toBe('2000-01-01 00:00:00+00');
    expect(formatInstant(fromPostgresTimestamp(848_547_119_333_824n))).toBe('2026-11-21 03:31:59.333824+00');
  });
});
