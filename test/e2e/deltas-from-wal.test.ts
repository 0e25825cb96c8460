import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { testedMajors } from '../../testtools/postgres/installations.ts';
import type { TestServer } from '../../testtools/postgres/server.ts';
import { factOf, openRig } from '../../testtools/rig.ts';

/** The way to the changes, of the oldest and the newest server that has it. */
const ways = [
  { major: 13, source: /WAL \(\d+ delta files/ },
  { major: 17, source: /WAL summaries/ },
].filter(({ major }) => testedMajors().includes(major));

const tables = ['grown', 'cut', 'emptied', 'rewritten', 'indexed'];

/** Changes of all kinds, with and without records that name blocks. */
async function work(server: TestServer, round: number): Promise<void> {
  await server.query(`
    INSERT INTO grown SELECT n, md5(n::text) FROM generate_series(1, 8000) AS n;
    DELETE FROM cut WHERE n > 2000;
    UPDATE indexed SET m = md5(m || ${round}) WHERE n % 50 = 0;
    UPDATE rewritten SET m = md5(m || ${round})`);
  await server.query('VACUUM cut');
  await server.query(`TRUNCATE emptied; INSERT INTO emptied SELECT n, '${round}' FROM generate_series(1, 500) AS n`);
  await server.query(`INSERT INTO cut SELECT n, md5(n::text) FROM generate_series(2001, ${3000 + 1000 * round}) AS n`);
  await server.query('VACUUM FULL rewritten');
  await server.query(`UPDATE grown SET m = md5(m)`);
}

describe.each(ways)('delta backups of PostgreSQL $major that read only what WAL names', ({ major, source }) => {
  it('restore to what the server had', async () => {
    const useDelta = major < 17;
    await using rig = await openRig({
      major,
      initdbArgs: ['--wal-segsize=1', '--data-checksums'],
      settings: useDelta ? {} : { summarize_wal: true },
      environment: {
        WALG_PG_WAL_SIZE: '1',
        WALG_DELTA_MAX_STEPS: '5',
        WALG_USE_WAL_DELTA: String(useDelta),
        WALG_FORCE_WAL_DELTA: String(useDelta),
      },
    });
    const { server } = rig;
    await server.query('CREATE EXTENSION amcheck');
    for (const table of tables) {
      await server.query(`CREATE TABLE ${table} AS SELECT n, md5(n::text) AS m FROM generate_series(1, 12000) AS n;
        CREATE INDEX ON ${table} (n)`);
    }
    await rig.succeed(['backup-push', server.dataDirectory]);
    for (const round of [1, 2]) {
      await work(server, round);
      await rig.archiveAll();
      const { stderr } = await rig.succeed(['backup-push', server.dataDirectory]);
      expect(stderr).toMatch(/looking for changes in the WAL/);
      expect(stderr).toMatch(source);
    }
    if (useDelta) {
      expect(readdirSync(join(rig.storage, 'wal_005')).filter((name) => name.includes('_delta'))).not.toEqual([]);
    }
    const facts = await Promise.all(tables.map((table) => factOf(server, table)));
    await rig.archiveAll();

    const target = join(rig.folder, 'restored');
    await rig.succeed(['backup-fetch', target, 'LATEST', '--target', 'immediate', '--target-action', 'promote']);
    const restored = await rig.startRestored(target);
    await restored.waitFor('SELECT NOT pg_is_in_recovery()');
    expect(await Promise.all(tables.map((table) => factOf(restored, table)))).toEqual(facts);
    await restored.query(`SELECT bt_index_check(c.oid::regclass, true) FROM pg_class AS c JOIN pg_am AS a ON a.oid = c.relam
      WHERE c.relkind = 'i' AND a.amname = 'btree' AND c.relpersistence = 'p'`);
  });
});
