import { existsSync, readdirSync, readFileSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newestMajor } from '../../testtools/postgres/installations.ts';
import { factOf, openRig, type Rig } from '../../testtools/rig.ts';

const major = newestMajor();

interface FilesMetadata {
  readonly Files: Readonly<Record<string, { readonly UpdatesCount: number }>>;
  readonly TarFileSets: Readonly<Record<string, readonly string[]>>;
}

describe.skipIf(major === undefined)('composers of backup-push', () => {
  let rig: Rig;

  beforeAll(async () => {
    rig = await openRig({ major: major ?? 0, environment: { WALG_TAR_SIZE_THRESHOLD: '1000000' } });
    await rig.server.query('CREATE DATABASE other');
    await rig.server.query(`CREATE TABLE quiet AS SELECT n, md5(n::text) AS m FROM generate_series(1, 100000) AS n`);
    await rig.server.query(`CREATE TABLE busy AS SELECT n, md5(n::text) AS m FROM generate_series(1, 20000) AS n`);
    await rig.server.query('CREATE INDEX ON busy (n)');
    for (const statement of ['VACUUM', 'CHECKPOINT']) await rig.server.query(statement);
  });
  afterAll(async () => rig[Symbol.asyncDispose]());

  async function push(args: readonly string[] = []): Promise<{ readonly name: string; readonly log: string }> {
    const { stderr } = await rig.succeed(['backup-push', rig.server.dataDirectory, ...args]);
    const name = /Wrote backup with name (\S+)/.exec(stderr)?.[1] ?? '';
    return { name, log: stderr };
  }

  function partsOf(backup: string): readonly string[] {
    return readdirSync(join(rig.storage, 'basebackups_005', backup, 'tar_partitions')).sort();
  }

  function metadataOf(backup: string): FilesMetadata {
    const path = join(rig.storage, 'basebackups_005', backup, 'files_metadata.json');
    return JSON.parse(readFileSync(path, 'utf8')) as FilesMetadata;
  }

  /** Every file is in one part, and every part is there. */
  function requireComplete(backup: string): void {
    const { Files, TarFileSets } = metadataOf(backup);
    const members = Object.entries(TarFileSets).flatMap(([tar, names]) =>
      tar.startsWith('backup_label') ? [] : names,
    );
    expect(members.toSorted()).toEqual(Object.keys(Files).toSorted());
    expect(partsOf(backup).filter((part) => !part.startsWith('pg_control'))).toEqual(
      Object.keys(TarFileSets).toSorted(),
    );
  }

  async function requireRestorable(backup: string): Promise<void> {
    const facts = [await factOf(rig.server, 'quiet'), await factOf(rig.server, 'busy')];
    await rig.archiveAll();
    const target = join(rig.folder, `restored-${backup}`);
    await rig.succeed(['backup-fetch', target, backup, '--target-timeline', 'latest']);
    const restored = await rig.startRestored(target);
    await restored.waitFor('SELECT NOT pg_is_in_recovery()');
    expect([await factOf(restored, 'quiet'), await factOf(restored, 'busy')]).toEqual(facts);
    await restored.stop('immediate');
  }

  async function pathOf(relation: string): Promise<string> {
    return `/${(await rig.server.value(`SELECT pg_relation_filepath('${relation}')`)) ?? ''}`;
  }

  /** As if nothing had been written for an hour. */
  function age(directory: string): void {
    const before = Date.now() / 1000 - 3600;
    for (const entry of readdirSync(directory, { withFileTypes: true, recursive: true })) {
      const path = join(entry.parentPath, entry.name);
      if (entry.isFile() && existsSync(path)) utimesSync(path, before, before);
    }
  }

  it('copies the parts in which nothing changed, with the copy composer', async () => {
    age(join(rig.server.dataDirectory, 'base'));
    const first = await push(['--copy-composer']);
    expect(first.log).toContain('no parts are copied');
    expect(partsOf(first.name).some((part) => part.startsWith('copy_'))).toBe(false);

    await rig.server.query('UPDATE busy SET n = n + 1; CHECKPOINT');
    const second = await push(['--copy-composer', '--walg-delta-max-steps=5']);
    expect(second.name).toMatch(/^base_[0-9A-F]{24}$/);
    expect(second.log).toContain('copied unchanged parts');
    const copies = partsOf(second.name).filter((part) => part.startsWith('copy_'));
    expect(copies).toContain('copy_0.tar.lz4');
    const sets = metadataOf(second.name).TarFileSets;
    const copied = copies.flatMap((part) => sets[part] ?? []);
    expect(copied).toContain(await pathOf('quiet'));
    expect(copied).not.toContain(await pathOf('busy'));
    requireComplete(second.name);

    // Copies are copied in turn, and what changed in between is not.
    await rig.server.query('DELETE FROM busy WHERE n % 2 = 0; CHECKPOINT');
    const third = await push(['-c']);
    expect(metadataOf(third.name).TarFileSets['copy_0.tar.lz4']).toBeDefined();
    requireComplete(third.name);
    const folder = (name: string) => join(rig.storage, 'basebackups_005', name, 'tar_partitions');
    for (const part of copies) expect(statSync(join(folder(second.name), part)).size).toBeGreaterThan(0);
    await requireRestorable(third.name);
  });

  it('keeps files that are written to apart, with the rating composer', async () => {
    await rig.server.query('SELECT pg_stat_reset()');
    await rig.server.query('UPDATE busy SET m = m');
    await rig.server.waitFor(`SELECT n_tup_upd > 0 FROM pg_stat_user_tables WHERE relname = 'busy'`);
    const rows = Number(await rig.server.value('SELECT count(*) FROM busy'));
    const { name } = await push(['--rating-composer']);
    const { Files, TarFileSets } = metadataOf(name);
    const [busy, index, quiet] = [await pathOf('busy'), await pathOf('busy_n_idx'), await pathOf('quiet')];
    expect(Files[busy]?.UpdatesCount).toBeGreaterThanOrEqual(rows);
    expect(Files[index]?.UpdatesCount).toBe(Files[busy]?.UpdatesCount);
    expect(Files[quiet]?.UpdatesCount).toBe(0);
    const withBusy = Object.values(TarFileSets).filter((members) => members.includes(busy) || members.includes(index));
    for (const member of withBusy.flat()) expect(Files[member]?.UpdatesCount, member).toBeGreaterThan(0);
    requireComplete(name);
  });

  it('gives each database parts of its own, with the database composer, in deltas as well', async () => {
    await rig.server.query('UPDATE busy SET n = n - 1');
    const { name } = await push(['--database-composer', '--walg-delta-max-steps=5']);
    expect(name).toContain('_D_');
    const oid = await rig.server.value(`SELECT oid FROM pg_database WHERE datname = 'postgres'`);
    const sets = Object.values(metadataOf(name).TarFileSets);
    for (const members of sets.filter((one) => one.some((member) => member.startsWith(`/base/${oid ?? ''}/`)))) {
      expect(members.filter((member) => !member.startsWith(`/base/${oid ?? ''}`))).toEqual(
        members.includes('/') ? expect.arrayContaining(['/']) : [],
      );
    }
    await requireRestorable(name);
  });

  it('refuses a composer without files metadata', async () => {
    const args = ['backup-push', rig.server.dataDirectory, '--without-files-metadata'];
    const refused = await rig.cli(args, { WALG_USE_RATING_COMPOSER: 'true' });
    expect(refused.status).toBe(64);
    expect(refused.stderr).toContain('the rating composer needs files metadata');
  });
});
