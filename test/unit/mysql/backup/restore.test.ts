import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fromBytes } from '../../../../src/bytes/stage.ts';
import { chooseBase, type IncrementEvidence, type IncrementRequest } from '../../../../src/mysql/backup/base.ts';
import { readChain, type ChainLink } from '../../../../src/mysql/backup/chain.ts';
import { lineageOf } from '../../../../src/mysql/backup/lineage.ts';
import { writePositionNote, type Lineage } from '../../../../src/mysql/backup/position-note.ts';
import { planRestore, restoreBackup, type RestoreCommands } from '../../../../src/mysql/backup/restore.ts';
import { formatSentinel, parseSentinel, type Sentinel } from '../../../../src/mysql/backup/sentinel.ts';
import { systemClock } from '../../../../src/platform/clock.ts';
import { silentLogger } from '../../../../src/platform/logger.ts';
import { createMemoryStorage } from '../../../../src/storage/memory/memory-storage.ts';
import type { Storage } from '../../../../src/storage/storage.ts';
import { plainTransport } from '../../../../testtools/made-backup.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'walvault-restore-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const version = '8.0.35-27';
const full = `{"Tool":"WALG_XTRABACKUP_TOOL","Hostname":"db1","ServerUUID":"u-1","ServerVersion":"${version}","LSN":1000,"DeltaLSN":0}`;

function increment(parent: string, from: number, to: number, steps: number): string {
  return `{"Tool":"WALG_XTRABACKUP_TOOL","Hostname":"db1","ServerUUID":"u-1","ServerVersion":"${version}","IsIncremental":true,"LSN":${to},"DeltaLSN":${from},"DeltaFrom":"${parent}","DeltaFullName":"full","DeltaCount":${steps}}`;
}

async function archive(sentinels: Readonly<Record<string, string>>): Promise<Storage> {
  const storage = createMemoryStorage();
  for (const [name, text] of Object.entries(sentinels)) {
    await storage.write(`basebackups_005/${name}/stream`, fromBytes(Buffer.from(`bytes of ${name}\n`)));
    await storage.write(`basebackups_005/${name}_backup_stop_sentinel.json`, fromBytes(Buffer.from(text)));
  }
  return storage;
}

async function chainOf(storage: Storage, backup: string, text: string): Promise<readonly ChainLink[]> {
  return readChain(storage, { backup, sentinel: parseSentinel(text) });
}

const chained = { full, one: increment('full', 1000, 2000, 1), two: increment('one', 2000, 3000, 2) };

