import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { biggestFirst, planParts } from '../../../../src/postgres/backup/plan-parts.ts';
import type { ClusterEntry } from '../../../../src/postgres/cluster/walk.ts';

const entries = fc
  .array(fc.oneof(fc.constant(undefined), fc.nat({ max: 2 ** 31 }), fc.nat({ max: 10_000 })), { maxLength: 60 })
  .map((sizes) =>
    sizes.map((size, index): ClusterEntry => ({
      name: `/${index}`,
      type: size === undefined ? 'directory' : 'file',
      mode: 0o600,
      uid: 0,
      gid: 0,
      sizeBytes: size ?? 0,
      mtimeNs: 0n,
      linkTarget: '',
    })),
  );
const limits = fc.record({
  thresholdBytes: fc.integer({ min: 1, max: 2 ** 31 }),
  workers: fc.integer({ min: 1, max: 64 }),
});

describe('planning the parts of a backup', () => {
  it('puts every entry into exactly one part, in the order of the walk', () => {
    fc.assert(
      fc.property(entries, limits, (all, limit) => {
        expect(planParts(all, limit).flatMap((part) => part.entries)).toEqual(all);
      }),
    );
  });

  it('keeps every part that holds more than one file within the threshold', () => {
    fc.assert(
      fc.property(entries, limits, (all, limit) => {
        for (const part of planParts(all, limit)) {
          const files = part.entries.filter((entry) => entry.sizeBytes > 0);
          expect(part.fileBytes).toBe(files.reduce((sum, file) => sum + file.sizeBytes, 0));
          if (files.length > 1) expect(part.fileBytes).toBeLessThanOrEqual(limit.thresholdBytes);
        }
      }),
    );
  });

  it('numbers parts from 001 without gaps and writes the most expensive first', () => {
    fc.assert(
      fc.property(entries, limits, (all, limit) => {
        const parts = planParts(all, limit);
        parts.forEach((part, index) => {
          expect(part.name).toBe(`part_${String(index + 1).padStart(3, '0')}.tar`);
        });
        const costs = biggestFirst(parts).map((part) => part.fileBytes + part.entries.length * 16384);
        expect(costs).toEqual([...costs].sort((a, b) => b - a));
        expect(costs).toHaveLength(parts.length);
      }),
    );
  });
});
