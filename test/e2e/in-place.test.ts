import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { testedMajors } from '../../testtools/postgres/installations.ts';
import { preparePostgres } from '../../testtools/postgres/server.ts';
import { giveToServer, makeServerDirectory } from '../../testtools/postgres/server-user.ts';
import { factOf, openRig, type Rig } from '../../testtools/rig.ts';

const majors = testedMajors();
const newest = majors.at(-1) ?? 0;

/** Everything in a directory: kind, mode, and content or target, by path. */
function contentsOf(directory: string, prefix = ''): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const name of readdirSync(directory).sort()) {
    const path = join(directory, name);
    const stats = lstatSync(path);
    const mode = (stats.mode & 0o777).toString(8);
    if (stats.isSymbolicLink()) found.set(prefix + name, `link ${readlinkSync(path)}`);
    else if (stats.isDirectory()) {
      found.set(prefix + name, `directory ${mode}`);
      for (const [inner, what] of contentsOf(path, `${prefix}${name}/`)) found.set(inner, what);
    } else found.set(prefix + name, `${mode} ${createHash('sha1').update(readFileSync(path)).digest('hex')}`);
  }
  return found;
}

/** The same as a restore into an empty directory gives. */
async function expectAsFresh(rig: Rig, directory: string, args: readonly string[] = []): Promise<void> {
  const fresh = join(rig.folder, `fresh-${Date.now()}`);
  await rig.succeed(['backup-fetch', fresh, 'LATEST', ...args]);
  expect(contentsOf(directory)).toEqual(contentsOf(fresh));
  rmSync(fresh, { recursive: true });
}

/** Writes elsewhere in the file, size and times as before. */
function damage(path: string): void {
  const { atime, mtime, size } = statSync(path);
  const descriptor = openSync(path, 'r+');
  writeSync(descriptor, Buffer.from('damaged'), 0, 7, Math.floor(size / 2));
  closeSync(descriptor);
  utimesSync(path, atime, mtime);
}

async function pathOf(rig: Rig, table: string): Promise<string> {
  return join(rig.server.dataDirectory, (await rig.server.value(`SELECT pg_relation_filepath('${table}')`)) ?? '');
}

async function makeTables(rig: Rig): Promise<void> {
  await rig.server.query(`
    CREATE TABLE kept AS SELECT n, md5(n::text) AS m FROM generate_series(1, 20000) AS n;
    CREATE TABLE changed AS SELECT n, md5(n::text) AS m FROM generate_series(1, 20000) AS n;
    CREATE TABLE dropped AS SELECT n FROM generate_series(1, 1000) AS n;
    CHECKPOINT`);
}

