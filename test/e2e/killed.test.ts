import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newestMajor } from '../../testtools/postgres/installations.ts';
import { factOf, openRig, type Rig } from '../../testtools/rig.ts';

const major = newestMajor();

/** Ten moments spread over a run of `ms` milliseconds, a little at random. */
function moments(ms: number): readonly number[] {
  return Array.from({ length: 10 }, (_, index) => ((index + Math.random()) / 10) * ms);
}

function filesBelow(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : [];
}

describe.skipIf(major === undefined)('a walvault that is killed', () => {
  let rig: Rig;
  let fact: string | null;

  async function listed(): Promise<readonly string[]> {
    const { stdout } = await rig.succeed(['backup-list', '--json', '--detail']);
    return (JSON.parse(stdout) as { backup_name: string }[]).map((backup) => backup.backup_name);
  }

  async function restores(name: string): Promise<void> {
    const target = join(rig.folder, 'proof');
    rmSync(target, { recursive: true, force: true });
    await rig.succeed(['backup-fetch', target, name, '--target', 'immediate', '--target-action', 'promote']);
    await using server = await rig.startRestored(target);
    await server.waitFor('SELECT NOT pg_is_in_recovery()');
    expect(await factOf(server, 'numbers')).toBe(fact);
  }

  beforeAll(async () => {
    rig = await openRig({ major: major ?? 0 });
    await rig.server.query(
      `CREATE TABLE numbers AS SELECT n, md5(n::text) AS a, md5((n + 1)::text) AS b FROM generate_series(1, 400000) AS n`,
    );
    fact = await factOf(rig.server, 'numbers');
  });
  afterAll(async () => rig[Symbol.asyncDispose]());

  it('leaves no broken backup when backup-push dies at any of ten moments, and the next one succeeds', async () => {
    const started = performance.now();
    await rig.succeed(['backup-push', rig.server.dataDirectory]);
    const wholeRunMs = performance.now() - started;
    const complete = new Set(await listed());
    let died = 0;
    for (const moment of moments(wholeRunMs)) {
      const run = rig.start(['backup-push', rig.server.dataDirectory]);
      await delay(moment);
      run.child.kill('SIGKILL');
      const { status } = await run.ended;
      if (status !== 0) died += 1;
      for (const name of await listed()) {
        if (complete.has(name)) continue;
        // Killed after the sentinel: then the backup must be whole.
        await restores(name);
        complete.add(name);
      }
    }
    expect(died).toBeGreaterThan(0);
    await rig.succeed(['backup-push', rig.server.dataDirectory]);
    const after = await listed();
    expect(after).toHaveLength(complete.size + 1);
    expect(filesBelow(join(rig.storage, 'basebackups_005')).filter((name) => name.includes('.tmp.'))).toEqual([]);
    await restores('LATEST');
  });

  it('leaves a directory that cannot be started when backup-fetch dies at any of ten moments, and a repeated one succeeds', async () => {
    const target = join(rig.folder, 'target');
    const started = performance.now();
    await rig.succeed(['backup-fetch', target, 'LATEST']);
    const wholeRunMs = performance.now() - started;
    let died = 0;
    for (const moment of moments(wholeRunMs)) {
      rmSync(target, { recursive: true, force: true });
      const run = rig.start(['backup-fetch', target, 'LATEST']);
      await delay(moment);
      run.child.kill('SIGKILL');
      const { status } = await run.ended;
      if (status === 0) continue;
      died += 1;
      if (existsSync(join(target, 'global', 'pg_control'))) {
        // pg_control is the last file: with it the restore is whole.
        expect(filesBelow(target)).toContain('backup_label');
      }
      if (filesBelow(target).length > 0) {
        const refused = await rig.cli(['backup-fetch', target, 'LATEST']);
        expect(refused.status).toBe(73);
        expect(refused.stderr).toContain('not empty');
      }
    }
    expect(died).toBeGreaterThan(0);
    await restores('LATEST');
  });

  it('stops the backup on the server and leaves nothing behind when it gets SIGTERM', async () => {
    const before = await listed();
    const run = rig.start(['backup-push', rig.server.dataDirectory], { WALG_DISK_RATE_LIMIT: '3000000' });
    await run.logged(/started/i);
    await delay(500);
    run.child.kill('SIGTERM');
    const result = await run.ended;
    expect(result.signal).toBe('SIGTERM');
    await rig.server.waitFor(`SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'wal-g'`);
    expect(await listed()).toEqual(before);
    expect(filesBelow(join(rig.storage, 'basebackups_005')).filter((name) => name.includes('.tmp.'))).toEqual([]);
    await rig.succeed(['backup-push', rig.server.dataDirectory]);
  });

  it('ends with a clear error and no sentinel when the server is killed in the middle of a backup', async () => {
    const before = await listed();
    const run = rig.start(['backup-push', rig.server.dataDirectory], { WALG_DISK_RATE_LIMIT: '3000000' });
    await run.logged(/started/i);
    await delay(500);
    await rig.server.crash();
    const result = await run.ended;
    expect(result.status).toBe(69);
    expect(result.stderr).toMatch(/ERROR: .*(server|connection)/i);
    expect(await listed()).toEqual(before);
    await rig.server.start();
    await rig.succeed(['backup-push', rig.server.dataDirectory]);
  });
});
