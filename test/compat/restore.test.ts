import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli, type CliResult } from '../../testtools/cli.ts';
import { listDirectory, openFixture, type Fixture, type RestoreTarget } from '../../testtools/fixture.ts';
import { testedMajors } from '../../testtools/postgres/installations.ts';
import { startPostgres } from '../../testtools/postgres/server.ts';
import { giveToServer, makeServerDirectory } from '../../testtools/postgres/server-user.ts';

/** Full backups that WAL-G wrote with lz4; each is also the start of a recovery to every target of its fixture. */
const fixtures = [
  { name: 'pg15-lz4-delta', backup: 'base_000000010000000000000002', major: 15 },
  { name: 'pg17-lz4-delta', backup: 'base_000000010000000000000002', major: 17 },
];

describe.each(fixtures)('$name, written by WAL-G', ({ name, backup, major }) => {
  let fixture: Fixture;
  beforeAll(() => {
    fixture = openFixture(name);
  });
  afterAll(() => {
    fixture[Symbol.dispose]();
  });

  function fetchBackup(target: string, args: readonly string[]): Promise<CliResult> {
    return runCli(['backup-fetch', target, ...args], { env: { WALG_FILE_PREFIX: fixture.storage } });
  }

  it('is restored to exactly the files, modes and links that WAL-G restores', async () => {
    const target = join(fixture.folder, 'exact');
    const space = join(fixture.folder, 'exact-ts');
    const spec = join(fixture.folder, 'spec.json');
    const link = 'pg_tblspc/16384';
    writeFileSync(spec, JSON.stringify({ base_prefix: target, tablespaces: ['16384'], '16384': { loc: space, link } }));

    const result = await fetchBackup(target, [backup, '--restore-spec', spec]);

    expect(result.stderr).not.toContain('ERROR');
    const restored = [...listDirectory(target), ...listDirectory(space, '@tablespace/16384/')];
    const expected = fixture
      .listing(backup)
      // The link leads where that machine's restore specification said.
      .map((line) => (line.startsWith('l\t') ? ['l', '0777', '0', space, link].join('\t') : line));
    expect(restored.toSorted()).toEqual(expected.toSorted());
  });

  it.skipIf(!testedMajors().includes(major))(
    'is recovered from to every target, with the facts recorded there',
    async () => {
      expect(fixture.major).toBe(major);
      for (const target of fixture.expected.restore_targets) await recoversTo(target);
    },
  );

  async function recoversTo(target: RestoreTarget): Promise<void> {
    const directory = makeServerDirectory(join(fixture.folder, target.id), 0o700);
    const result = await fetchBackup(directory, [backup, ...targetOptions(target)]);
    expect(result.status, `${target.id}: ${result.stderr}`).toBe(0);
    for (const { location } of fixture.expected.tablespaces) expect(existsSync(location)).toBe(false);
    giveToServer(directory);

    await using server = await startPostgres({
      major,
      directory,
      settings: { archive_mode: 'off' },
      environment: { WALG_FILE_PREFIX: fixture.storage },
    });
    await server.waitFor('SELECT NOT pg_is_in_recovery()');
    const found: Record<string, unknown> = {};
    for (const [database, tables] of Object.entries(target.facts)) {
      for (const [table, { sql = fixture.expected.fact_sql.replaceAll('{table}', table) }] of Object.entries(tables)) {
        const [row] = await server.query(`SET timezone = 'UTC'; ${sql}`, database);
        found[`${database} ${table}`] = [Number(row?.['count']), row?.['md5']];
      }
    }
    const wanted = Object.entries(target.facts).flatMap(([database, tables]) =>
      Object.entries(tables).map(([table, { count, md5 }]) => [`${database} ${table}`, [count, md5]] as const),
    );
    expect(found, target.id).toEqual(Object.fromEntries(wanted));
  }
});

function targetOptions({ recovery }: RestoreTarget): readonly string[] {
  const { recovery_target_time: time, recovery_target_name: name, recovery_target_timeline: timeline } = recovery;
  const given = { '--target-time': time, '--target-name': name, '--target-timeline': timeline ?? 'latest' };
  const options = Object.entries(given).flatMap(([option, value]) => (value === undefined ? [] : [option, value]));
  return time === undefined && name === undefined ? options : [...options, '--target-action', 'promote'];
}