describe.skipIf(majors.length === 0)('backup-fetch --delta', () => {
  it('makes of a cluster what a restore into an empty directory makes, and fetches only what differs', async () => {
    await using rig = await openRig({ major: newest });
    const { server } = rig;
    const { dataDirectory } = server;
    await makeTables(rig);
    await rig.succeed(['backup-push', dataDirectory]);
    const [kept, changed] = [await pathOf(rig, 'kept'), await pathOf(rig, 'changed')];
    await server.query(`
      UPDATE changed SET m = 'changed' WHERE n % 100 = 0;
      DROP TABLE dropped;
      CREATE TABLE later AS SELECT n FROM generate_series(1, 50000) AS n`);
    const facts = [await factOf(server, 'changed'), await factOf(server, 'later')];
    await rig.archiveAll();
    await server.stop();
    const keptTime = statSync(kept).mtimeMs;
    damage(changed);
    writeFileSync(join(dataDirectory, 'base/stray'), 'stray');
    mkdirSync(join(dataDirectory, 'strays/inside'), { recursive: true });
    symlinkSync('/etc/hostname', join(dataDirectory, 'base/link'));
    giveToServer(dataDirectory);

    const command = ['backup-fetch', dataDirectory, 'LATEST', '--delta'];
    const before = contentsOf(dataDirectory);
    const { stdout } = await rig.succeed([...command, '--dry-run', '--json']);
    const planned = JSON.parse(stdout) as Record<'keep' | 'fetch' | 'remove', Record<'files' | 'parts', number>>;
    expect(planned.keep.files).toBeGreaterThan(500);
    expect(planned.remove.files).toBeGreaterThan(2);
    expect(planned.fetch.parts).toBeGreaterThan(0);
    expect((await rig.succeed([...command, '--dry-run'])).stdout).toMatch(/to keep {5}\d+ files, \d+ bytes/);
    expect(contentsOf(dataDirectory)).toEqual(before);

    await rig.succeed(command);
    await expectAsFresh(rig, dataDirectory);
    expect(statSync(kept).mtimeMs).toBe(keptTime);
    expect(existsSync('/etc/hostname')).toBe(true);

    // Once more there is nothing to do, but to recover from it.
    const recovering = [...command, '--target', 'end'];
    await rig.succeed(recovering);
    await server.start();
    await server.waitFor('SELECT NOT pg_is_in_recovery()');
    expect([await factOf(server, 'changed'), await factOf(server, 'later')]).toEqual(facts);
  });

  it('restores chains of deltas; killed, it cannot be started, and another run finishes it', async () => {
    await using rig = await openRig({ major: newest, environment: { WALG_DELTA_MAX_STEPS: '5' } });
    const { server } = rig;
    const { dataDirectory } = server;
    await makeTables(rig);
    await rig.succeed(['backup-push', dataDirectory]);
    for (const round of [1, 2]) {
      await server.query(`UPDATE changed SET m = 'round ${round}' WHERE n % 50 = ${round}; CHECKPOINT`);
      await rig.succeed(['backup-push', dataDirectory]);
    }
    const fact = await factOf(server, 'changed');
    expect(readdirSync(join(rig.storage, 'basebackups_005')).filter((name) => name.includes('_D_'))).not.toEqual([]);
    const [kept, changed] = [await pathOf(rig, 'kept'), await pathOf(rig, 'changed')];
    await server.query(`DELETE FROM changed; DELETE FROM kept WHERE n = 7; CREATE TABLE later AS SELECT 1 AS n`);
    await rig.archiveAll();
    await server.stop();

    const command = ['backup-fetch', dataDirectory, 'LATEST', '--delta'];
    for (const moment of [/compared with the backup/, /removing what/, /unpacking/]) {
      damage(changed);
      damage(kept);
      const run = rig.start(command, { WALG_NETWORK_RATE_LIMIT: '20000' });
      await run.logged(moment);
      run.child.kill('SIGKILL');
      await run.ended;
      expect(existsSync(join(dataDirectory, 'global/pg_control'))).toBe(false);
    }
    await expect(server.start()).rejects.toThrow('pg_control');
    expect((await rig.cli(['backup-fetch', dataDirectory, 'LATEST'])).status).toBe(73);
    await rig.succeed(command);
    await expectAsFresh(rig, dataDirectory);

    await rig.succeed([...command, '--target', 'immediate', '--target-action', 'promote']);
    await server.start();
    await server.waitFor('SELECT NOT pg_is_in_recovery()');
    expect(await factOf(server, 'changed')).toBe(fact);
  });

  it('puts tablespaces right where they are, and refuses what is no stopped cluster of the backup', async () => {
    await using rig = await openRig({ major: newest });
    const { server } = rig;
    const { dataDirectory } = server;
    const location = makeServerDirectory(join(rig.folder, 'ts1'), 0o700);
    await server.query(`CREATE TABLESPACE ts1 LOCATION '${location}'`);
    await makeTables(rig);
    await server.query('ALTER TABLE kept SET TABLESPACE ts1; ALTER TABLE changed SET TABLESPACE ts1; CHECKPOINT');
    await rig.succeed(['backup-push', dataDirectory]);
    const [kept, changed] = [await pathOf(rig, 'kept'), await pathOf(rig, 'changed')];
    await server.query(`UPDATE changed SET m = 'changed'; CREATE TABLE later TABLESPACE ts1 AS SELECT 1 AS n`);
    await rig.archiveAll();

    await using other = await preparePostgres({ major: newest });
    const folder = makeServerDirectory(join(rig.folder, 'folder'));
    writeFileSync(join(folder, 'precious'), 'x');
    const refusals = [
      [dataDirectory, 75, 'is running'],
      [other.dataDirectory, 73, 'is of cluster'],
      [folder, 73, 'is no data directory'],
      [join(rig.folder, 'not there'), 73, 'is no data directory'],
    ] as const;
    for (const [directory, status, message] of refusals) {
      const before = status === 73 && existsSync(directory) ? contentsOf(directory) : undefined;
      const result = await rig.cli(['backup-fetch', directory, 'LATEST', '--delta']);
      expect(result.stderr).toContain(message);
      expect(result.status).toBe(status);
      if (before !== undefined) expect(contentsOf(directory)).toEqual(before);
    }
    await server.crash();
    const command = ['backup-fetch', dataDirectory, 'LATEST', '--delta'];
    const crashed = await rig.cli(command);
    expect(crashed.status).toBe(75);
    expect(crashed.stderr).toContain('remove that file');
    expect((await rig.cli([...command, '--mask', 'base/*'])).status).toBe(64);
    rmSync(join(dataDirectory, 'postmaster.pid'));

    damage(changed);
    makeServerDirectory(join(location, 'PG_9.6_201608131'));
    writeFileSync(join(location, 'PG_9.6_201608131/of another cluster'), 'x');
    const snapshot = join(rig.folder, 'snapshot');
    linkSync(kept, snapshot);
    damage(kept);
    const linked = readFileSync(snapshot);
    const { ino } = statSync(changed);
    await rig.succeed([...command, '--target', 'immediate', '--target-action', 'promote']);
    const spaces = join(dataDirectory, 'pg_tblspc');
    const [oid = ''] = readdirSync(spaces);
    expect(readlinkSync(join(spaces, oid))).toBe(location);
    expect(readFileSync(snapshot).equals(linked)).toBe(true);
    expect(existsSync(join(location, 'PG_9.6_201608131/of another cluster'))).toBe(true);
    expect(statSync(changed).ino).toBe(ino);
    await server.start();
    await server.waitFor('SELECT NOT pg_is_in_recovery()');
    expect(await server.value('SELECT sum(n) FROM kept')).toBe('200010000');
    expect(await server.value(`SELECT count(*) FROM changed WHERE m <> 'changed'`)).toBe('20000');
    await server.stop();

    rmSync(join(spaces, oid));
    symlinkSync(makeServerDirectory(join(rig.folder, 'moved'), 0o700), join(spaces, oid));
    const elsewhere = await rig.cli(command);
    expect(elsewhere.status).toBe(73);
    expect(elsewhere.stderr).toContain('--restore-spec');
    expect(existsSync(join(dataDirectory, 'global/pg_control'))).toBe(true);
  });
});
