import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dateOfTime, formatTime, parseTime, timeOfDate, zeroTimeNs } from '../../../src/catalog/time.ts';
import { CorruptError } from '../../../src/errors.ts';

describe('stored times', () => {
  it.each([
    ['1970-01-01T00:00:00Z', 0n],
    ['2026-11-21T03:08:13.344458247Z', 1795230493344458247n],
    ['2026-11-21T03:08:13.3Z', 1795230493300000000n],
    ['1969-12-31T23:59:59.999999999Z', -1n],
    ['0001-01-01T00:00:00Z', zeroTimeNs],
    ['9999-12-31T23:59:59Z', 253402300799000000000n],
  ])('reads and writes %s to the nanosecond', (text, time) => {
    expect(parseTime(text)).toBe(time);
    expect(formatTime(time)).toBe(text);
  });

  it.each([
    ['2026-11-21T08:38:13.5+05:30', '2026-11-21T03:08:13.5Z'],
    ['2026-11-20T22:08:13-05:00', '2026-11-21T03:08:13Z'],
    ['2026-11-21t03:08:13z', '2026-11-21T03:08:13Z'],
    ['2026-11-21T03:08:13.1234567899Z', '2026-11-21T03:08:13.123456789Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00Z'],
  ])('reads %s as %s', (text, utc) => {
    expect(formatTime(parseTime(text))).toBe(utc);
  });

  it.each([
    '',
    '2026-11-21',
    '2026-11-21T03:08:13',
    '2026-13-21T03:08:13Z',
    '2026-02-29T00:00:00Z',
    '2026-11-21T24:00:00Z',
    '2026-11-21T03:60:13Z',
    '2026-11-21T03:08:60Z',
    '2026-11-21T03:08:13+0530',
    '2026-11-21T03:08:13.Z',
    ' 2026-11-21T03:08:13Z',
  ])('refuses %j', (text) => {
    expect(() => parseTime(text)).toThrow(CorruptError);
  });

  it('are written in the zone of the process when asked, and mean the same', () => {
    const script = `
      import { formatTime } from ${JSON.stringify(resolve('src/catalog/time.ts'))};
      for (const time of [1795230493344458247n, 1782000000000000000n, -1n]) console.log(formatTime(time, 'local'));`;
    const inZone = (zone: string) =>
      spawnSync(process.execPath, ['--input-type=module-typescript', '-e', script], {
        env: { TZ: zone },
        encoding: 'utf8',
      })
        .stdout.trim()
        .split('\n');
    expect(inZone('UTC')).toEqual([
      '2026-11-21T03:08:13.344458247Z',
      '2026-06-21T00:00:00Z',
      '1969-12-31T23:59:59.999999999Z',
    ]);
    expect(inZone('Europe/Berlin').slice(0, 2)).toEqual([
      '2026-11-21T04:08:13.344458247+01:00',
      '2026-06-21T02:00:00+02:00',
    ]);
    expect(inZone('America/St_Johns')[0]).toBe('2026-11-20T23:38:13.344458247-03:30');
    expect(inZone('Asia/Kolkata').map(parseTime)).toEqual([1795230493344458247n, 1782000000000000000n, -1n]);
  });

  it('survive their text', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: zeroTimeNs, max: 253402300799999999999n }), (time) => {
        expect(parseTime(formatTime(time))).toBe(time);
      }),
    );
  });

  it('become dates and back, cut to milliseconds', () => {
    const date = new Date('2026-11-21T03:08:13.344Z');
    expect(dateOfTime(timeOfDate(date) + 999_999n)).toEqual(date);
    expect(dateOfTime(-1n)).toEqual(new Date(-1));
  });
});
