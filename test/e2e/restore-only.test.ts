import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { testedMajors } from '../../testtools/postgres/installations.ts';
import { factOf, openRig } from '../../testtools/rig.ts';

const major = testedMajors().at(-1);

describe.skipIf(major === undefined)('backup-fetch --restore-only', () => {
  it('brings back a table, its TOAST and partitions of a delta backup, and a server that starts', async () => {
    await using rig = await openRig({ major: major ?? 0 });
    const { server } = rig;
    await server.query('CREATE DATABASE shop');
    await server.query('CREATE DATABASE other');
    const inShop = async (sql: string): Promise<void> => {
      await server.query(sql, 'shop');
    };
    await inShop(
      `CREATE TABLE wanted AS SELECT n, repeat(md5(n::text), 3) AS m,
         (SELECT string_agg(md5((n * g)::text), '') FROM generate_series(1, 400) AS g) AS long
       FROM generate_series(1, 300) AS n`,
    );
    await inShop('CREATE TABLE unwanted AS SELECT n, md5(n::text) AS m FROM generate_series(1, 20000) AS n');
    await inShop('CREATE TABLE busy AS SELECT n, md5(n::text) AS m FROM generate_series(1, 20000) AS n');
    await inShop('CREATE TABLE events (n int) PARTITION BY RANGE (n)');
    await inShop('CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (1000)');
    await inShop('INSERT INTO events SELECT generate_series(1, 500)');
    await server.query('CREATE TABLE elsewhere AS SELECT generate_series(1, 5000) AS n', 'other');
    const environment = { ...rig.environment, WALG_DELTA_MAX_STEPS: '3' };
    await rig.succeed(['backup-push', server.dataDirectory], environment);
    await inShop('UPDATE wanted SET m = m || 1 WHERE n < 30');
    await inShop('INSERT INTO events SELECT generate_series(501, 900)');
    await rig.succeed(['backup-push', server.dataDirectory], environment);
    expect((await rig.succeed(['backup-list'])).stdout).toContain('_D_');
    const unwanted = (await server.query(`SELECT pg_relation_filepath('unwanted') AS path`, 'shop'))[0]?.['path'] ?? '';
    const wanted = await factOf(server, 'wanted', 'shop');
    // WAL about what is left out: new pages of it, old ones, and ones of which only the visibility changes.
    await inShop('DELETE FROM busy WHERE n < 5000');
    await inShop('VACUUM busy');
    await inShop('CHECKPOINT');
    await inShop('DELETE FROM busy WHERE n < 6000');
    await inShop('VACUUM (FREEZE) busy');
    await rig.archiveAll();

    const place = join(rig.folder, 'part');
    const nothing = await rig.cli(['backup-fetch', place, 'LATEST', '--restore-only', 'shop/wantde']);
    expect(nothing.status).toBe(66);
    expect(nothing.stderr).toContain('has nothing that "shop/wantde" names');
    expect(existsSync(place)).toBe(false);

    const items = 'shop/wanted,shop/public.events';
    const target = ['--target-timeline', 'latest'];
    const result = await rig.succeed(['backup-fetch', place, 'LATEST', '--restore-only', items, ...target]);
    expect(result.stderr).toContain('only a part was restored');
    expect(existsSync(join(place, unwanted))).toBe(false);

    const restored = await rig.startRestored(place);
    await restored.waitFor('SELECT NOT pg_is_in_recovery()');
    expect(await factOf(restored, 'wanted', 'shop')).toBe(wanted);
    expect(await restored.value('SELECT count(*) FROM events', 'shop')).toBe('900');
    await expect(restored.query('SELECT count(*) FROM unwanted', 'shop')).rejects.toThrow(/could not open file/);
    await expect(restored.query('SELECT count(*) FROM elsewhere', 'other')).rejects.toThrow(/could not open file/);
    await restored.query('DROP TABLE unwanted, busy', 'shop');
    await restored.query('DROP DATABASE other');
    await restored.query('CHECKPOINT');
  });
});
