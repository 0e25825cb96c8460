import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasMariadb, mariadbProgram, whyNoMariadb } from '../../testtools/mariadb/programs.ts';
import {
  backupCommand,
  dumpCommand,
  openMariadbRig,
  restoreCommands,
  type MariadbRig,
} from '../../testtools/mariadb/rig.ts';
import { startMariadb } from '../../testtools/mariadb/server.ts';
import { makeServerDirectory } from '../../testtools/postgres/server-user.ts';

interface StoredSentinel {
  readonly IsIncremental: boolean;
  readonly LSN: number | null;
  readonly DeltaLSN?: number;
  readonly DeltaFrom?: string;
  readonly DeltaCount: number;
  readonly BinLogStart?: string;
}

describe.skipIf(!hasMariadb)(`backups of MariaDB${whyNoMariadb}`, () => {
  let rig: MariadbRig;
  beforeAll(async () => {
    rig = await openMariadbRig();
    await rig.server.query('CREATE DATABASE shop');
    await grow(1, 3000);
  });
  afterAll(async () => {
    await rig[Symbol.asyncDispose]();
  });

  async function grow(from: number, to: number): Promise<void> {
    await rig.server.query(
      `CREATE TABLE IF NOT EXISTS t${from} (id INT PRIMARY KEY, v VARCHAR(50));
       INSERT INTO t${from} SELECT seq, md5(seq) FROM seq_${from}_to_${to};
       CREATE TABLE IF NOT EXISTS all_of_it (id INT PRIMARY KEY, v VARCHAR(50));
       INSERT INTO all_of_it SELECT * FROM t${from}; UPDATE all_of_it SET v = reverse(v) WHERE id % 7 = 0`,
      'shop',
    );
  }

  function objectsOf(): string[] {
    return readdirSync(join(rig.storage, 'basebackups_005')).sort();
  }

  function sentinelOf(name: string): StoredSentinel {
    const file = join(rig.storage, 'basebackups_005', `${name}_backup_stop_sentinel.json`);
    return JSON.parse(readFileSync(file, 'utf8')) as StoredSentinel;
  }

  async function increment(environment: Readonly<Record<string, string>> = {}): Promise<string> {
    const args = ['xtrabackup-push', '--full=false', '--walg-delta-max-steps=3'];
    const { stderr } = await rig.succeed(args, environment);
    return /Wrote backup with name (\S+)/.exec(stderr)?.[1] ?? '';
  }

  it('are a full one and increments, of which each restores to its own state', async () => {
    const names: string[] = [];
    const states: unknown[] = [];
    for (const step of [0, 1, 2]) {
      if (step > 0) {
        // A checkpoint, so that the increments begin at different LSNs.
        await rig.server.stop();
        await rig.server.start();
        await grow(step * 10_000, step * 10_000 + 2000);
      }
      // The command is a pipeline, and what is added to it still goes to the program.
      names.push(await increment({ WALG_STREAM_CREATE_COMMAND: `${backupCommand(rig.server)} 2>/dev/null | cat` }));
      states.push(await rig.server.facts('shop'));
    }
    const [full, first, second] = names.map(sentinelOf);
    expect(full).toMatchObject({ IsIncremental: false, DeltaLSN: 0, DeltaCount: 0 });
    expect(first).toMatchObject({ IsIncremental: true, DeltaLSN: full?.LSN, DeltaFrom: names[0], DeltaCount: 1 });
    expect(second).toMatchObject({ IsIncremental: true, DeltaLSN: first?.LSN, DeltaFrom: names[1], DeltaCount: 2 });
    expect(second?.LSN).toBeGreaterThan(full?.LSN ?? 0);

    for (const index of [1, 2]) {
      const directory = await rig.fetch(names[index] ?? '');
      await using restored = await startMariadb({ directory });
      expect(await restored.facts('shop')).toEqual(states[index]);
    }

    // On a restored data directory nothing may be built on what was before.
    const directory = await rig.fetch('LATEST');
    await using restored = await startMariadb({ directory, settings: { log_bin: 'mysql-bin' } });
    const { stderr } = await rig.succeed(['xtrabackup-push', '--full=false', '--walg-delta-max-steps=9'], {
      WALG_MYSQL_DATASOURCE_NAME: restored.datasource,
      WALG_STREAM_CREATE_COMMAND: backupCommand(restored),
    });
    expect(stderr).toContain('the data directory is not the one that');
    expect(stderr).toContain('kind=full');
  });

  it('are dumps, too, with the position that they note', async () => {
    const state = await rig.server.facts('shop');
    const { stderr } = await rig.succeed(['backup-push', '--count-journals'], {
      WALG_STREAM_CREATE_COMMAND: dumpCommand(rig.server, ['shop']),
    });
    const name = /Wrote backup with name (\S+)/.exec(stderr)?.[1] ?? '';
    const position = readFileSync(join(rig.storage, 'basebackups_005', name, 'walvault_position.json'), 'utf8');
    const [[binlog, offset] = []] = await rig.server.query('SHOW MASTER STATUS');
    expect(JSON.parse(position)).toMatchObject({
      ...{ flavor: 'mariadb', binlog, position: Number(offset), source: 'mysqldump', exact: true },
      gtid: await rig.server.value('SELECT @@global.gtid_current_pos'),
    });
    expect(sentinelOf(name)).toMatchObject({ BinLogStart: binlog, LSN: null });
    expect(objectsOf()).toContain(`journal_${name}`);

    await using empty = await startMariadb();
    const client = [mariadbProgram('mariadb'), ...empty.clientOptions].join(' ');
    await rig.succeed(['backup-fetch', name], { WALG_STREAM_RESTORE_COMMAND: client });
    expect(await empty.facts('shop')).toEqual(state);
  });

  it('leave nothing when the command that makes them fails, or is cut off', async () => {
    const before = objectsOf();
    const dump = dumpCommand(rig.server, ['shop']);
    const failed = await rig.cli(['backup-push'], { WALG_STREAM_CREATE_COMMAND: `${dump}; echo no good >&2; exit 3` });
    expect(failed).toMatchObject({ status: 69 });
    expect(failed.stderr).toContain('failed with status 3');
    expect(failed.stderr).toContain('no good');
    const cut = await rig.cli(['backup-push'], {
      WALG_STREAM_CREATE_COMMAND: `${backupCommand(rig.server)} | head -c 900000`,
    });
    expect(cut.status).toBe(65);
    const wrong = { WALG_MYSQL_DATASOURCE_NAME: rig.server.tcpDatasource.replace('root', 'root:wrong') };
    expect((await rig.cli(['backup-push'], wrong)).status).toBe(77);

    const started = join(rig.folder, 'started');
    const slow = rig.start(['backup-push'], {
      WALG_STREAM_CREATE_COMMAND: `echo "$$" >${started}; cat ${rig.server.dataDirectory}/ibdata1; exec sleep 600`,
    });
    while (!existsSync(started) || readFileSync(started, 'utf8') === '') await new Promise((go) => setTimeout(go, 20));
    slow.child.kill('SIGTERM');
    expect(await slow.ended).toMatchObject({ signal: 'SIGTERM' });
    const pid = readFileSync(started, 'utf8').trim();
    expect(() => execFileSync('kill', ['-0', pid], { stdio: 'ignore' })).toThrow();
    expect(objectsOf()).toEqual(before);
  });

  it('are not restored over anything, and what failed half-way does not start', async () => {
    const directory = makeServerDirectory(join(rig.folder, 'occupied'), 0o700);
    writeFileSync(join(directory, 'precious'), 'data');
    expect((await rig.cli(['backup-fetch', 'LATEST'], restoreCommands(directory))).status).toBe(73);
    expect(readdirSync(directory)).toEqual(['precious']);

    const broken = makeServerDirectory(join(rig.folder, 'broken'), 0o700);
    const physical = objectsOf().find((name) => /^stream_\d+T\d+Z$/.test(name)) ?? '';
    const commands = {
      ...restoreCommands(broken),
      WALG_MYSQL_BACKUP_PREPARE_COMMAND: 'echo cannot prepare >&2; exit 4',
    };
    const failed = await rig.cli(['backup-fetch', physical], commands);
    expect(failed.status).toBe(69);
    expect(failed.stderr).toContain('cannot prepare');
    expect(existsSync(join(broken, 'mysql'))).toBe(false);
    await expect(startMariadb({ directory: broken })).rejects.toThrow('MariaDB did not start');
  });
});
