import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withoutExtension } from '../../src/codecs/open.ts';
import { parseSentinel } from '../../src/postgres/backup/sentinel.ts';
import { runCli, type CliResult } from '../../testtools/cli.ts';
import {
  hasData,
  listDirectory,
  majorOf,
  openFixture,
  readExpected,
  readObject,
  type ExpectedBackup,
  type Fixture,
  type RestoreTarget,
} from '../../testtools/fixture.ts';
import { testedMajors } from '../../testtools/postgres/installations.ts';
import { startPostgres } from '../../testtools/postgres/server.ts';
import { giveToServer, makeServerDirectory } from '../../testtools/postgres/server-user.ts';

const fixtures = [
  'pg15-lz4-delta',
  'pg17-lz4-delta',
  'pg15-lzma',
  'pg15-zstd',
  'pg15-brotli-pgp',
  'pg15-lz4-libsodium',
].map((name) => ({ name, expected: readExpected(name) }));

describe.each(fixtures)('$name, written by WAL-G', ({ name, expected }) => {
  let fixture: Fixture;
  beforeAll(() => {
    fixture = openFixture(name);
  });
  afterAll(() => {
    fixture[Symbol.dispose]();
  });

  const cli = (args: readonly string[]): Promise<CliResult> => runCli(args, { env: fixture.environment });
  const here = expected.backups.filter((backup) => isHere(name, backup.name));
  // A delta in both orders: the newest backup of its chain first, and the full one first.
  const orders = here.flatMap((backup) =>
    ['--reverse-unpack', '--reverse-unpack=false']
      .slice(0, backup.kind === 'full' ? 1 : 2)
      .map((order) => ({ ...backup, order })),
  );
  const isStarted = testedMajors().includes(majorOf(expected));

  it.each(orders)(
    '$name $order is restored to exactly the files, modes and links that WAL-G restores',
    async (backup) => {
      const target = join(fixture.folder, `${backup.name}-exact${backup.order}`);
      const links = expected.tablespaces.map(({ oid }) => ({
        oid,
        link: `pg_tblspc/${oid}`,
        loc: `${target}-${oid}`,
      }));
      const spec = join(fixture.folder, `${backup.name}-spec.json`);
      const spaces = Object.fromEntries(links.map(({ oid, link, loc }) => [oid, { loc, link }]));
      writeFileSync(spec, JSON.stringify({ base_prefix: target, tablespaces: links.map(({ oid }) => oid), ...spaces }));

      const result = await cli([
        'backup-fetch',
        target,
        backup.name,
        backup.order,
        ...(links.length > 0 ? ['--restore-spec', spec] : []),
      ]);

      expect(result).toMatchObject({ status: 0, stderr: expect.not.stringContaining('ERROR') as string });
      const restored = [
        ...listDirectory(target),
        ...links.flatMap(({ oid, loc }) => listDirectory(loc, `@tablespace/${oid}/`)),
      ];
      // Of a backup without files metadata WAL-G leaves the map there in spite of a restore specification: the server would
      // put the links back to where they led on the machine that was backed up.
      const wanted = fixture
        .listing(backup.name)
        .filter((line) => links.length === 0 || !line.endsWith('\ttablespace_map'))
        .map((line) => {
          const [type, mode, size, , path] = line.split('\t');
          // The link leads where that machine's restore specification said.
          return type === 'l'
            ? [type, mode, size, links.find(({ link }) => link === path)?.loc, path].join('\t')
            : line;
        });
      expect(restored.toSorted()).toEqual(wanted.toSorted());
    },
  );

  it('gives back every WAL file', async () => {
    const wal = readdirSync(join(fixture.storage, 'wal_005'));
    const folder = makeServerDirectory(join(fixture.folder, 'wal'));
    const names = wal.map(withoutExtension).filter((one) => !one.endsWith('_delta'));
    expect(names.length).toBeGreaterThanOrEqual(4);
    for (const one of names) {
      const result = await cli(['wal-fetch', one, join(folder, one)]);
      expect(result, `${one}: ${result.stderr}`).toMatchObject({ status: 0 });
    }
    const sizes = names.filter((one) => /^[0-9A-F]{24}$/.test(one)).map((one) => statSync(join(folder, one)).size);
    expect(new Set(sizes)).toEqual(new Set([expected.wal_segment_size_bytes]));
  });

  const recoveries = here.flatMap((from) =>
    expected.restore_targets
      .filter((target) =>
        from.kind === 'full' ? isBefore(from, target, expected.backups) : isOwn(from, target, expected.backups),
      )
      .map((target) => ({ from: from.name, id: target.id, target })),
  );
  it.skipIf(!isStarted).each(recoveries)('$from is recovered to $id, with the facts recorded there', recoversTo);

  const absent = expected.backups.filter((backup) => !here.includes(backup)).map((backup) => backup.name);
  if (absent.length > 0)
    it.skip(`${absent.join(', ')}: not in a clone, only in the full set of fixtures`, () => undefined);

  async function recoversTo({
    from,
    target,
  }: {
    readonly from: string;
    readonly target: RestoreTarget;
  }): Promise<void> {
    const directory = makeServerDirectory(join(fixture.folder, `${from}-${target.id}`), 0o700);
    const result = await cli(['backup-fetch', directory, from, ...targetOptions(target)]);
    expect(result.status, result.stderr).toBe(0);
    for (const { location } of expected.tablespaces) expect(existsSync(location)).toBe(false);
    giveToServer(directory);

    await using server = await startPostgres({
      major: fixture.major,
      directory,
      settings: { archive_mode: 'off' },
      environment: fixture.environment,
    });
    await server.waitFor('SELECT NOT pg_is_in_recovery()');
    const found: Record<string, unknown> = {};
    for (const [database, tables] of Object.entries(target.facts)) {
      for (const [table, { sql = expected.fact_sql.replaceAll('{table}', table) }] of Object.entries(tables)) {
        const [row] = await server.query(`SET timezone = 'UTC'; ${sql}`, database);
        found[`${database} ${table}`] = [Number(row?.['count']), row?.['md5']];
      }
    }
    const wanted = Object.entries(target.facts).flatMap(([database, tables]) =>
      Object.entries(tables).map(([table, { count, md5 }]) => [`${database} ${table}`, [count, md5]] as const),
    );
    expect(found).toEqual(Object.fromEntries(wanted));
  }
});

