import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fromBytes } from '../../../../../src/bytes/stage.ts';
import { binlogKey } from '../../../../../src/mysql/binlog/archive.ts';
import { readTransactions } from '../../../../../src/mysql/binlog/events/transactions.ts';
import { RangeCursor } from '../../../../../src/mysql/binlog/range/cursor.ts';
import { planRange } from '../../../../../src/mysql/binlog/range/plan.ts';
import { stageBinlog, type StagedBinlog } from '../../../../../src/mysql/binlog/range/stage-binlog.ts';
import { parseStart } from '../../../../../src/mysql/binlog/range/start.ts';
import { parseTarget } from '../../../../../src/mysql/binlog/range/target.ts';
import { silentLogger } from '../../../../../src/platform/logger.ts';
import { makeBinlogArchive } from '../../../../../testtools/made-binlog-archive.ts';
import type { MadeBinlog } from '../../../../../testtools/made-binlog-file.ts';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'walvault-stage-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const at = Date.parse('2026-11-21T14:00:00Z') / 1000;
const signal = new AbortController().signal;

const first: MadeBinlog = {
  timestamp: at,
  previous: ['0-1-10'],
  transactions: [1, 2, 3, 4].map((number) => ({ gtid: `0-1-${10 + number}`, timestamp: at + 10 * number })),
  closed: 'b.000002',
};
const second: MadeBinlog = {
  timestamp: at + 60,
  previous: ['0-1-14'],
  transactions: [5, 6].map((number) => ({ gtid: `0-1-${10 + number}`, timestamp: at + 60 + number, bytes: 300_000 })),
  closed: 'b.000003',
};

interface Staged {
  readonly staged: readonly StagedBinlog[];
  /** GTIDs in the files, in order. */
  readonly gtids: readonly string[];
  readonly cursor: RangeCursor;
}

/** Stages all steps from a start to a target. */
async function stage(
  binlogs: Readonly<Record<string, MadeBinlog>>,
  { since, until, isWhole = false }: { readonly since: string; readonly until?: string; readonly isWhole?: boolean },
): Promise<Staged> {
  const { request } = await makeBinlogArchive(binlogs);
  const target = until === undefined ? ({ by: 'end' } as const) : parseTarget(until);
  const range = await planRange({ ...request, since: parseStart(since), until: target });
  const cursor = new RangeCursor(range);
  const staged: StagedBinlog[] = [];
  const gtids: string[] = [];
  for (const step of range.steps) {
    const path = join(folder, step.binlog.name);
    staged.push(await stageBinlog(step, { cursor, path, isWhole, logger: silentLogger, signal }));
    for await (const { gtid, isComplete } of readTransactions(fromBytes(readFileSync(path)), { name: path })) {
      expect(isComplete).toBe(true);
      gtids.push(gtid ?? 'none');
    }
  }
  return { staged, gtids, cursor };
}

