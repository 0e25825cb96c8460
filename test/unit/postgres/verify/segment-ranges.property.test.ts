import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSegmentRanges } from '../../../../src/postgres/verify/segment-ranges.ts';

const segment = fc.record({ timeline: fc.nat(2), number: fc.bigInt({ min: 0n, max: 30n }) });

describe('ranges of segments', () => {
  it('hold what was put into them, in as few stretches as there are', () => {
    fc.assert(
      fc.property(fc.array(segment), fc.array(segment), (first, second) => {
        const one = createSegmentRanges();
        for (const added of first) one.add(added);
        const ranges = createSegmentRanges(one.ranges());
        for (const added of second) ranges.add(added);
        const plain = new Set([...first, ...second].map(({ timeline, number }) => `${timeline}/${number}`));
        for (let timeline = 0; timeline <= 2; timeline += 1) {
          for (let number = 0n; number <= 31n; number += 1n) {
            expect(ranges.has({ timeline, number })).toBe(plain.has(`${timeline}/${number}`));
          }
        }
        const starts = [...plain].filter((name) => {
          const [timeline = '', number = ''] = name.split('/');
          return !plain.has(`${timeline}/${BigInt(number) - 1n}`);
        });
        expect(ranges.ranges()).toHaveLength(starts.length);
      }),
    );
  });
});
