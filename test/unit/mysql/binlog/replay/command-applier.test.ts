import { afterEach, describe, expect, it } from 'vitest';
import { stopTime } from '../../../../../src/mysql/binlog/replay/command-applier.ts';
import { parseTarget } from '../../../../../src/mysql/binlog/range/target.ts';

const zone = process.env['TZ'];

afterEach(() => {
  if (zone === undefined) delete process.env['TZ'];
  else process.env['TZ'] = zone;
});

describe('the time that a replay command is to stop at', () => {
  const now = new Date('2026-11-21T20:00:00.500Z');
  const seconds = (text: string): number => Date.parse(text) / 1000;

  it('is the target in local time, in whole seconds', () => {
    process.env['TZ'] = 'America/New_York';
    const lastTimestamp = seconds('2026-11-21T14:02:00Z');
    expect(stopTime(parseTarget('2026-11-21T14:03:00Z'), { now, lastTimestamp })).toBe('2026-11-21 09:03:00');
    expect(stopTime(parseTarget('2026-11-21T14:03:00.1Z'), { now, lastTimestamp })).toBe('2026-11-21 09:03:01');
  });

  it('cuts nothing off that the file holds', () => {
    process.env['TZ'] = 'UTC';
    const lastTimestamp = seconds('2026-11-21T14:03:05Z');
    expect(stopTime(parseTarget('2026-11-21T14:03:00Z'), { now, lastTimestamp })).toBe('2026-11-21 14:03:06');
    expect(stopTime(parseTarget('0-1-7'), { now, lastTimestamp })).toBe('2026-11-21 20:00:00');
  });
});
