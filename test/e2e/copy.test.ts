import { cpSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withoutExtension } from '../../src/codecs/open.ts';
import { runCli, type CliResult } from '../../testtools/cli.ts';
import { hasData, listDirectory, openFixture, readExpected, sha256Of, type Fixture } from '../../testtools/fixture.ts';
import { giveToServer, makeServerDirectory } from '../../testtools/postgres/server-user.ts';

const newKey = { WALG_LIBSODIUM_KEY: 'c0ffee'.padEnd(64, '0'), WALG_LIBSODIUM_KEY_TRANSFORM: 'hex' };

/** What WAL-G wrote, with a way of storing it that is another than it was written with. */
const archives = [
  { name: 'pg15-lz4-delta', encoding: { WALG_COMPRESSION_METHOD: 'zstd', ...newKey }, suffix: '.zst' },
  { name: 'pg15-lz4-libsodium', encoding: { WALG_COMPRESSION_METHOD: 'lz4', ...newKey }, suffix: '.lz4' },
  { name: 'pg15-brotli-pgp', encoding: { WALG_COMPRESSION_METHOD: 'none' }, suffix: '' },
].map((archive) => ({ ...archive, expected: readExpected(archive.name) }));

describe.each(archives)('copy of $name, written by WAL-G', ({ name, encoding, suffix, expected }) => {
  let fixture: Fixture;
  const newest = expected.backups.findLast((backup) => hasData(name, backup.name))?.name ?? '';

  beforeAll(() => {
    fixture = openFixture(name);
    // What a clone has no data of is no backup that could be copied.
    for (const { name: backup } of expected.backups.filter((one) => !hasData(name, one.name))) {
      rmSync(join(fixture.storage, 'basebackups_005', `${backup}_backup_stop_sentinel.json`), { force: true });
    }
  });
  afterAll(() => {
    fixture[Symbol.dispose]();
  });

  function archiveFile(file: string, settings: Readonly<Record<string, string>>): string {
    const path = join(fixture.folder, `${file}.json`);
    // Not the size of segments: it is found out.
    writeFileSync(path, JSON.stringify(settings));
    giveToServer(path);
    return path;
  }

  async function copy(to: string, ...more: readonly string[]): Promise<CliResult> {
    const from = archiveFile('from', fixture.environment);
    return runCli(['copy', '--from', from, '--to', to, ...more, '--json'], { cwd: fixture.folder });
  }

  it('has the bytes of the source, which stays as it is', async () => {
    const storage = makeServerDirectory(join(fixture.folder, 'plain'));
    const before = listDirectory(fixture.storage);
    const result = await copy(archiveFile('to-plain', { WALG_FILE_PREFIX: storage }), '-b', newest, '-w', '--verify');
    expect(result, result.stderr).toMatchObject({ status: 0 });
    expect(JSON.parse(result.stdout)).toMatchObject({ dry_run: false, re_encoded: false, missing_wal: [] });
    expect(listDirectory(fixture.storage)).toEqual(before);
    const files = (lines: readonly string[]): readonly string[] =>
      lines.flatMap((line) => {
        const [type, , size, sum, path] = line.split('\t');
        return type === 'f' ? [`${size} ${sum} ${path}`] : [];
      });
    const copied = files(listDirectory(storage));
    expect(files(before)).toEqual(expect.arrayContaining([...copied]) as unknown);
    expect(copied.filter((line) => line.includes('_sentinel.json')).length).toBeGreaterThan(0);
  });

  it('with another codec and key is restored to the same files, and has the same WAL', async () => {
    const storage = makeServerDirectory(join(fixture.folder, 'encoded'));
    const settings = { WALG_FILE_PREFIX: storage, ...encoding };
    const to = archiveFile('to-encoded', settings);
    const dry = await copy(to, '--re-encode', '--dry-run');
    expect(dry, dry.stderr).toMatchObject({ status: 0 });
    expect(readdirSync(storage)).toEqual([]);
    const result = await copy(to, '--re-encode', '-w', '--verify');
    expect(result, result.stderr).toMatchObject({ status: 0 });
    const again = await copy(to, '--re-encode', '-w');
    // What is not full yet is always copied.
    const partials = readdirSync(join(fixture.storage, 'wal_005')).filter((one) => one.includes('.partial'));
    expect(JSON.parse(again.stdout)).toMatchObject({ copied_objects: partials.length });

    const run = (args: readonly string[]): Promise<CliResult> => runCli(args, { env: settings, cwd: fixture.folder });
    const target = join(fixture.folder, 'restored');
    const links = expected.tablespaces.map(({ oid }) => ({ oid, link: `pg_tblspc/${oid}`, loc: `${target}-${oid}` }));
    const spec = join(fixture.folder, 'spec.json');
    const spaces = Object.fromEntries(links.map(({ oid, link, loc }) => [oid, { loc, link }]));
    writeFileSync(spec, JSON.stringify({ base_prefix: target, tablespaces: links.map(({ oid }) => oid), ...spaces }));
    const fetched = await run(['backup-fetch', target, newest, ...(links.length > 0 ? ['--restore-spec', spec] : [])]);
    expect(fetched, fetched.stderr).toMatchObject({ status: 0 });
    const contents = (lines: readonly string[]): readonly string[] =>
      lines.filter((line) => line.startsWith('f') && !line.endsWith('\ttablespace_map')).toSorted();
    const restored = [
      ...listDirectory(target),
      ...links.flatMap(({ oid, loc }) => listDirectory(loc, `@tablespace/${oid}/`)),
    ];
    expect(contents(restored)).toEqual(contents(fixture.listing(newest)));

    const wal = readdirSync(join(storage, 'wal_005'));
    expect(wal.length).toBeGreaterThan(3);
    expect(wal.every((object) => object === withoutExtension(object) + suffix)).toBe(true);
    const segment = wal.map(withoutExtension).find((one) => /^[0-9A-F]{24}$/.test(one)) ?? '';
    for (const [from, env] of [
      ['source', fixture.environment],
      ['copy', settings],
    ] as const) {
      const file = join(fixture.folder, `${from}-${segment}`);
      // Nothing is fetched ahead: that would go on behind this test.
      const got = await runCli(['wal-fetch', segment, file], { env: { ...env, WALG_DOWNLOAD_CONCURRENCY: '1' } });
      expect(got, got.stderr).toMatchObject({ status: 0 });
      expect(statSync(file).size).toBe(expected.wal_segment_size_bytes);
    }
    const [ours, theirs] = ['source', 'copy'].map((from) =>
      sha256Of(readFileSync(join(fixture.folder, `${from}-${segment}`))),
    );
    expect(ours).toBe(theirs);
  });

  it('tells what is missing, and copies nothing then', async () => {
    const damaged = join(fixture.folder, 'damaged');
    cpSync(fixture.storage, damaged, { recursive: true, preserveTimestamps: true });
    for (const object of readdirSync(join(damaged, 'wal_005'))) {
      if (/^[0-9A-F]{24}\./.test(object)) rmSync(join(damaged, 'wal_005', object));
    }
    giveToServer(damaged);
    const storage = makeServerDirectory(join(fixture.folder, 'nothing'));
    const from = archiveFile('from-damaged', { ...fixture.environment, WALG_FILE_PREFIX: damaged });
    const to = archiveFile('to-nothing', { WALG_FILE_PREFIX: storage });
    const result = await runCli(['copy', '--from', from, '--to', to]);
    expect(result.status).toBe(66);
    expect(result.stderr).toContain('the source lacks WAL');
    expect(readdirSync(storage).filter((one) => one !== 'walvault_leases')).toEqual([]);
  });
});