describe('a restore by commands', () => {
  function commands(more: Partial<RestoreCommands> = {}): RestoreCommands {
    const log = join(folder, 'log');
    mkdirSync(join(folder, 'increments'), { recursive: true });
    return {
      restore: `sh ${join(folder, 'unpack.sh')} ${join(folder, 'data')}`,
      prepare: `echo prepare >>${log}`,
      incrementalDestination: join(folder, 'increments'),
      dataDirectory: undefined,
      ...more,
    };
  }

  async function restore(
    backup: keyof typeof chained,
    more: Partial<RestoreCommands> = {},
  ): Promise<readonly string[]> {
    writeFileSync(
      join(folder, 'unpack.sh'),
      `mkdir -p "$1" && cat >"$1/ibdata1" && echo "$1: $(cat "$1/ibdata1")" >>${folder}/log\n`,
    );
    const storage = await archive(chained);
    const plan = planRestore(await chainOf(storage, backup, chained[backup]), commands(more));
    await restoreBackup(plan, {
      transport: plainTransport(storage),
      attempts: 1,
      clock: systemClock,
      logger: silentLogger,
      signal: new AbortController().signal,
    });
    return readFileSync(join(folder, 'log'), 'utf8').trimEnd().split('\n');
  }

  it('of a full backup runs both once', async () => {
    expect(await restore('full')).toEqual([`${folder}/data: bytes of full`, 'prepare']);
  });

  it('of increments unpacks each aside and has all but the last leave transactions open', async () => {
    const lines = await restore('two', {
      prepare: `xtrabackup() { echo "$@" >>${folder}/log; }; xtrabackup --prepare ; true`,
    });
    const aside = (line = ''): string => /walvault-increment-\w+/.exec(line)?.[0] ?? '?';
    const [first, second] = [aside(lines[2]), aside(lines[4])];
    expect(lines).toEqual([
      `${folder}/data: bytes of full`,
      '--prepare --apply-log-only',
      `${folder}/increments/${first}: bytes of one`,
      `--prepare --apply-log-only --incremental-dir=${folder}/increments/${first}`,
      `${folder}/increments/${second}: bytes of two`,
      `--prepare --incremental-dir=${folder}/increments/${second}`,
    ]);
    expect(readdirSync(join(folder, 'increments'))).toEqual([]);
  });

  it('does not tell mariadb-backup what it has no option for', async () => {
    const prepare = `mariabackup() { echo "$@" >>${folder}/log; }; mariabackup --prepare`;
    const lines = await restore('one', { prepare });
    expect(lines[1]).toBe('--prepare');
    expect(lines[3]).toMatch(/^--prepare --incremental-dir=/);
  });

  it('leaves out what WAL-G has made an increment of the full backup for nothing', async () => {
    const overlapping = { full, one: chained.one, late: increment('one', 1000, 3000, 2) };
    const storage = await archive(overlapping);
    const plan = planRestore(await chainOf(storage, 'late', overlapping.late), commands());
    expect(plan.steps.map(({ backup, isIncrement }) => [backup, isIncrement])).toEqual([
      ['full', false],
      ['late', true],
    ]);
  });

  it('does not take the words of a script, or of a dump’s client, for a directory', async () => {
    const storage = await archive({ full, dump: '{}' });
    const script = { restore: '/opt/restore.sh', prepare: undefined };
    expect(planRestore(await chainOf(storage, 'full', full), commands(script)).target).toBeUndefined();
    const client = { restore: `mariadb -S ${folder}`, dataDirectory: folder };
    expect(planRestore(await chainOf(storage, 'dump', '{}'), commands(client)).target).toBeUndefined();
  });

  it.each([
    ['mbstream -x -C data', 'data'],
    ['mbstream -x -C ./data', './data'],
    ['mbstream -x --directory=/data', '/data'],
    ['cd /restore && mbstream -x -C /data', '/data'],
    ['cd /restore && mbstream -x -C .', undefined],
    ['cd /restore && mbstream -x -C data', undefined],
    ['mbstream -x -p 4', undefined],
    ['mbstream -x -C "$DATA"', undefined],
    ['mbstream -x -C ~/data', undefined],
  ])('knows where %s goes', async (command, target) => {
    const storage = await archive({ full });
    const named = { restore: command, prepare: undefined, dataDirectory: undefined };
    expect(planRestore(await chainOf(storage, 'full', full), commands(named)).target).toBe(target);
  });

  it('that fails leaves nothing that a server would start on', async () => {
    const target = join(folder, 'data');
    const prepare = `mkdir ${target}/mysql; echo broken >&2; exit 4`;
    await expect(restore('full', { prepare, dataDirectory: target })).rejects.toThrow('broken');
    expect(readdirSync(target).sort()).toEqual(['ibdata1.restore-failed', 'mysql.restore-failed']);
  });

  it('is refused before it begins when it cannot end well', async () => {
    const target = join(folder, 'data');
    mkdirSync(target);
    writeFileSync(join(target, 'x'), '');
    await expect(restore('full', { restore: `xbstream -x -C ${target}` })).rejects.toThrow('is not empty');
    await expect(restore('one', { prepare: undefined })).rejects.toThrow(
      'WALG_MYSQL_BACKUP_PREPARE_COMMAND is not set',
    );
    const missing = join(folder, 'nowhere');
    await expect(restore('one', { incrementalDestination: missing })).rejects.toThrow(
      'WALG_MYSQL_INCREMENTAL_BACKUP_DST',
    );
    expect(existsSync(join(folder, 'log'))).toBe(false);
  });
});