describe('a staged binary log', () => {
  it('ends with the very transaction of the target, where numbers go back and forth', async () => {
    const transactions = ['0-1-100', '0-2-50', '0-2-51', '0-1-101'].map((gtid) => ({ gtid, timestamp: at + 10 }));
    const { gtids } = await stage(
      { 'b.000001': { timestamp: at, previous: [], transactions, closed: 'b.000002' } },
      { since: 'b.000001:4', until: '0-2-51' },
    );
    expect(gtids).toEqual(['0-1-100', '0-2-50', '0-2-51']);
  });

  it.each([
    ['was stored by another server of the same id, which had less', '0-1-13'],
    ['was stored by another server of the same id, which had more', '0-1-17'],
  ])('is refused when it %s', async (_, previous) => {
    await expect(
      stage({ 'b.000001': first, 'b.000002': { ...second, previous: [previous] } }, { since: 'b.000001:4' }),
    ).rejects.toThrow(
      `"b.000002" does not continue "b.000001": that ends with 0-1-14, and it begins after ${previous}`,
    );
  });

  it('holds what follows the start and all up to the target, and can be read', async () => {
    const { files } = await makeBinlogArchive({ 'b.000001': first });
    const [, , third] = files['b.000001']?.transactions ?? [];
    const { staged, gtids, cursor } = await stage(
      { 'b.000001': first, 'b.000002': second },
      { since: `b.000001:${third?.start ?? 0}`, until: '0-1-15' },
    );
    expect(gtids).toEqual(['0-1-13', '0-1-14', '0-1-15']);
    expect(staged[0]?.wanted?.start).toBe(third?.start);
    expect(staged[0]?.firstGtid).toBe('0-1-13');
    expect(cursor.isBehind).toBe(true);
    cursor.finish();
    expect(cursor.last).toMatchObject({ binlog: 'b.000002', gtid: '0-1-15' });
  });

  it.each([
    ['2026-11-21T14:00:20Z', ['0-1-11']],
    ['2026-11-21T14:00:20.5Z', ['0-1-11', '0-1-12']],
    ['2026-11-21T14:00:21Z', ['0-1-11', '0-1-12']],
    ['2026-11-21T14:01:06Z', ['0-1-11', '0-1-12', '0-1-13', '0-1-14', '0-1-15']],
  ])('holds what was committed before %s', async (until, expected) => {
    expect((await stage({ 'b.000001': first, 'b.000002': second }, { since: 'b.000001:4', until })).gtids).toEqual(
      expected,
    );
  });

  it('tells times of MySQL to the microsecond', async () => {
    const uuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
    const transactions = [100_000, 600_000].map((micros, index) => ({
      gtid: `${uuid}:${index + 1}`,
      timestamp: at + 20,
      committedMicros: BigInt(at + 20) * 1_000_000n + BigInt(micros),
    }));
    const file: MadeBinlog = { flavor: 'mysql', timestamp: at, transactions, closed: 'b.000002' };
    const next: MadeBinlog = { flavor: 'mysql', timestamp: at + 60, previous: [`${uuid}:1-2`] };
    const { gtids } = await stage(
      { 'b.000001': file, 'b.000002': next },
      { since: 'b.000001:4', until: '2026-11-21T14:00:20.5Z' },
    );
    expect(gtids).toEqual([`${uuid}:1`]);
  });

  it('holds no half transaction, whatever position is the target', async () => {
    const { files } = await makeBinlogArchive({ 'b.000001': first });
    const places = files['b.000001']?.transactions ?? [];
    for (const until of [places[1]?.end ?? 0, (places[2]?.end ?? 0) - 1]) {
      rmSync(join(folder, 'b.000001'), { force: true });
      const { gtids } = await stage({ 'b.000001': first }, { since: 'b.000001:4', until: `b.000001:${until}` });
      expect(gtids).toEqual(['0-1-11', '0-1-12']);
    }
  });

  it('leaves out what was executed before, of another server and of GTIDs that are given', async () => {
    const replica: MadeBinlog = {
      serverId: 2,
      timestamp: at + 30,
      previous: ['0-1-12'],
      transactions: ['0-1-13', '0-1-14', '0-2-15'].map((gtid) => ({ gtid, timestamp: at + 70 })),
    };
    const { gtids } = await stage({ 'b.000001': first, 'r.000001': replica }, { since: '0-1-12' });
    expect(gtids).toEqual(['0-1-13', '0-1-14', '0-2-15']);
  });

  it('of a server that crashed ends with the last whole transaction', async () => {
    const half = { gtid: '0-1-15', timestamp: at + 50, isCut: true };
    const crashed: MadeBinlog = {
      ...first,
      closed: undefined,
      isInUse: true,
      transactions: [...(first.transactions ?? []), half],
    };
    const binlogs = { 'b.000001': crashed, 'b.000002': second };
    const { gtids } = await stage(binlogs, { since: 'b.000001:4' });
    expect(gtids).toEqual(['0-1-11', '0-1-12', '0-1-13', '0-1-14', '0-1-15', '0-1-16']);
  });

  it.each([
    [['0-1-14'], undefined],
    [['0-1-15'], '"b.000001" is cut off: it lacks transactions up to 0-1-15'],
  ])('may end in the midst of an event when its server crashed then, having executed %s', async (previous, message) => {
    const next: MadeBinlog = { ...second, previous, isAfterStart: true };
    const { request, files, transport } = await makeBinlogArchive({ 'b.000001': first, 'b.000002': next });
    const { bytes = Buffer.alloc(0) } = files['b.000001'] ?? {};
    await transport.storage.write(binlogKey('b.000001'), fromBytes(bytes.subarray(0, bytes.length - 10)));
    const range = await planRange({ ...request, since: parseStart('b.000001:4'), until: { by: 'end' } });
    const cursor = new RangeCursor(range);
    const [one, two] = range.steps.map((step) => async () => {
      const path = join(folder, step.binlog.name);
      return stageBinlog(step, { cursor, path, logger: silentLogger, signal });
    });
    expect(await one?.()).toMatchObject({ transactions: 4 });
    const outcome = two?.().then(
      () => undefined,
      (error: unknown) => (error as Error).message,
    );
    expect(await outcome).toBe(message);
  });

  it('is whole when it is to be, and says what is wanted', async () => {
    const { files } = await makeBinlogArchive({ 'b.000001': first });
    const { staged } = await stage({ 'b.000001': first }, { since: 'b.000001:4', until: '0-1-12', isWhole: true });
    expect(readFileSync(join(folder, 'b.000001'))).toEqual(files['b.000001']?.bytes);
    expect(staged[0]?.wanted).toEqual({
      start: files['b.000001']?.transactions[0]?.start,
      end: files['b.000001']?.transactions[1]?.end,
    });
  });

  it('refuses a target that the start has left behind', async () => {
    const { files } = await makeBinlogArchive({ 'b.000001': first });
    const since = `b.000001:${files['b.000001']?.transactions[2]?.start ?? 0}`;
    for (const until of ['0-1-11', '2026-11-21T14:00:15Z']) {
      await expect(stage({ 'b.000001': first }, { since, until })).rejects.toThrow('lies before the start');
      expect(readdirSync(folder)).toEqual([]);
    }
    expect((await stage({ 'b.000001': first }, { since, until: '0-1-12' })).gtids).toEqual([]);
    rmSync(join(folder, 'b.000001'));
    for (const until of ['0-1-11', '2026-11-21T14:00:15Z', since]) {
      await expect(stage({ 'b.000001': first }, { since: '0-1-13', until })).rejects.toThrow('lies before the start');
    }
  });

  it('is not made of a damaged or cut file, and nothing is left of it', async () => {
    const { request, files, transport } = await makeBinlogArchive({ 'b.000001': first });
    const range = await planRange({ ...request, since: parseStart('b.000001:4'), until: { by: 'end' } });
    const [step] = range.steps;
    const { bytes = Buffer.alloc(0), transactions = [] } = files['b.000001'] ?? {};
    const damaged = Buffer.from(bytes);
    const place = (transactions[2]?.start ?? 0) + 80;
    damaged[place] = (damaged[place] ?? 0) ^ 1;
    for (const [content, message] of [
      [damaged, 'fails its checksum'],
      [bytes.subarray(0, bytes.length - 10), 'ends early'],
    ] as const) {
      await transport.storage.write(binlogKey('b.000001'), fromBytes(content));
      const path = join(folder, 'b.000001');
      const options = { cursor: new RangeCursor(range), path, logger: silentLogger, signal };
      if (step === undefined) throw new Error('no step');
      await expect(stageBinlog(step, options)).rejects.toThrow(message);
      expect(readdirSync(folder)).toEqual([]);
    }
  });

  it('does not take the place of a file that is there', async () => {
    writeFileSync(join(folder, 'b.000001'), 'mine');
    await expect(stage({ 'b.000001': first }, { since: 'b.000001:4' })).rejects.toMatchObject({ kind: 'cannotWrite' });
    expect(readFileSync(join(folder, 'b.000001'), 'utf8')).toBe('mine');
  });
});
