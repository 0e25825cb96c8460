import fc from 'fast-check';
import { expect, it } from 'vitest';
import { countOf, holds, SegmentCollector, splitDownwards } from '../../../../src/postgres/wal-report/segment-runs.ts';

const numbers = fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 60 });

function runsOf(given: readonly number[]) {
  const collector = new SegmentCollector();
  for (const number of given) collector.add({ timeline: 1, number: BigInt(number) });
  return collector.runs().get(1) ?? [];
}

it('runs hold exactly the segments that were taken, in whatever order and however often', { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(numbers, (given) => {
      const runs = runsOf(given);
      const set = new Set(given);
      expect(countOf(runs)).toBe(BigInt(set.size));
      for (let number = 0; number <= 61; number += 1) expect(holds(runs, BigInt(number))).toBe(set.has(number));
      expect(runs.every(({ first }, index) => index === 0 || first > (runs[index - 1]?.last ?? 0n) + 1n)).toBe(true);
    }),
  );
});

it('a range is split into what is there and what is not, without a hole and downwards', { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(numbers, fc.nat(60), fc.nat(60), (given, a, b) => {
      const [low, high] = [BigInt(Math.min(a, b)), BigInt(Math.max(a, b))];
      const set = new Set(given.map(BigInt));
      let next = high;
      for (const { first, last, found } of splitDownwards(runsOf(given), { first: low, last: high })) {
        expect(last).toBe(next);
        expect(first).toBeLessThanOrEqual(last);
        for (let number = first; number <= last; number += 1n) expect(set.has(number)).toBe(found);
        next = first - 1n;
      }
      expect(next).toBe(low - 1n);
    }),
  );
});

it('timelines are apart from each other', { timeout: 60_000 }, () => {
  const collector = new SegmentCollector();
  for (const timeline of [3, 1, 3]) collector.add({ timeline, number: BigInt(timeline) });
  expect([...collector.runs()]).toEqual([
    [1, [{ first: 1n, last: 1n }]],
    [3, [{ first: 3n, last: 3n }]],
  ]);
});
