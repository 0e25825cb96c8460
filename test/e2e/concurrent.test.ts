import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newestMajor } from '../../testtools/postgres/installations.ts';
import { makeServerDirectory } from '../../testtools/postgres/server-user.ts';
import { openRig, type Rig } from '../../testtools/rig.ts';

const major = newestMajor();

describe.skipIf(major === undefined)('several walvaults at once', () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await openRig({ major: major ?? 0, settings: { archive_timeout: 0 } });
    await rig.server.query('CREATE TABLE numbers AS SELECT n, md5(n::text) AS m FROM generate_series(1, 200000) AS n');
  });
  afterAll(async () => rig[Symbol.asyncDispose]());

  it('two backup-pushes make two whole backups, or one says that it is busy', async () => {
    for (let round = 0; round < 3; round += 1) {
      const before = JSON.parse((await rig.succeed(['backup-list', '--json'])).stdout) as unknown[];
      const push = ['backup-push', rig.server.dataDirectory];
      const results = await Promise.all([rig.cli(push), rig.cli(push)]);
      const done = results.filter((result) => result.status === 0);
      expect(done.length).toBeGreaterThan(0);
      for (const result of results) expect([0, 75], result.stderr).toContain(result.status);
      const after = JSON.parse((await rig.succeed(['backup-list', '--json'])).stdout) as { backup_name: string }[];
      expect(after).toHaveLength(before.length + done.length);
      for (const { backup_name: name } of after.slice(before.length)) {
        await rig.succeed(['backup-fetch', join(rig.folder, `restored-${round}-${name}`), name]);
      }
    }
  });

  it('two wal-pushes of one segment both succeed, and the archive has it once and whole', async () => {
    const pushed = makeServerDirectory(join(rig.folder, 'other'));
    const wal = join(rig.server.dataDirectory, 'pg_wal');
    await rig.archiveAll();
    const segment = readdirSync(wal).find((name) => /^[0-9A-F]{24}$/.test(name)) ?? '';
    const environment = { WALG_FILE_PREFIX: pushed, WALG_UPLOAD_CONCURRENCY: '1' };
    const results = await Promise.all(
      Array.from({ length: 4 }, () => rig.cli(['wal-push', join(wal, segment)], environment)),
    );
    for (const result of results) expect(result.status, result.stderr).toBe(0);
    expect(readdirSync(join(pushed, 'wal_005'))).toEqual([`${segment}.lz4`]);
    const fetched = join(rig.folder, 'once');
    await rig.succeed(['wal-fetch', segment, fetched], environment);
    expect(readFileSync(fetched).equals(readFileSync(join(wal, segment)))).toBe(true);
  });

  it('wal-fetch of one segment by five processes gives each of them the whole segment', async () => {
    await rig.archiveAll();
    await rig.server.query('INSERT INTO numbers SELECT n, md5(n::text) FROM generate_series(1, 300000) AS n');
    await rig.archiveAll();
    const archived = readdirSync(join(rig.storage, 'wal_005'))
      .filter((name) => /^[0-9A-F]{24}\.lz4$/.test(name))
      .map((name) => name.slice(0, 24))
      .sort();
    const targets = makeServerDirectory(join(rig.folder, 'five'));
    for (const segment of archived.slice(0, 4)) {
      const runs = Array.from({ length: 5 }, (_, index) =>
        rig.cli(['wal-fetch', segment, join(targets, `${segment}.${index}`)]),
      );
      for (const result of await Promise.all(runs)) expect(result.status, result.stderr).toBe(0);
      const bodies = Array.from({ length: 5 }, (_, index) => readFileSync(join(targets, `${segment}.${index}`)));
      for (const body of bodies) {
        expect(body).toHaveLength(16 << 20);
        expect(body.equals(bodies[0] ?? Buffer.alloc(0))).toBe(true);
      }
    }
    const leftovers = readdirSync(targets).filter((name) => name !== '.wal-g' && !/^[0-9A-F]{24}\.\d$/.test(name));
    expect(leftovers).toEqual([]);
  });
});
