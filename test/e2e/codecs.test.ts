import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  passphrase,
  startArchivingServer,
  type ArchiveSettings,
  type ArchivingServer,
} from '../../testtools/archives.ts';
import { newestMajor } from '../../testtools/postgres/installations.ts';
import { preparePostgres, startPostgres } from '../../testtools/postgres/server.ts';
import { makeServerDirectory } from '../../testtools/postgres/server-user.ts';
import { factOf } from '../../testtools/rig.ts';

const extensions = { lz4: '.lz4', lzma: '.lzma', brotli: '.br', zstd: '.zst', none: '' } as const;
const codecs = Object.keys(extensions) as (keyof typeof extensions)[];
const encryptions = ['no key', 'OpenPGP', 'libsodium'] as const;
type Encryption = (typeof encryptions)[number];
const combinations = codecs.flatMap((codec) => encryptions.map((encryption) => ({ codec, encryption })));

const major = newestMajor();

describe.skipIf(major === undefined)('a server', () => {
  let archiving: ArchivingServer;
  beforeAll(async () => {
    archiving = await startArchivingServer(major ?? 0);
    await archiving.server.query(
      'CREATE TABLE numbers AS SELECT n, md5(n::text) AS m FROM generate_series(1, 20000) AS n',
    );
    // What a server that is backed up needs of OpenPGP: public keys, of everybody who shall be able to restore.
    const recipients = ['public.asc', 'ecc/public.asc'].map((name) => readFileSync(join(archiving.keys, name), 'utf8'));
    writeFileSync(join(archiving.keys, 'recipients.asc'), recipients.join(''));
  });
  afterAll(async () => archiving[Symbol.asyncDispose]());

  /** Settings of the server, and of whoever restores it. */
  function settingsOf(encryption: Encryption): {
    readonly pushing: ArchiveSettings;
    readonly reading: ArchiveSettings;
  } {
    switch (encryption) {
      case 'no key':
        return { pushing: {}, reading: {} };
      case 'OpenPGP':
        return {
          pushing: { WALG_PGP_KEY_PATH: join(archiving.keys, 'recipients.asc') },
          reading: {
            WALG_PGP_KEY_PATH: join(archiving.keys, 'ecc/private-pass.asc'),
            WALG_PGP_KEY_PASSPHRASE: passphrase,
          },
        };
      case 'libsodium': {
        const key = { WALG_LIBSODIUM_KEY: 'c0ffee'.repeat(11).slice(0, 64), WALG_LIBSODIUM_KEY_TRANSFORM: 'hex' };
        return { pushing: key, reading: key };
      }
    }
  }

  /** Restores the newest backup, recovers to a restore point, and compares; the restored server is gone afterwards. */
  async function recovers(point: string, fact: string | null, reading: ArchiveSettings): Promise<void> {
    const directory = makeServerDirectory(join(archiving.folder, `restored-${point}`), 0o700);
    await archiving.succeed(['backup-fetch', directory, '--target-name', point, '--target-action', 'promote'], reading);
    await using restored = await startPostgres({
      major: major ?? 0,
      directory,
      settings: { archive_mode: 'off' },
      environment: { HOME: archiving.folder, ...reading },
    });
    await restored.waitFor('SELECT NOT pg_is_in_recovery()');
    expect(await factOf(restored, 'numbers')).toBe(fact);
    rmSync(directory, { recursive: true });
  }

  it.each(combinations)('is recovered to a moment with $codec and $encryption', async ({ codec, encryption }) => {
    const { server } = archiving;
    const point = `${codec} ${encryption}`.replaceAll(' ', '_').toLowerCase();
    const storage = archiving.makeStorage(point);
    const { pushing, reading } = settingsOf(encryption);
    const writing = { WALG_FILE_PREFIX: storage, WALG_COMPRESSION_METHOD: codec, ...pushing };
    archiving.archiveBy(writing);
    await archiving.succeed(['backup-push', server.dataDirectory], writing);
    await server.query(`UPDATE numbers SET m = '${point}' WHERE n % 100 = 50`);
    const fact = await factOf(server, 'numbers');
    await server.query(`SELECT pg_create_restore_point('${point}')`);
    await server.query('DELETE FROM numbers WHERE n % 1000 = 1');
    await archiving.archiveAll();

    const stored = readdirSync(storage, { recursive: true, encoding: 'utf8' });
    expect(stored.some((path) => path.endsWith(`tar_partitions/part_001.tar${extensions[codec]}`))).toBe(true);
    expect(stored.some((path) => new RegExp(`^wal_005/[0-9A-F]{24}${extensions[codec]}$`).test(path))).toBe(true);
    await recovers(point, fact, { WALG_FILE_PREFIX: storage, ...reading });
  });

  it('is recovered through an archive in which the codec changed again and again', async () => {
    const { server } = archiving;
    const storage = archiving.makeStorage('mixed');
    const { pushing, reading } = settingsOf('OpenPGP');
    const writing = (codec: string): ArchiveSettings => ({
      WALG_FILE_PREFIX: storage,
      WALG_COMPRESSION_METHOD: codec,
      ...pushing,
    });
    archiving.archiveBy(writing('zstd'));
    await archiving.succeed(['backup-push', server.dataDirectory], writing('lzma'));
    for (const codec of codecs) {
      archiving.archiveBy(writing(codec));
      await server.query(`UPDATE numbers SET m = '${codec}' WHERE n % 100 = 7`);
      await archiving.archiveAll();
    }
    const fact = await factOf(server, 'numbers');
    await server.query(`SELECT pg_create_restore_point('mixed')`);
    await archiving.archiveAll();
    const wal = readdirSync(join(storage, 'wal_005')).filter((name) => /^[0-9A-F]{24}/.test(name));
    const suffixes = new Set(wal.map((name) => name.slice(24)).filter((suffix) => !suffix.includes('backup')));
    expect(suffixes).toEqual(new Set(Object.values(extensions)));
    await recovers('mixed', fact, { WALG_FILE_PREFIX: storage, ...reading });
  });

  it('stops in recovery, rather than opening early, when its key is missing, and goes on with the key', async () => {
    const { server } = archiving;
    const storage = archiving.makeStorage('missing');
    const { pushing, reading } = settingsOf('libsodium');
    const writing = { WALG_FILE_PREFIX: storage, ...pushing };
    archiving.archiveBy(writing);
    await archiving.succeed(['backup-push', server.dataDirectory], writing);
    await server.query('DELETE FROM numbers WHERE n % 1000 = 2');
    await archiving.archiveAll();
    const fact = await factOf(server, 'numbers');

    const directory = makeServerDirectory(join(archiving.folder, 'restored-missing'), 0o700);
    const settings = { WALG_FILE_PREFIX: storage, ...reading };
    await archiving.succeed(['backup-fetch', directory, 'LATEST', '--target', 'end'], settings);
    const common = { major: major ?? 0, directory, settings: { archive_mode: 'off' } };
    await using keyless = await preparePostgres({
      ...common,
      environment: { HOME: archiving.folder, WALG_FILE_PREFIX: storage, WALG_WAL_FETCH_RETRY_BUDGET: '1s' },
    });
    await expect(keyless.start()).rejects.toThrow('did not start');
    expect(keyless.log()).toContain('No key is set');
    expect(keyless.log()).not.toContain('selected new timeline');

    await using restored = await startPostgres({ ...common, environment: { HOME: archiving.folder, ...settings } });
    await restored.waitFor('SELECT NOT pg_is_in_recovery()');
    expect(await factOf(restored, 'numbers')).toBe(fact);
  });
});
