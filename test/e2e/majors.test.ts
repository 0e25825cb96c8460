import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { testedMajors } from '../../testtools/postgres/installations.ts';
import { giveToServer, makeServerDirectory } from '../../testtools/postgres/server-user.ts';
import { factOf, openRig } from '../../testtools/rig.ts';

const majors = testedMajors();

describe.skipIf(majors.length === 0)('a cluster of every major', () => {
  it.each(majors)(
    'PostgreSQL %i is backed up, destroyed, and restored to a moment, with its tablespace and its other databases',
    async (major) => {
      await using rig = await openRig({ major, initdbArgs: ['--data-checksums'] });
      const { server } = rig;
      const location = makeServerDirectory(join(rig.folder, 'ts1'), 0o700);
      await server.query(`CREATE TABLESPACE ts1 LOCATION '${location}'`);
      await server.query('CREATE DATABASE other');
      await server.query('CREATE TABLE in_other AS SELECT generate_series(1, 500) AS n', 'other');
      await server.query(`
        CREATE TABLE plain AS SELECT n, md5(n::text) AS m FROM generate_series(1, 20000) AS n;
        CREATE TABLE spaced TABLESPACE ts1 AS SELECT n, md5(n::text) AS m FROM generate_series(1, 5000) AS n;
        CREATE UNLOGGED TABLE unlogged AS SELECT 1 AS n`);
      await rig.succeed(['backup-push', server.dataDirectory]);

      await server.query(`INSERT INTO plain SELECT n, 'later' FROM generate_series(20001, 21000) AS n;
        UPDATE spaced SET m = 'changed' WHERE n % 7 = 0`);
      const facts = { plain: await factOf(server, 'plain'), spaced: await factOf(server, 'spaced') };
      await delay(50);
      const moment = await server.value(`SELECT to_char(clock_timestamp(), 'YYYY-MM-DD HH24:MI:SS.US') || '+00'`);
      await delay(50);
      await server.query('DROP TABLE plain; DELETE FROM spaced');
      await rig.archiveAll();
      await server.stop('immediate');
      rmSync(server.dataDirectory, { recursive: true });
      rmSync(location, { recursive: true });

      const target = join(rig.folder, 'restored');
      await rig.succeed(['backup-fetch', target, '--target-time', moment ?? '', '--target-action', 'promote']);
      expect(existsSync(location), 'the original tablespace is not touched by a restore to another place').toBe(false);
      const restored = await rig.startRestored(target);
      await restored.waitFor('SELECT NOT pg_is_in_recovery()');
      expect(await factOf(restored, 'plain')).toBe(facts.plain);
      expect(await factOf(restored, 'spaced')).toBe(facts.spaced);
      expect(await restored.value('SELECT count(*) FROM in_other', 'other')).toBe('500');
      expect(await restored.value('SELECT count(*) FROM unlogged')).toBe('0');
    },
  );

  it('a restore to the original place puts the tablespace back in its own', async () => {
    const major = majors.at(-1) ?? 0;
    await using rig = await openRig({ major });
    const { server } = rig;
    const location = makeServerDirectory(join(rig.folder, 'ts1'), 0o700);
    await server.query(`CREATE TABLESPACE ts1 LOCATION '${location}'`);
    await server.query('CREATE TABLE spaced TABLESPACE ts1 AS SELECT generate_series(1, 5000) AS n');
    const fact = await factOf(server, 'spaced');
    await rig.succeed(['backup-push', server.dataDirectory]);
    await server.stop();
    const { dataDirectory } = server;
    rmSync(dataDirectory, { recursive: true });
    rmSync(location, { recursive: true });
    mkdirSync(dataDirectory, { mode: 0o700 });
    giveToServer(dataDirectory);
    await rig.succeed(['backup-fetch', dataDirectory, 'LATEST', '--target-timeline', 'latest']);
    const restored = await rig.startRestored(dataDirectory);
    await restored.waitFor('SELECT NOT pg_is_in_recovery()');
    expect(await factOf(restored, 'spaced')).toBe(fact);
    expect(existsSync(location)).toBe(true);
  });
});
