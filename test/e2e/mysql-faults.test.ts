import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CliRun } from '../../testtools/cli.ts';
import { hasMariadb, whyNoMariadb } from '../../testtools/mariadb/programs.ts';
import { openMariadbRig, type MariadbRig } from '../../testtools/mariadb/rig.ts';
import { catchUp, purgeBinlogs, startReplica, type MariadbServer } from '../../testtools/mariadb/server.ts';
import { giveToServer, makeServerDirectory } from '../../testtools/postgres/server-user.ts';

/** Objects are then the binlogs themselves. */
const plain = { WALG_COMPRESSION_METHOD: 'none' };

describe.skipIf(!hasMariadb)(`binlogs of a MariaDB that has bad luck${whyNoMariadb}`, () => {
  let rig: MariadbRig;
  beforeAll(async () => {
    rig = await openRig();
  });
  afterAll(() => rig[Symbol.asyncDispose]());

  it('are pushed once and whole by two pushes at the same time', async () => {
    await makeBinlogs(rig.server, 6);
    const results = await Promise.all([rig.cli(['binlog-push']), rig.cli(['binlog-push'])]);
    expect(
      results.map(({ status }) => status),
      results.map(({ stderr }) => stderr).join('\n'),
    ).toEqual([0, 0]);
    expect(archived(rig)).toEqual(await closedBinlogs(rig.server));
  });

  it('are there without a hole, each of them whole, whenever a push is killed', { timeout: 300_000 }, async () => {
    await using own = await openRig();
    await makeBinlogs(own.server, 10, 20_000);
    const wanted = await closedBinlogs(own.server);
    const names = Object.keys(wanted);
    let wasCut = 0;
    for (let moment = 0; moment < 10; moment += 1) {
      rmSync(join(own.storage, 'binlog_005'), { recursive: true, force: true });
      const run = own.start(['binlog-push']);
      // Every push is let go a little further: counted in objects, so that a slow machine takes nothing from it.
      await (moment === 0 ? delay(300) : someArchived(own, moment, run));
      run.child.kill('SIGKILL');
      await run.ended;
      const found = archived(own);
      const count = Object.keys(found).length;
      expect(Object.keys(found), `killed at ${moment}`).toEqual(names.slice(0, count));
      expect(found).toEqual(Object.fromEntries(Object.entries(wanted).slice(0, count)));
      if (count < names.length) wasCut += 1;
    }
    expect(wasCut).toBeGreaterThan(0);
    await own.succeed(['binlog-push']);
    expect(archived(own)).toEqual(wanted);
  });

  it('are refused when they are cut off or damaged, by name and place', async () => {
    await rig.succeed(['binlog-push']);
    const before = archived(rig);
    await makeBinlogs(rig.server, 2);
    const [last = ''] = Object.keys(await closedBinlogs(rig.server)).slice(-1);
    const copies = makeServerDirectory(join(rig.folder, 'copies'));
    for (const name of readdirSync(rig.server.dataDirectory).filter((one) => one.startsWith('mysql-bin.'))) {
      copyFileSync(join(rig.server.dataDirectory, name), join(copies, name));
    }
    const path = join(copies, last);
    const whole = readFileSync(path);
    const source = { WALG_MYSQL_BINLOG_SRC: copies };

    truncateSync(path, whole.length - 21);
    giveToServer(copies);
    const cut = await rig.cli(['binlog-push'], source);
    expect(cut.status, cut.stderr).not.toBe(0);
    expect(cut.stderr).toContain(last);
    expect(Object.keys(archived(rig))).not.toContain(last);

    const damaged = Buffer.from(whole);
    const middle = Math.floor(whole.length / 2);
    damaged[middle] = (damaged[middle] ?? 0) ^ 0x10;
    writeFileSync(path, damaged);
    const broken = await rig.cli(['binlog-push'], source);
    expect(broken.status, broken.stderr).not.toBe(0);
    expect(broken.stderr).toMatch(/ \d+ /);
    expect(broken.stderr).toContain(last);
    expect(Object.keys(archived(rig))).not.toContain(last);

    await rig.succeed(['binlog-push']);
    expect(archived(rig)).toEqual(await closedBinlogs(rig.server));
    expect(archived(rig)).toMatchObject(before);
  });

  it('tell what the server says to a wrong password, and not the password', async () => {
    await rig.server.query("CREATE USER IF NOT EXISTS backup@localhost IDENTIFIED BY 'right'");
    const datasource = `backup:wr0ng-secret@unix(${rig.server.socket})/`;
    const { status, stdout, stderr } = await rig.cli(['binlog-push'], { WALG_MYSQL_DATASOURCE_NAME: datasource });
    expect(status, stderr).not.toBe(0);
    expect(stderr).toMatch(/denied/i);
    expect(stdout + stderr).not.toContain('wr0ng-secret');
  });

  it('cannot be asked of a server that is gone, and are there when it is back', async () => {
    await rig.server.crash();
    const gone = await rig.cli(['binlog-push']);
    expect(gone.status, gone.stderr).not.toBe(0);
    await rig.server.start();
    await rig.succeed(['binlog-push']);
    expect(archived(rig)).toEqual(await closedBinlogs(rig.server));
  });

  it('are not replayed over a gap in the archive, which is named', async () => {
    await using own = await openRig();
    const backup = await own.backup();
    const prepared = await own.fetch(backup);
    await makeBinlogs(own.server, 4);
    await own.succeed(['binlog-push']);
    const names = Object.keys(archived(own));
    const lost = names.at(-2) ?? '';
    const object = join(own.storage, 'binlog_005', lost);
    const bytes = readFileSync(object);

    rmSync(object);
    await using server = await own.startCopy(prepared);
    const replay = (): ReturnType<typeof own.cli> =>
      own.cli(['binlog-replay', '--since', backup], {
        WALG_MYSQL_DATASOURCE_NAME: server.datasource,
        WALG_MYSQL_BINLOG_DST: makeServerDirectory(join(own.folder, 'replayed')),
      });
    const refused = await replay();
    expect(refused.status, refused.stderr).not.toBe(0);
    expect(refused.stderr).toContain(lost);
    expect(await server.facts('shop'), 'nothing was applied').toEqual(await factsOfBackup(own, prepared));

    writeFileSync(object, bytes.subarray(0, bytes.length - 40));
    giveToServer(object);
    const broken = await replay();
    expect(broken.status, broken.stderr).not.toBe(0);
    expect(broken.stderr).toContain(lost);
  });
});

