import { describe, expect, it } from 'vitest';
import { planRange, type BinlogRange } from '../../../../../src/mysql/binlog/range/plan.ts';
import { parseStart } from '../../../../../src/mysql/binlog/range/start.ts';
import { parseTarget } from '../../../../../src/mysql/binlog/range/target.ts';
import { fromBytes } from '../../../../../src/bytes/stage.ts';
import { runKey } from '../../../../../src/mysql/binlog/follow/run-key.ts';
import { makeBinlogArchive } from '../../../../../testtools/made-binlog-archive.ts';
import { makeBinlog, type MadeBinlog } from '../../../../../testtools/made-binlog-file.ts';

const second = (text: string): number => Date.parse(`2026-11-21T14:${text}Z`) / 1000;

/** Files of one server, of two transactions a minute, `0-<server>-1` and so on; one file a minute. */
function files(
  base: string,
  count: number,
  more: Partial<MadeBinlog> & { first?: number } = {},
): Record<string, MadeBinlog> {
  const { serverId = 1, first = 1 } = more;
  const name = (number: number): string => `${base}.${String(number).padStart(6, '0')}`;
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => {
      const number = first + index;
      const done = 2 * (number - 1);
      const at = second(`${String(number).padStart(2, '0')}:00`);
      return [
        name(number),
        {
          serverId,
          timestamp: at,
          previous: done === 0 ? [] : [`0-1-${done}`],
          transactions: [
            { gtid: `0-${serverId}-${done + 1}`, timestamp: at + 10 },
            { gtid: `0-${serverId}-${done + 2}`, timestamp: at + 40 },
          ],
          closed: name(number + 1),
          ...more,
        },
      ];
    }),
  );
}

async function plan(
  binlogs: Readonly<Record<string, MadeBinlog>>,
  { since, until }: { readonly since: string; readonly until?: string },
): Promise<BinlogRange> {
  const { request } = await makeBinlogArchive(binlogs);
  const target = until === undefined ? ({ by: 'end' } as const) : parseTarget(until);
  return planRange({ ...request, since: parseStart(since), until: target });
}

const steps = ({ steps: all }: BinlogRange): readonly string[] =>
  all.map(({ binlog, from, skipsKnown }) => `${binlog.name}:${from}${skipsKnown ? ' without known' : ''}`);

const without = (binlogs: Record<string, MadeBinlog>, ...names: readonly string[]): Record<string, MadeBinlog> =>
  Object.fromEntries(Object.entries(binlogs).filter(([name]) => !names.includes(name)));

