import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planParts, type PackedEntry, type PartLimits } from '../../../../src/postgres/backup/plan-parts.ts';
import { planByDatabase } from '../../../../src/postgres/composers/by-database.ts';
import { planByRating } from '../../../../src/postgres/composers/by-rating.ts';
import { findUnchangedParts } from '../../../../src/postgres/composers/unchanged-parts.ts';
import { clusterEntry } from '../../../../testtools/cluster-entries.ts';

const folders = fc.constantFrom('', '/global', '/base/1', '/base/5', '/base/16384', '/pg_tblspc/17/PG_17_202406281/5');
const walk = fc
  .array(fc.tuple(folders, fc.nat({ max: 2 ** 26 }), fc.nat({ max: 9 })), { maxLength: 80 })
  .map((files) => [
    clusterEntry('/', { type: 'directory', sizeBytes: 0 }),
    clusterEntry('/base', { type: 'directory', sizeBytes: 0 }),
    clusterEntry('/link', { type: 'symlink', sizeBytes: 0 }),
    ...files.map(([folder, sizeBytes, mtime], index) =>
      clusterEntry(`${folder}/${index}`, { sizeBytes, mtimeNs: BigInt(mtime) }),
    ),
  ]);
const limits = fc.record({
  thresholdBytes: fc.integer({ min: 1, max: 2 ** 27 }),
  workers: fc.integer({ min: 1, max: 8 }),
});

function ratingOf(name: string): number {
  return Number(name.replace(/\D/g, '')) % 4;
}

const composers = {
  regular: planParts,
  database: planByDatabase,
  rating: (entries: readonly PackedEntry[], limit: PartLimits) =>
    planByRating(entries, limit, { of: ratingOf, before: (name) => name.length % 2 }),
};

describe.each(Object.entries(composers))('the %s composer', (_name, plan) => {
  it('puts every entry into exactly one part, and numbers the parts from 1', () => {
    fc.assert(
      fc.property(walk, limits, (entries, limit) => {
        const parts = plan(entries, limit);
        expect(new Set(parts.flatMap((part) => part.entries))).toEqual(new Set(entries));
        expect(parts.reduce((sum, part) => sum + part.entries.length, 0)).toBe(entries.length);
        expect(parts.map((part) => part.name)).toEqual(
          parts.map((_part, index) => `part_${String(index + 1).padStart(3, '0')}.tar`),
        );
      }),
    );
  });
});

describe('composing by database', () => {
  it('has no part with files of two databases, and the headers in parts without files', () => {
    fc.assert(
      fc.property(walk, limits, (entries, limit) => {
        for (const part of planByDatabase(entries, limit)) {
          const kinds = new Set(
            part.entries.map(({ type, name }) =>
              type !== 'file' ? 'header' : (/^\/(?:base|pg_tblspc\/.*)\/\d+(?=\/)/.exec(name)?.[0] ?? 'shared'),
            ),
          );
          expect(kinds.size).toBe(1);
        }
      }),
    );
  });
});

describe('composing by rating', () => {
  it('has the least written first, and those that nobody writes to apart', () => {
    fc.assert(
      fc.property(walk, limits, (entries, limit) => {
        const parts = planByRating(entries, limit, { of: ratingOf, before: () => 0 });
        const files = parts.flatMap((part) => part.entries).filter(({ type }) => type === 'file');
        const ratings = files.map(({ name }) => ratingOf(name));
        expect(ratings).toEqual(ratings.toSorted((a, b) => a - b));
        for (const part of parts) {
          const own = part.entries.map(({ type, name }) => (type === 'file' ? Math.sign(ratingOf(name)) : -1));
          expect(new Set(own).size).toBe(1);
        }
      }),
    );
  });
});

describe('finding parts to copy', () => {
  it('takes an entry once, and only parts all of whose files are as they were', () => {
    const startTime = 1_000_000_000_000n;
    const before = (name: string, mtimeNs: bigint, sizeBytes: number) => [name, { mtimeNs, sizeBytes }] as const;
    fc.assert(
      fc.property(walk, limits, fc.array(fc.nat({ max: 80 })), (entries, limit, changed) => {
        const files = new Map(entries.map(({ name, mtimeNs, sizeBytes }) => before(name, mtimeNs, sizeBytes)));
        const isChanged = new Set(changed.map((index) => entries[index]?.name));
        const now = entries.map((entry) => (isChanged.has(entry.name) ? { ...entry, mtimeNs: 77n } : entry));
        const parts = planParts(entries, limit).map(({ name, entries: members }) => ({
          key: name,
          sizeBytes: 1,
          members: members.map((member) => member.name),
        }));
        const source = {
          startTime,
          parts,
          files: {
            of(name: string) {
              const file = files.get(name);
              if (file === undefined) return undefined;
              return { modified: file.mtimeNs, sizeBytes: file.sizeBytes, updatesCount: 0, isDamaged: false };
            },
          },
        };
        const found = findUnchangedParts(source, now);
        const expected = parts.filter(({ members }) =>
          members.every((name) => !isChanged.has(name) || files.get(name)?.sizeBytes === 0),
        );
        const taken = found.flatMap((one) => one.entries);
        expect(new Set(taken).size).toBe(taken.length);
        const isCertain = (part: (typeof parts)[number]) => part.members.every((name) => !isChanged.has(name));
        expect(found.map(({ part }) => part)).toEqual(expect.arrayContaining(parts.filter(isCertain)));
        for (const { part } of found) expect(expected).toContain(part);
      }),
    );
  });
});
