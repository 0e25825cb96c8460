import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fromBytes } from '../../../../../src/bytes/stage.ts';
import { binlogKey } from '../../../../../src/mysql/binlog/archive.ts';
import { readTransactions } from '../../../../../src/mysql/binlog/events/transactions.ts';
import { planRange } from '../../../../../src/mysql/binlog/range/plan.ts';
import { parseStart } from '../../../../../src/mysql/binlog/range/start.ts';
import type { BinlogTarget } from '../../../../../src/mysql/binlog/range/target.ts';
import { parseTarget } from '../../../../../src/mysql/binlog/range/target.ts';
import { refuseShortArchive, replayBinlogs } from '../../../../../src/mysql/binlog/replay/replay.ts';
import { silentLogger } from '../../../../../src/platform/logger.ts';
import { makeBinlogArchive, type MadeBinlogArchive } from '../../../../../testtools/made-binlog-archive.ts';
import type { MadeBinlog } from '../../../../../testtools/made-binlog-file.ts';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'walvault-replay-test-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const at = Date.parse('2026-11-21T14:00:00Z') / 1000;
const signal = new AbortController().signal;

/** Eight files of one transaction each; the third has none. */
function binlogs(): Record<string, MadeBinlog> {
  const numbers = [1, 2, 3, 4, 5, 6, 7, 8];
  return Object.fromEntries(
    numbers.map((number) => {
      const transactions = number === 3 ? [] : [{ gtid: `0-1-${number}`, timestamp: at + 60 * number + 30 }];
      const before = number === 4 ? 2 : number - 1;
      return [
        `b.00000${number}`,
        { timestamp: at + 60 * number, previous: before === 0 ? [] : [`0-1-${before}`], transactions },
      ];
    }),
  );
}

interface Applied {
  readonly archive: MadeBinlogArchive;
  readonly gtids: readonly string[];
  /** Most files in the folder at once. */
  readonly most: number;
  readonly outcome: unknown;
}

async function replay(
  until: BinlogTarget,
  { failAt, archive: given }: { readonly failAt?: string; readonly archive?: MadeBinlogArchive } = {},
): Promise<Applied> {
  const archive = given ?? (await makeBinlogArchive(binlogs()));
  const range = await planRange({ ...archive.request, since: parseStart('b.000001:4'), until });
  const gtids: string[] = [];
  let most = 0;
  const applier = {
    async apply({ name }: { readonly name: string }, path: string) {
      expect(path).toBe(join(folder, name));
      if (name === failAt) throw new Error('no such luck');
      // Time for what comes ahead.
      for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
      most = Math.max(most, readdirSync(folder).length);
      for await (const { gtid } of readTransactions(fromBytes(readFileSync(path)), { name })) gtids.push(gtid ?? '');
    },
  };
  const outcome: unknown = await replayBinlogs({ range, folder, applier, logger: silentLogger, signal }).catch(
    (error: unknown) => error,
  );
  expect(readdirSync(folder)).toEqual([]);
  return { archive, gtids, most, outcome };
}

describe('a replay', () => {
  it('hands over every binary log with something in it, in order, few ahead', async () => {
    const { gtids, most, outcome } = await replay({ by: 'end' });
    expect(gtids).toEqual([1, 2, 4, 5, 6, 7, 8].map((number) => `0-1-${number}`));
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(3);
    expect(outcome).toMatchObject({ transactions: 7, binlogs: 7, last: { binlog: 'b.000008', gtid: '0-1-8' } });
  });

  it('ends at its target and fetches nothing behind it', async () => {
    const { gtids, outcome } = await replay(parseTarget('0-1-4'));
    expect(gtids).toEqual(['0-1-1', '0-1-2', '0-1-4']);
    expect(outcome).toMatchObject({ last: { gtid: '0-1-4' } });
  });

  it('refuses a GTID that the start, at the end of the archive, has left behind', async () => {
    const { request, files } = await makeBinlogArchive(binlogs());
    const since = parseStart(`b.000008:${files['b.000008']?.transactions[0]?.end ?? 0}`);
    for (const [until, message] of [
      ['0-1-7', 'the target 0-1-7 lies before the start'],
      ['0-1-8', undefined],
    ] as const) {
      const range = await planRange({ ...request, since, until: parseTarget(until) });
      const applier = { apply: () => Promise.reject(new Error('nothing is to be applied')) };
      const replayed = replayBinlogs({ range, folder, applier, logger: silentLogger, signal });
      if (message === undefined) expect(await replayed).toMatchObject({ transactions: 0 });
      else await expect(replayed).rejects.toThrow(message);
    }
  });

  it('leaves nothing behind when a log cannot be applied, or is damaged', async () => {
    const failed = await replay({ by: 'end' }, { failAt: 'b.000004' });
    expect(failed.gtids).toEqual(['0-1-1', '0-1-2']);
    expect(failed.outcome).toMatchObject({ message: 'no such luck' });

    const archive = await makeBinlogArchive(binlogs());
    const damaged = Buffer.from(archive.files['b.000006']?.bytes ?? []);
    damaged.writeUInt8(damaged.readUInt8(damaged.length - 5) ^ 1, damaged.length - 5);
    await archive.transport.storage.write(binlogKey('b.000006'), fromBytes(damaged));
    const corrupt = await replay({ by: 'end' }, { archive });
    expect(corrupt.gtids).toEqual(['0-1-1', '0-1-2', '0-1-4', '0-1-5']);
    expect(corrupt.outcome).toMatchObject({ kind: 'corrupt' });
  });

  it('makes a directory of its own when it is given none, and removes it', async () => {
    const { request } = await makeBinlogArchive(binlogs());
    const range = await planRange({ ...request, since: parseStart('b.000001:4'), until: { by: 'end' } });
    let seen = '';
    const applier = {
      apply: (_binlog: unknown, path: string) => {
        seen = path;
        return Promise.resolve();
      },
    };
    await replayBinlogs({ range, folder: undefined, applier, logger: silentLogger, signal });
    expect(seen).toContain('b.000008');
    expect(existsSync(join(seen, '..'))).toBe(false);
  });

  it('is refused when the archive ends before the target', async () => {
    const { request } = await makeBinlogArchive(binlogs());
    const since = parseStart('b.000001:4');
    const range = await planRange({ ...request, since, until: parseTarget('2026-11-21T15:00:00Z') });
    expect(() => {
      refuseShortArchive(range);
    }).toThrow(
      'the archive does not reach 2026-11-21T15:00:00Z: it ends with "b.000008", at 2026-11-21T14:08:30Z (0-1-8)',
    );
  });
});