describe('the way through binary logs', () => {
  it('begins at a position and goes on by numbers, beyond six digits', async () => {
    const range = await plan(
      files('b', 4, { first: 999_998, timestamp: second('01:00'), previous: [], transactions: [] }),
      {
        since: 'b.999999:300',
      },
    );
    expect(steps(range)).toEqual(['b.999999:300', 'b.1000000:4', 'b.1000001:4']);
    expect(range.isReached).toBe(true);
  });

  it.each([
    ['a time', '2026-11-21T14:02:30Z', ['b.000001:4', 'b.000002:4', 'b.000003:4']],
    ['a GTID', '0-1-4', ['b.000001:4', 'b.000002:4']],
    ['a position', 'b.000002:300', ['b.000001:4', 'b.000002:4']],
  ])('ends where %s lies', async (_, until, expected) => {
    const range = await plan(files('b', 5), { since: 'b.000001:4', until });
    expect(steps(range)).toEqual(expected);
    expect(range.isReached).toBe(true);
  });

  it.each(['0-1-3', '0-9-6'])('refuses a GTID that no transaction had: %s', async (until) => {
    const jumping = {
      ...files('b', 1),
      'b.000002': { ...files('b', 2)['b.000002'], transactions: [{ gtid: '0-1-6', timestamp: second('02:10') }] },
    } as Record<string, MadeBinlog>;
    await expect(plan(jumping, { since: 'b.000001:4', until })).rejects.toThrow(`no transaction had the GTID ${until}`);
    expect(steps(await plan(jumping, { since: 'b.000001:4', until: '0-1-6' }))).toEqual(['b.000001:4', 'b.000002:4']);
  });

  it.each([
    ['is not all of its log', undefined, 'of "b.000002" only the first'],
    ['is all of its log', 'b.000003', undefined],
  ])('goes on behind a followed beginning only if it %s', async (_, closed, problem) => {
    const { 'b.000002': middle, ...others } = files('b', 3);
    const { request, transport } = await makeBinlogArchive(others);
    const done = closed === undefined ? middle?.transactions?.slice(0, 1) : middle?.transactions;
    const { bytes } = makeBinlog({ timestamp: second('02:00'), ...middle, transactions: done ?? [], closed });
    await transport.storage.write(runKey('b.000002', { start: 0, end: bytes.length }), fromBytes(bytes));
    const range = planRange({ ...request, since: parseStart('b.000001:4'), until: { by: 'end' } });
    if (problem !== undefined) await expect(range).rejects.toThrow(problem);
    else expect(steps(await range)).toEqual(['b.000001:4', 'b.000002:4', 'b.000003:4']);
  });

  it.each(['2026-11-21T14:09:00Z', '0-1-11', 'b.000005:999999', 'b.000006:4'])(
    'tells that the archive does not reach %s',
    async (until) => {
      const range = await plan(files('b', 5), { since: 'b.000001:4', until });
      expect(range.isReached).toBe(false);
      expect(range.archiveEnd?.binlog).toBe('b.000005');
      expect(range.archiveEnd?.gtids?.toString()).toBe('0-1-10');
    },
  );

  it('reaches a time and a GTID within the last binary log', async () => {
    for (const until of ['2026-11-21T14:05:39Z', '0-1-10']) {
      expect((await plan(files('b', 5), { since: 'b.000001:4', until })).isReached).toBe(true);
    }
  });

  it('has nothing to go to where the start is, and refuses to go back', async () => {
    const all = files('b', 4);
    expect((await plan(all, { since: '0-1-5', until: '0-1-5' })).steps).toEqual([]);
    await expect(plan(all, { since: '0-1-8', until: '0-1-5' })).rejects.toThrow('lies before the start');
    await expect(plan(all, { since: 'b.000003:4', until: '2026-11-21T14:02:59Z' })).rejects.toThrow('lies before');
    const time = '2026-11-21T14:03:20Z';
    await expect(plan(all, { since: time, until: '2026-11-21T14:03:10Z' })).rejects.toThrow('lies before the start');
  });

  it.each(['b.000002:100', 'b.000001:9999'])('refuses the target %s before the start', async (until) => {
    await expect(plan(files('b', 5), { since: 'b.000002:300', until })).rejects.toThrow('lies before the start');
  });

  it('refuses a gap, and names what is missing', async () => {
    const gap = without(files('b', 6), 'b.000003', 'b.000004');
    await expect(plan(gap, { since: 'b.000001:4' })).rejects.toMatchObject({
      kind: 'archiveMissing',
      message:
        'the archive has a gap: "b.000003" to "b.000004" are missing (2 binary logs), with the transactions up to 0-1-8',
    });
    await expect(plan(gap, { since: 'b.000003:4' })).rejects.toThrow(
      '"b.000003", in which the replay would begin, is missing',
    );
  });

  it('does not mind a gap behind the target', async () => {
    const gap = without(files('b', 6), 'b.000004');
    const range = await plan(gap, { since: 'b.000001:4', until: '0-1-6' });
    expect(steps(range)).toEqual(['b.000001:4', 'b.000002:4', 'b.000003:4']);
    expect(range.isReached).toBe(true);
    await expect(plan(gap, { since: 'b.000001:4', until: '0-1-7' })).rejects.toThrow('"b.000004" is missing');
  });

  it('goes on over a missing number when GTIDs prove that nothing was in it', async () => {
    const all: Record<string, MadeBinlog> = {
      ...files('b', 4),
      'b.000003': { timestamp: second('03:00'), previous: ['0-1-4'] },
    };
    const empty = {
      ...all,
      'b.000004': { ...(all['b.000004'] ?? {}), timestamp: second('04:00'), previous: ['0-1-4'] },
    };
    const range = await plan(without(empty, 'b.000003'), { since: 'b.000001:4' });
    expect(steps(range)).toEqual(['b.000001:4', 'b.000002:4', 'b.000004:4 without known']);
    expect(range.notes).toHaveLength(1);
  });

  it('leaves out what stayed from before the logs were reset', async () => {
    const old = { timestamp: second('00:00') - 86_400, previous: ['0-1-900'] };
    const range = await plan({ ...files('b', 2), 'b.000003': old, 'b.000004': old }, { since: 'b.000001:4' });
    expect(steps(range)).toEqual(['b.000001:4', 'b.000002:4']);
    expect(range.notes[0]).toContain('earlier history');
  });

  it('follows a failover to another server, of its own names or of the same', async () => {
    const replica = {
      serverId: 2,
      timestamp: second('01:30'),
      previous: ['0-1-2'],
      transactions: [
        { gtid: '0-1-3', timestamp: second('02:10') },
        { gtid: '0-1-4', timestamp: second('02:40') },
        { gtid: '0-2-5', timestamp: second('03:10') },
      ],
    };
    const other = await plan({ ...files('b', 2), 'r.000007': replica }, { since: 'b.000001:4' });
    expect(steps(other)).toEqual(['b.000001:4', 'b.000002:4', 'r.000007:4 without known']);
    const same = await plan({ ...files('b', 2), 'b.000003': replica }, { since: 'b.000001:4' });
    expect(steps(same)).toEqual(['b.000001:4', 'b.000002:4', 'b.000003:4 without known']);
    const lost = { ...replica, previous: ['0-1-6'] };
    await expect(plan({ ...files('b', 2), 'b.000003': lost }, { since: 'b.000001:4' })).rejects.toThrow(
      '"b.000003" is of another server and does not continue "b.000002"',
    );
  });

  it('does not take an unrelated server for one that went on', async () => {
    const stranger = { ...files('s', 3, { serverId: 9 }) };
    for (const [name, content] of Object.entries(stranger)) {
      stranger[name] = { ...content, previous: (content.previous ?? []).map((gtid) => gtid.replace('-1-', '-9-')) };
    }
    const range = await plan({ ...files('b', 2), ...stranger }, { since: 'b.000001:4' });
    expect(steps(range)).toEqual(['b.000001:4', 'b.000002:4']);
  });

  it('begins in the newest binary log within executed GTIDs, or before a time', async () => {
    expect(steps(await plan(files('b', 4), { since: '0-1-5' }))).toEqual([
      'b.000003:4 without known',
      'b.000004:4 without known',
    ]);
    expect(steps(await plan(files('b', 4), { since: '2026-11-21T14:03:20Z' }))).toEqual(['b.000003:4', 'b.000004:4']);
    const late = without(files('b', 4), 'b.000001');
    await expect(plan(late, { since: '0-1-1' })).rejects.toThrow('the archive begins too late');
    await expect(plan(late, { since: '2026-11-21T14:01:20Z' })).rejects.toThrow('the archive begins too late');
  });

  it('has nothing to go when the first binary log is not there yet', async () => {
    const range = await plan(files('b', 2), { since: 'b.000003:4' });
    expect(range.steps).toEqual([]);
    expect(range.isReached).toBe(true);
    expect(range.notes[0]).toContain('not in the archive yet');
  });

  it('works with the GTID sets of MySQL', async () => {
    const uuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
    const file = (number: number): MadeBinlog => ({
      flavor: 'mysql',
      timestamp: second(`0${number}:00`),
      previous: number === 1 ? [] : [`${uuid}:1-${number - 1}`],
      transactions: [{ gtid: `${uuid}:${number}`, timestamp: second(`0${number}:30`) }],
    });
    const all = { 'b.000001': file(1), 'b.000002': file(2), 'b.000003': file(3) };
    expect(steps(await plan(all, { since: 'b.000001:4', until: `${uuid}:2` }))).toEqual(['b.000001:4', 'b.000002:4']);
    await expect(plan(without(all, 'b.000002'), { since: 'b.000001:4' })).rejects.toThrow(
      `"b.000002" is missing, with the transactions up to ${uuid}:2`,
    );
  });
});
