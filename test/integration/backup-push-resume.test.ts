import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newestMajor } from '../../testtools/postgres/installations.ts';
import { makeServerDirectory } from '../../testtools/postgres/server-user.ts';
import { factOf, openRig, type Rig } from '../../testtools/rig.ts';

const major = newestMajor();
/** Small parts, so that some are whole when the push is cut off. */
const smallParts = { WALG_TAR_SIZE_THRESHOLD: '1000000', WALG_PUSH_RESUME_MIN_SIZE: '0', WALG_WAL_WAIT_TIMEOUT: '0s' };

describe.skipIf(major === undefined)('a backup-push that was cut off', () => {
  let rig: Rig;
  let storage: string;
  let count = 0;

  beforeAll(async () => {
    rig = await openRig({ major: major ?? 0, environment: smallParts });
    await rig.server.query(`CREATE TABLE numbers AS SELECT n, md5(n::text) AS m FROM generate_series(1, 150000) AS n`);
    await rig.server.query('CHECKPOINT');
    // What was written just now might be written to again at the same time of the file system's clock.
    await rig.server.query('SELECT pg_sleep(2.5)');
  });
  afterAll(async () => rig[Symbol.asyncDispose]());
  beforeEach(() => {
    count += 1;
    storage = makeServerDirectory(join(rig.folder, `storage-${count}`));
  });

  function start(environment: Readonly<Record<string, string>> = {}) {
    return rig.start(['backup-push', rig.server.dataDirectory], { WALG_FILE_PREFIX: storage, ...environment });
  }

  function stored(): readonly string[] {
    if (!existsSync(join(storage, 'basebackups_005'))) return [];
    return readdirSync(storage, { recursive: true, encoding: 'utf8' })
      .filter((name) => !/\/\.|\.tmp/.test(name) && statSync(join(storage, name)).isFile())
      .sort();
  }

  const wholeParts = () => stored().filter((name) => /tar_partitions\/part_\d+\.tar\.lz4$/.test(name));

  /** Starts a slow push and ends it by the signal when three parts are whole. */
  async function cutOff(signal: 'SIGKILL' | 'SIGTERM'): Promise<readonly string[]> {
    const run = start({ WALG_DISK_RATE_LIMIT: '4000000' });
    await run.logged(/pushing the files/);
    const deadline = Date.now() + 60_000;
    while (wholeParts().length < 3 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50));
    run.child.kill(signal);
    const { status, stderr } = await run.ended;
    expect(status, stderr).not.toBe(0);
    const parts = wholeParts();
    expect(parts.length).toBeGreaterThanOrEqual(3);
    return parts;
  }

  async function restoresTo(fact: string | null): Promise<void> {
    const target = join(rig.folder, `restored-${count}`);
    await rig.succeed(['backup-fetch', target, 'LATEST', '--target', 'immediate', '--target-action', 'promote'], {
      WALG_FILE_PREFIX: storage,
      WALG_DOWNLOAD_CONCURRENCY: '2',
    });
    const restored = await rig.startRestored(target);
    await restored.waitFor('SELECT NOT pg_is_in_recovery()');
    expect(await factOf(restored, 'numbers')).toBe(fact);
  }

  it.each(['SIGKILL', 'SIGTERM'] as const)(
    'is gone on with after %s: whole parts of unchanged files are not sent again',
    async (signal) => {
      const left = await cutOff(signal);
      const second = await start({ WALG_FILE_PREFIX: storage }).ended;
      expect(second.status, second.stderr).toBe(0);
      expect(second.stderr).toMatch(/going on with a push that was cut off/);
      const now = stored();
      const copies = now.filter((name) => /\/copy_\d+\.tar\.lz4$/.test(name));
      expect(copies.length).toBeGreaterThanOrEqual(Math.min(2, left.length));
      expect(now.filter((name) => left.includes(name))).toEqual([]);
      expect(now.filter((name) => name.includes('walvault_push'))).toEqual([]);
      expect(now.filter((name) => name.endsWith('_backup_stop_sentinel.json'))).toHaveLength(1);
    },
  );

  it('takes over no part of which a file has changed, and restores to what is there', async () => {
    await cutOff('SIGKILL');
    await rig.server.query(`UPDATE numbers SET m = 'new' WHERE n % 3 = 0`);
    await rig.server.query('CHECKPOINT');
    const fact = await factOf(rig.server, 'numbers');
    const environment = { WALG_FILE_PREFIX: storage };
    const second = await start(environment).ended;
    expect(second.status, second.stderr).toBe(0);
    expect(second.stderr).toMatch(/going on with a push that was cut off/);
    // A segment without a record would not be switched, and be an old file of another name.
    await rig.server.query(`SELECT pg_create_restore_point('last')`);
    const segment = await rig.server.value('SELECT pg_walfile_name(pg_switch_wal())');
    for (const file of readdirSync(join(rig.server.dataDirectory, 'pg_wal')).sort()) {
      if (!/^[0-9A-F]{24}$/.test(file) || file > (segment ?? '')) continue;
      await rig.succeed(['wal-push', join(rig.server.dataDirectory, 'pg_wal', file)], environment);
    }
    await restoresTo(fact);
  });

  it('leaves nothing where that is turned off', async () => {
    const run = start({ WALG_DISK_RATE_LIMIT: '4000000', WALG_PUSH_RESUME: 'false' });
    await run.logged(/pushing the files/);
    run.child.kill('SIGTERM');
    await run.ended;
    expect(stored()).toEqual([]);
  });
});
