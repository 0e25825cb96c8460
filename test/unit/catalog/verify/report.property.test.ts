import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CorruptError } from '../../../../src/errors.ts';
import { formatReport, parseReport } from '../../../../src/catalog/verify/report-json.ts';
import type { VerifyReport, VerifyStatus } from '../../../../src/catalog/verify/report.ts';
import { formatWalReport, parseWalReport, type WalReport } from '../../../../src/postgres/verify/wal-report.ts';

const count = fc.nat();
const time = fc.bigInt({ min: 0n, max: 2_000_000_000_000_000_000n });
const text = fc.string();
const status = fc.constantFrom<VerifyStatus>('proven', 'damaged', 'partial');
const amount = fc.record({ read: count, total: count });
const problems = fc.array(fc.record({ key: text, file: fc.option(text, { nil: undefined }), what: text }));
const done = fc.dictionary(
  fc.string({ minLength: 1 }).filter((name) => name !== '__proto__'),
  fc.record({ storedBytes: count, memberBytes: count, names: count, hasLabel: fc.boolean() }),
);

const report: fc.Arbitrary<VerifyReport> = fc.record({
  backup: fc.constant('base_000000010000000000000002'),
  startTime: fc.option(time, { nil: undefined }),
  bases: fc.array(text),
  status,
  provenAt: fc.option(time, { nil: undefined }),
  checkedAt: time,
  objects: amount,
  bytes: amount,
  problems,
  problemCount: count,
  notes: fc.array(text),
  round: fc.option(
    fc.record({
      since: time,
      done: done.map((entries) => new Map(Object.entries(entries))),
      problems,
      problemCount: count,
      suspects: fc.array(fc.record({ key: text, file: text, page: count })),
    }),
    { nil: undefined },
  ),
});

const range = fc.record({
  timeline: count,
  first: fc.bigInt({ min: 0n, max: 1n << 40n }),
  last: fc.constant(1n << 41n),
});

const walReport: fc.Arbitrary<WalReport> = fc.record({
  status,
  provenAt: fc.option(time, { nil: undefined }),
  checkedAt: time,
  segments: amount,
  problems,
  problemCount: count,
  notes: fc.array(text),
  round: fc.option(fc.record({ since: time, done: fc.array(range), problems, problemCount: count }), {
    nil: undefined,
  }),
});

describe('reports', () => {
  it('read back as they were written', () => {
    fc.assert(
      fc.property(report, (given) => {
        expect(parseReport(formatReport(given), given.backup)).toEqual(given);
      }),
    );
    fc.assert(
      fc.property(walReport, (given) => {
        expect(parseWalReport(formatWalReport(given))).toEqual(given);
      }),
    );
  });

  it('of another form, or of another backup, are refused as corrupt', () => {
    fc.assert(
      fc.property(fc.oneof(text, fc.json(), report.map(formatReport)), (given) => {
        expect(() => parseReport(given, 'base_000000010000000000000009')).toThrow(CorruptError);
        expect(() => parseWalReport(given)).toThrow(CorruptError);
      }),
    );
  });
});