/** Whether a backup and all that it builds on have their data here. */
function isHere(fixture: string, backup: string): boolean {
  const sentinel = parseSentinel(readObject(fixture, `basebackups_005/${backup}_backup_stop_sentinel.json`).toString());
  return hasData(fixture, backup) && (sentinel.kind === 'full' || isHere(fixture, sentinel.parent));
}

/** Whether a target was made for this backup. */
function isOwn({ name }: ExpectedBackup, target: RestoreTarget, backups: readonly ExpectedBackup[]): boolean {
  return name === (target.backup === 'LATEST' ? backups.at(-1)?.name : target.backup);
}

/** Whether recovery from a backup passes the target: it is the target's own, one before it, or made before its time. */
function isBefore(full: ExpectedBackup, target: RestoreTarget, backups: readonly ExpectedBackup[]): boolean {
  const own = target.backup === 'LATEST' ? backups.at(-1) : backups.find(({ name }) => name === target.backup);
  if (own !== undefined && full.start_lsn <= own.start_lsn) return true;
  const time = target.recovery['recovery_target_time'];
  if (time !== undefined) return new Date(full.finish_time) < new Date(time);
  // A later backup reaches the end of all WAL as well.
  return (
    target.recovery['recovery_target_name'] === undefined && target.recovery['recovery_target_timeline'] === 'latest'
  );
}

function targetOptions({ recovery }: RestoreTarget): readonly string[] {
  const { recovery_target_time: time, recovery_target_name: name, recovery_target_timeline: timeline } = recovery;
  const given = { '--target-time': time, '--target-name': name, '--target-timeline': timeline ?? 'latest' };
  const options = Object.entries(given).flatMap(([option, value]) => (value === undefined ? [] : [option, value]));
  return time === undefined && name === undefined ? options : [...options, '--target-action', 'promote'];
}