describe.skipIf(!hasMariadb)(`binlogs that a MariaDB has no more${whyNoMariadb}`, () => {
  it('are a gap when they were purged before they were pushed: named, and accepted only on demand', async () => {
    await using rig = await openRig();
    await makeBinlogs(rig.server, 2);
    await rig.succeed(['binlog-push']);
    const before = archived(rig);
    await makeBinlogs(rig.server, 4);
    const listed = await rig.server.binlogs();
    const kept = listed.at(-2) ?? '';
    await purgeBinlogs(rig.server, kept);
    const missing = listed.slice(Object.keys(before).length, -2);
    expect(missing.length).toBeGreaterThan(1);

    const refused = await rig.cli(['binlog-push']);
    expect(refused.status, refused.stderr).not.toBe(0);
    expect(refused.stderr).toContain(missing[0]);
    expect(archived(rig)).toEqual(before);

    await rig.succeed(['binlog-push', '--accept-gap']);
    expect(Object.keys(archived(rig))).toEqual([...Object.keys(before), kept]);
    await rig.succeed(['binlog-push']);
  });

  it('are not written over by those of a server that was reset', async () => {
    await using rig = await openRig();
    await makeBinlogs(rig.server, 3);
    await rig.succeed(['binlog-push']);
    const before = archived(rig);
    await rig.server.query('RESET MASTER');
    await makeBinlogs(rig.server, 5, 300);
    const refused = await rig.cli(['binlog-push']);
    expect(refused.status, refused.stderr).not.toBe(0);
    expect(refused.stderr).toContain('mysql-bin.00000');
    expect(archived(rig)).toMatchObject(before);
  });

  it('go on with those of a replica that took over, with its own server id', async () => {
    await using rig = await openRig();
    await using replica = await startReplica(rig.server, { server_id: 2, log_bin: 'replica-bin' });
    const backup = await rig.backup();
    await makeBinlogs(rig.server, 2);
    await catchUp(replica, rig.server);
    await rig.succeed(['binlog-push', '--flush']);
    await rig.server.crash();
    await replica.query('STOP SLAVE; RESET SLAVE ALL');
    await makeBinlogs(replica, 2);
    await rig.succeed(['binlog-push', '--flush'], { WALG_MYSQL_DATASOURCE_NAME: replica.datasource });

    const prepared = await rig.fetch(backup);
    await using server = await rig.startCopy(prepared);
    await rig.succeed(['binlog-replay', '--since', backup], {
      WALG_MYSQL_DATASOURCE_NAME: server.datasource,
      WALG_MYSQL_BINLOG_DST: makeServerDirectory(join(rig.folder, 'replayed')),
    });
    expect(await server.facts('shop')).toEqual(await replica.facts('shop'));
  });
});

async function openRig(): Promise<MariadbRig> {
  const rig = await openMariadbRig({}, plain);
  await rig.server.query('CREATE DATABASE shop; CREATE TABLE shop.t (id int AUTO_INCREMENT PRIMARY KEY, v text)');
  return rig;
}

/** Closes so many binlogs with so many rows of 40 bytes in each. */
async function makeBinlogs(server: MariadbServer, count: number, rows = 200): Promise<void> {
  for (let done = 0; done < count; done += 1) {
    await server.query(`INSERT INTO t (v) SELECT concat(uuid(), seq) FROM seq_1_to_${rows}; FLUSH BINARY LOGS`, 'shop');
  }
}

/** SHA-256 of all binlogs of a server but the active one, by name. */
async function closedBinlogs(server: MariadbServer): Promise<Readonly<Record<string, string>>> {
  const names = (await server.binlogs()).slice(0, -1);
  return Object.fromEntries(names.map((name) => [name, sha256Of(join(server.dataDirectory, name))]));
}

/** The same of the archive. */
function archived(rig: MariadbRig): Readonly<Record<string, string>> {
  const folder = join(rig.storage, 'binlog_005');
  if (!existsSync(folder)) return {};
  const names = readdirSync(folder).filter((name) => /^[\w-]+\.\d+$/.test(name));
  return Object.fromEntries(names.toSorted().map((name) => [name, sha256Of(join(folder, name))]));
}

/** Waits until the archive has so many, or the push is over. */
async function someArchived(rig: MariadbRig, count: number, { child }: CliRun): Promise<void> {
  while (Object.keys(archived(rig)).length < count && child.exitCode === null && child.signalCode === null)
    await delay(2);
}

async function factsOfBackup(rig: MariadbRig, prepared: string): ReturnType<MariadbServer['facts']> {
  await using server = await rig.startCopy(prepared);
  return await server.facts('shop');
}

function sha256Of(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
