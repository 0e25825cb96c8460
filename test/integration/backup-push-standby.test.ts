import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newestMajor } from '../../testtools/postgres/installations.ts';
import type { TestServer } from '../../testtools/postgres/server.ts';
import { startStandby } from '../../testtools/postgres/standby.ts';
import { makeServerDirectory } from '../../testtools/postgres/server-user.ts';
import { factOf, openRig, type Rig } from '../../testtools/rig.ts';

const major = newestMajor();

describe.skipIf(major === undefined)('backup-push of a standby', () => {
  let rig: Rig;
  let standby: TestServer;

  beforeAll(async () => {
    rig = await openRig({ major: major ?? 0 });
    await rig.server.query(`CREATE TABLE numbers AS SELECT n, md5(n::text) AS m FROM generate_series(1, 150000) AS n`);
    standby = await startStandby(rig.server);
  });
  afterAll(async () => {
    await standby[Symbol.asyncDispose]();
    await rig[Symbol.asyncDispose]();
  });

  /** A standby starts a backup at its newest restartpoint, so that a new name needs a checkpoint on the primary. */
  async function newRestartpoint(): Promise<void> {
    await rig.server.query(`INSERT INTO numbers SELECT n, 'more' FROM generate_series(1, 100) AS n; CHECKPOINT`);
    await rig.archiveAll();
    const lsn = (await rig.server.value('SELECT pg_current_wal_lsn()')) ?? '';
    await standby.waitFor(`SELECT pg_last_wal_replay_lsn() >= '${lsn}'`);
    await standby.query('CHECKPOINT');
  }

  function push(environment: Readonly<Record<string, string>> = {}) {
    return rig.start(['backup-push', standby.dataDirectory], { ...standby.environment, ...environment });
  }

  function sentinels(storage = rig.storage): readonly string[] {
    return readdirSync(join(storage, 'basebackups_005')).filter((name) => name.endsWith('sentinel.json'));
  }

  it('makes a backup that can be restored from the WAL of the primary, and refuses a second of the same name', async () => {
    await newRestartpoint();
    const first = await push().ended;
    expect(first.status, first.stderr).toBe(0);
    expect(first.stderr).toContain('the WAL of the backup is in the archive');
    const second = await push().ended;
    expect(second.status, second.stderr).toBe(73);
    expect(second.stderr).toContain('CHECKPOINT');
    expect(sentinels()).toHaveLength(1);

    const fact = await factOf(rig.server, 'numbers');
    const target = join(rig.folder, 'restored');
    await rig.succeed(['backup-fetch', target, 'LATEST', '--target-timeline', 'latest']);
    const restored = await rig.startRestored(target);
    await restored.waitFor('SELECT NOT pg_is_in_recovery()');
    expect(await factOf(restored, 'numbers')).toBe(fact);
  });

  it('lets one of two runs at once have the name', async () => {
    await newRestartpoint();
    const before = sentinels().length;
    const slow = push({ WALG_DISK_RATE_LIMIT: '10000000' });
    await slow.logged(/pushing the files/);
    const other = await push().ended;
    expect(other.status, other.stderr).toBe(75);
    const result = await slow.ended;
    expect(result.status, result.stderr).toBe(0);
    expect(sentinels()).toHaveLength(before + 1);
  });

  it('fails and leaves nothing when the standby is promoted meanwhile', async () => {
    const storage = makeServerDirectory(join(rig.folder, 'promoted'));
    await newRestartpoint();
    const run = push({ WALG_FILE_PREFIX: storage, WALG_DISK_RATE_LIMIT: '8000000' });
    await run.logged(/pushing the files/);
    await standby.query('SELECT pg_promote()');
    const result = await run.ended;
    expect(result.status, result.stderr).not.toBe(0);
    expect(result.stderr).toMatch(/ERROR: .*(promoted|timeline)/);
    const left = readdirSync(storage, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(left.map((entry) => entry.name)).toEqual([]);
  });
});
