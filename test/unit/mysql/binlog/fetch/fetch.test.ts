import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fromBytes } from '../../../../../src/bytes/stage.ts';
import { backupFolder, sentinelKey } from '../../../../../src/catalog/layout.ts';
import { binlogKey } from '../../../../../src/mysql/binlog/archive.ts';
import { fetchBinlogs } from '../../../../../src/mysql/binlog/fetch/fetch.ts';
import { parseStart } from '../../../../../src/mysql/binlog/range/start.ts';
import { parseTarget } from '../../../../../src/mysql/binlog/range/target.ts';
import { makeBinlogArchive, type MadeBinlogArchive } from '../../../../../testtools/made-binlog-archive.ts';
import type { MadeBinlog } from '../../../../../testtools/made-binlog-file.ts';

let destination = '';

beforeEach(() => {
  destination = join(mkdtempSync(join(tmpdir(), 'walvault-fetch-')), 'binlogs');
});

afterEach(() => {
  rmSync(join(destination, '..'), { recursive: true, force: true });
});

const at = Date.parse('2026-11-21T14:00:00Z') / 1000;

/** Three files of two transactions each. */
function binlogs(): Record<string, MadeBinlog> {
  return Object.fromEntries(
    [1, 2, 3].map((number) => {
      const gtids = [2 * number - 1, 2 * number];
      const transactions = gtids.map((gtid) => ({ gtid: `0-1-${gtid}`, timestamp: at + 60 * number + gtid }));
      const previous = number === 1 ? [] : [`0-1-${2 * number - 2}`];
      return [
        `b.00000${number}`,
        { timestamp: at + 60 * number, previous, transactions, closed: `b.00000${number + 1}` },
      ];
    }),
  );
}

async function makeBackup({ transport }: MadeBinlogArchive, note: string | undefined): Promise<void> {
  const name = 'stream_20261121T140000Z';
  const write = (key: string, text: string): Promise<void> =>
    transport.storage.write(key, fromBytes(Buffer.from(text)));
  await write(`${backupFolder(name)}/stream`, 'whatever it is of');
  if (note !== undefined) await write(`${backupFolder(name)}/walvault_position.json`, note);
  await write(
    sentinelKey(name),
    '{"StartLocalTime":"2026-11-21T14:00:00Z","StopLocalTime":"2026-11-21T14:00:01Z","IsPermanent":false,"IsIncremental":false,"LSN":null,"DeltaCount":0}',
  );
}

describe('fetched binary logs', () => {
  it('are whole files, with their order and positions', async () => {
    const { request, files } = await makeBinlogArchive(binlogs());
    const [, second] = files['b.000001']?.transactions ?? [];
    const [third] = files['b.000002']?.transactions ?? [];
    const { binlogs: fetched } = await fetchBinlogs({
      ...request,
      since: parseStart(`b.000001:${second?.start ?? 0}`),
      until: parseTarget('0-1-3'),
      destination,
    });
    expect(fetched).toEqual([
      { name: 'b.000001', start: second?.start, end: second?.end },
      { name: 'b.000002', start: third?.start, end: third?.end },
    ]);
    expect(readdirSync(destination).sort()).toEqual([
      'b.000001',
      'b.000002',
      'binlogs_order',
      'binlogs_positions.json',
    ]);
    expect(readFileSync(join(destination, 'binlogs_order'), 'utf8')).toBe('b.000001\nb.000002\n');
    expect(readFileSync(join(destination, 'b.000002'))).toEqual(files['b.000002']?.bytes);
    expect(JSON.parse(readFileSync(join(destination, 'binlogs_positions.json'), 'utf8'))).toMatchObject({
      start: { binlog: 'b.000001', position: second?.start },
      stop: { binlog: 'b.000002', position: third?.end },
      target: '0-1-3',
      target_reached: true,
    });
  });

  it('are not there at all after a failure, and replace nothing', async () => {
    const archive = await makeBinlogArchive(binlogs());
    const request = { ...archive.request, since: parseStart('b.000001:4'), until: { by: 'end' } as const, destination };
    const damaged = Buffer.from(archive.files['b.000003']?.bytes ?? []);
    damaged.writeUInt8(damaged.readUInt8(damaged.length - 60) ^ 1, damaged.length - 60);
    await archive.transport.storage.write(binlogKey('b.000003'), fromBytes(damaged));
    await expect(fetchBinlogs(request)).rejects.toMatchObject({ kind: 'corrupt' });
    expect(readdirSync(destination)).toEqual([]);

    writeFileSync(join(destination, 'b.000002'), 'mine');
    await expect(fetchBinlogs(request)).rejects.toMatchObject({ kind: 'cannotWrite' });
    expect(readdirSync(destination)).toEqual(['b.000002']);
    expect(readFileSync(join(destination, 'b.000002'), 'utf8')).toBe('mine');
  });

  it('leave nothing behind when one is missing', async () => {
    const { request, transport } = await makeBinlogArchive(binlogs());
    await transport.storage.delete([binlogKey('b.000002')]);
    const all = fetchBinlogs({ ...request, since: parseStart('b.000001:4'), until: { by: 'end' }, destination });
    await expect(all).rejects.toMatchObject({ kind: 'archiveMissing' });
    expect(existsSync(destination)).toBe(false);
  });

  it('follow a backup from its position on, and are all there are when it tells none', async () => {
    const archive = await makeBinlogArchive(binlogs());
    const [fifth] = archive.files['b.000003']?.transactions ?? [];
    const request = { ...archive.request, since: parseStart('LATEST'), until: { by: 'end' } as const, destination };
    await makeBackup(archive, undefined);
    const all = await fetchBinlogs(request);
    expect(all.range.start.isExact).toBe(false);
    expect(all.binlogs.map(({ name }) => name)).toEqual(['b.000001', 'b.000002', 'b.000003']);
    rmSync(destination, { recursive: true });

    // The sentinel was stored after all of them, so that WAL-G would fetch none.
    const note = { binlog: 'b.000003', position: fifth?.start, gtid: '0-1-4', source: 'server', exact: true };
    await makeBackup(archive, JSON.stringify(note));
    const some = await fetchBinlogs(request);
    expect(some.binlogs.map(({ name }) => name)).toContain('b.000003');
    expect(some.binlogs.filter(({ start }) => start !== undefined)).toEqual([
      { name: 'b.000003', start: fifth?.start, end: archive.files['b.000003']?.transactions[1]?.end },
    ]);
  });
});
