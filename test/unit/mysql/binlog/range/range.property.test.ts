import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromBytes } from '../../../../../src/bytes/stage.ts';
import { ArchiverError } from '../../../../../src/errors.ts';
import { readTransactions } from '../../../../../src/mysql/binlog/events/transactions.ts';
import { RangeCursor } from '../../../../../src/mysql/binlog/range/cursor.ts';
import { planRange } from '../../../../../src/mysql/binlog/range/plan.ts';
import { stageBinlog } from '../../../../../src/mysql/binlog/range/stage-binlog.ts';
import { parseStart } from '../../../../../src/mysql/binlog/range/start.ts';
import { parseTarget } from '../../../../../src/mysql/binlog/range/target.ts';
import { silentLogger } from '../../../../../src/platform/logger.ts';
import { makeBinlogArchive } from '../../../../../testtools/made-binlog-archive.ts';
import type { MadeBinlog } from '../../../../../testtools/made-binlog-file.ts';

const uuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const signal = new AbortController().signal;

const flavors = {
  mariadb: { gtid: (number: number) => `0-1-${number}`, upTo: (number: number) => `0-1-${number}` },
  mysql: { gtid: (number: number) => `${uuid}:${number}`, upTo: (number: number) => `${uuid}:1-${number}` },
} as const;

/** Files with so many transactions each, a minute apart. */
function filesOf(flavor: keyof typeof flavors, counts: readonly number[]): Record<string, MadeBinlog> {
  let done = 0;
  const files = counts.map((count, index) => {
    const at = 1_800_000_000 + 60 * done;
    const transactions = Array.from({ length: count }, (_, own) => ({
      gtid: flavors[flavor].gtid(done + own + 1),
      timestamp: at + 60 * (own + 1),
    }));
    const previous = done === 0 ? [] : [flavors[flavor].upTo(done)];
    done += count;
    return [`b.00000${index + 1}`, { flavor, timestamp: at, previous, transactions }] as const;
  });
  return Object.fromEntries(files);
}

describe('a replay in two parts', () => {
  it('applies each transaction once, wherever it is parted and however that is said', async () => {
    const parted = fc.record({
      flavor: fc.constantFrom('mariadb' as const, 'mysql' as const),
      counts: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 5 }),
      place: fc.double({ min: 0, max: 1, noNaN: true }),
      by: fc.constantFrom('gtid' as const, 'time' as const, 'position' as const),
    });
    await fc.assert(
      fc.asyncProperty(parted, async ({ flavor, counts, place, by }) => {
        const { request, files } = await makeBinlogArchive(filesOf(flavor, counts));
        const total = counts.reduce((sum, count) => sum + count, 0);
        fc.pre(total > 1);
        const first = 1 + Math.floor(place * (total - 1.001));
        const ends = Object.entries(files).flatMap(([name, { transactions }]) =>
          transactions.map(({ end }) => `${name}:${end}`),
        );
        const instant = new Date((1_800_000_000 + 60 * first + 1) * 1000).toISOString();
        const until = { gtid: flavors[flavor].gtid(first), time: instant, position: ends[first - 1] ?? '' }[by];
        const since = { gtid: flavors[flavor].upTo(first), time: instant, position: ends[first - 1] ?? '' }[by];

        const gtids: string[] = [];
        for (const [from, to] of [
          ['b.000001:4', until],
          [since, undefined],
        ] as const) {
          const target = to === undefined ? ({ by: 'end' } as const) : parseTarget(to);
          const range = await planRange({ ...request, since: parseStart(from), until: target });
          const cursor = new RangeCursor(range);
          const folder = mkdtempSync(join(tmpdir(), 'walvault-parted-'));
          for (const step of range.steps) {
            const path = join(folder, step.binlog.name);
            await stageBinlog(step, { cursor, path, logger: silentLogger, signal });
            for await (const { gtid } of readTransactions(fromBytes(readFileSync(path)), { name: path })) {
              gtids.push(gtid ?? '');
            }
          }
          rmSync(folder, { recursive: true });
          if (to !== undefined) expect(gtids).toHaveLength(first);
        }
        expect(gtids).toEqual(Array.from({ length: total }, (_, index) => flavors[flavor].gtid(index + 1)));
      }),
      { numRuns: 60 },
    );
  });
});

describe('what --since and --until are given', () => {
  it('is understood or refused, whatever it is', () => {
    const texts = fc.oneof(
      fc.string(),
      fc.stringMatching(/^[\d-]{1,30}$/),
      fc.stringMatching(/^[a-z.-]{0,8}\.\d{1,9}:\d{0,20}$/),
      fc.stringMatching(/^2026-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/),
    );
    fc.assert(
      fc.property(texts, (text) => {
        for (const parse of [parseStart, parseTarget]) {
          try {
            parse(text);
          } catch (error) {
            expect(error).toBeInstanceOf(ArchiverError);
            expect(error).toMatchObject({ kind: 'usage' });
          }
        }
      }),
    );
  });
});