describe('a chain of backups', () => {
  it('that is broken is refused, and says why', async () => {
    const storage = await archive({ full, gap: increment('full', 1001, 2000, 1) });
    await expect(chainOf(storage, 'gap', increment('full', 1001, 2000, 1))).rejects.toThrow(
      'begins at LSN 1001, and "full" ends at LSN 1000',
    );
    await expect(chainOf(storage, 'x', increment('lost', 1, 2, 1))).rejects.toThrow(
      'builds on "lost", which is not there',
    );
    const loop = await archive({ loop: increment('loop', 1, 2, 1) });
    await expect(chainOf(loop, 'loop', increment('loop', 1, 2, 1))).rejects.toThrow('builds on itself');
  });
});

describe('the base of an increment', () => {
  const request: IncrementRequest = {
    maxSteps: 3,
    origin: 'LATEST',
    selector: { by: 'name', name: 'two' },
    isPermanent: false,
  };
  const server: IncrementEvidence['server'] = {
    flavor: 'mysql',
    version,
    serverUuid: 'u-1',
    query: () => Promise.resolve([{ Variable_name: 'Innodb_lsn_current', Value: '3000' }]),
  };
  const evidence: IncrementEvidence = { server, hostname: 'db1', lineage: undefined };

  async function choose(
    more: Partial<IncrementRequest> = {},
    other: Partial<IncrementEvidence> = {},
    note?: Lineage,
  ): Promise<unknown> {
    const storage = await archive(chained);
    if (note !== undefined) await writePositionNote(storage, 'two', { position: undefined, lineage: note });
    const choice = await chooseBase(
      storage,
      { ...request, ...more },
      { ...evidence, ...other },
      { clock: systemClock },
    );
    return choice.base === undefined ? choice.reason : [choice.base.name, choice.base.lsn, choice.base.steps];
  }

  it('is the latest backup, or the full one at its root', async () => {
    expect(await choose()).toEqual(['two', 3000n, 3]);
    expect(await choose({ origin: 'LATEST_FULL' })).toEqual(['full', 1000n, 3]);
  });

  it('is none of another server, host, version or history', async () => {
    expect(await choose({ maxSteps: 2 })).toContain('the limit is 2');
    expect(await choose({ selector: { by: 'userData', userData: 1 } })).toBe('no backup has the given user data');
    expect(await choose({}, { hostname: 'db2' })).toContain('was made on "db1"');
    expect(await choose({}, { server: { ...server, version: '8.0.36' } })).toContain('the server is "8.0.36" now');
    expect(await choose({}, { server: { ...server, serverUuid: 'u-2' } })).toContain('another server');
    const behind = { ...server, query: () => Promise.resolve([{ Value: '2999' }]) };
    expect(await choose({}, { server: behind })).toContain('the server is at LSN 2999 only');
  });

  it('of MariaDB is one of the very same data directory', async () => {
    const mariadb = { ...server, flavor: 'mariadb' as const, serverUuid: undefined };
    writeFileSync(join(folder, 'ibdata1'), '');
    const lineage = await lineageOf(folder, join(folder, 'ibdata1'));
    if (lineage === undefined) throw new Error('this file system does not know when a file was made');
    expect(await choose({}, { server: mariadb, lineage })).toContain('does not tell which data directory');
    expect(await choose({}, { server: mariadb, lineage }, lineage)).toEqual(['two', 3000n, 3]);
    writeFileSync(join(folder, 'xtrabackup_info'), 'uuid = restored\n');
    const restored = await lineageOf(folder, join(folder, 'ibdata1'));
    expect(await choose({}, { server: mariadb, lineage: restored }, lineage)).toContain('is not the one that');
    expect(await choose({}, { server: mariadb }, lineage)).toContain('cannot be looked into');
    rmSync(join(folder, 'ibdata1'));
    expect(await lineageOf(folder, join(folder, 'ibdata1'))).toBeUndefined();
  });

  it('is not a permanent one unless the new backup is permanent too', async () => {
    const sentinel: Sentinel = { ...parseSentinel(full), isPermanent: true };
    const storage = await archive({ two: formatSentinel(sentinel) });
    const choice = await chooseBase(storage, request, evidence, { clock: systemClock });
    expect(choice).toMatchObject({ reason: '"two" is permanent, and the new backup is not' });
  });
});
