import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newestMajor } from '../../testtools/postgres/installations.ts';
import type { TestServer } from '../../testtools/postgres/server.ts';
import { startStandby } from '../../testtools/postgres/standby.ts';
import { factOf, openRig, type Rig } from '../../testtools/rig.ts';

const major = newestMajor();

describe.skipIf(major === undefined)('a standby that goes over to another timeline during its backup', () => {
  let rig: Rig;
  let upstream: TestServer;
  let standby: TestServer;

  beforeAll(async () => {
    rig = await openRig({ major: major ?? 0 });
    await rig.server.query(`CREATE TABLE numbers AS SELECT n, md5(n::text) AS m FROM generate_series(1, 150000) AS n`);
    upstream = await startStandby(rig.server);
    standby = await startStandby(upstream);
  });
  afterAll(async () => {
    await standby[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
    await rig[Symbol.asyncDispose]();
  });

  async function caughtUp(source: TestServer): Promise<void> {
    const lsn = (await source.value('SELECT pg_current_wal_lsn()')) ?? '';
    await standby.waitFor(`SELECT pg_last_wal_replay_lsn() >= '${lsn}'`);
    await standby.query('CHECKPOINT');
  }

  function stored(pattern: RegExp): readonly string[] {
    return readdirSync(rig.storage, { recursive: true, encoding: 'utf8' }).filter((name) => pattern.test(name));
  }

  it('has a backup that counts only when it is finalized, with the WAL of both timelines', async () => {
    await rig.server.query('CHECKPOINT');
    await rig.archiveAll();
    await caughtUp(rig.server);
    const run = rig.start(['backup-push', standby.dataDirectory], {
      ...standby.environment,
      WALG_DISK_RATE_LIMIT: '2000000',
    });
    await run.logged(/pushing the files/);
    await upstream.query('SELECT pg_promote()');
    await upstream.waitFor('SELECT NOT pg_is_in_recovery()');
    await upstream.query(`INSERT INTO numbers SELECT n, 'after' FROM generate_series(1, 1000) AS n; CHECKPOINT`);
    await caughtUp(upstream);
    const result = await run.ended;
    expect(result.status, result.stderr).toBe(69);
    const [, name = ''] = /backup-finalize (base_[0-9A-F]{24})"/.exec(result.stderr) ?? [];
    expect(name, result.stderr).toMatch(/^base_00000001/);
    expect(stored(/sentinel\.json$/)).toEqual([`basebackups_005/${name}/walvault_pending_sentinel.json`]);
    expect((await rig.succeed(['backup-list', '--json'])).stdout.trim()).toBe('[]');

    const early = await rig.cli(['backup-finalize', name]);
    expect(early.status, early.stderr).toBe(66);
    expect(early.stderr).toContain('cannot be recovered');

    const last = await upstream.value('SELECT pg_walfile_name(pg_switch_wal())');
    const fact = await factOf(upstream, 'numbers');
    const walDirectory = join(upstream.dataDirectory, 'pg_wal');
    for (const file of readdirSync(walDirectory).sort()) {
      if (!file.startsWith('00000002') || file > (last ?? '')) continue;
      await rig.succeed(['wal-push', join(walDirectory, file)]);
    }
    await rig.succeed(['wal-push', join(walDirectory, '00000002.history')]);
    await rig.succeed(['backup-finalize', name]);
    expect(stored(/sentinel\.json$/)).toEqual([`basebackups_005/${name}_backup_stop_sentinel.json`]);
    const again = await rig.succeed(['backup-finalize', name]);
    expect(again.stderr).toContain('complete already');

    const target = join(rig.folder, 'restored');
    await rig.succeed(['backup-fetch', target, name, '--target-timeline', 'latest']);
    const restored = await rig.startRestored(target);
    await restored.waitFor('SELECT NOT pg_is_in_recovery()');
    expect(await factOf(restored, 'numbers')).toBe(fact);
  });

  it('is refused for a backup that is not there', async () => {
    const result = await rig.cli(['backup-finalize', 'base_0000000100000000000000AA']);
    expect(result.status, result.stderr).toBe(66);
  });
});
