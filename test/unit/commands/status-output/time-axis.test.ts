import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ticksBetween } from '../../../../src/commands/status-output/time-axis.ts';

it('an axis has a few marks at round times, each told from its neighbours', () => {
  const at = (text: string) => new Date(`${text}Z`);
  const texts = (from: string, to: string) => ticksBetween(at(from), at(to)).map(({ text }) => text);
  expect(texts('2026-11-20T21:10:00', '2026-11-21T02:30:00')).toEqual(['22:00', '23:00', '11-21', '01:00', '02:00']);
  expect(texts('2026-11-07T02:00:00', '2026-11-21T12:00:00')).toEqual([
    ...['11-09', '11-11', '11-13', '11-15', '11-17', '11-19', '11-21'],
  ]);
  fc.assert(
    fc.property(fc.nat(2_000_000_000_000), fc.integer({ min: 180_000, max: 3_000_000_000_000 }), (from, span) => {
      const ticks = ticksBetween(new Date(from), new Date(from + span));
      expect(ticks.length).toBeGreaterThan(1);
      expect(ticks.length).toBeLessThan(10);
      expect(new Set(ticks.map(({ at: time }) => time.getTime())).size).toBe(ticks.length);
    }),
  );
});
