import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runCli, type CliResult } from '../../testtools/cli.ts';
import { hasData, listDirectory, openFixture, sha256Of, type Fixture } from '../../testtools/fixture.ts';
import { makeServerDirectory } from '../../testtools/postgres/server-user.ts';

let fixture: Fixture;
let folder: string;
let runs = 0;

function useFixture(name: string): void {
  beforeAll(() => {
    fixture = openFixture(name);
  });
  afterAll(() => {
    fixture[Symbol.dispose]();
  });
  beforeEach(() => {
    folder = makeServerDirectory(join(fixture.folder, `run-${(runs += 1)}`));
  });
}

/** Runs with the storage and what is given, and nothing else of the fixture's settings. */
function run(args: readonly string[], env: Readonly<Record<string, string>>): Promise<CliResult> {
  return runCli(args, { env: { WALG_FILE_PREFIX: fixture.storage, HOME: folder, ...env } });
}

/** A backup-fetch and a wal-fetch end with the status, say why, and leave nothing that a server could take for good. */
async function refuses(env: Readonly<Record<string, string>>, status: number, message: RegExp): Promise<void> {
  const [full] = fixture.expected.backups;
  const target = join(folder, 'target');
  const fetched = await run(['backup-fetch', target, full?.name ?? ''], env);
  expect(fetched, fetched.stderr).toMatchObject({ status });
  expect(fetched.stderr).toMatch(message);
  expect(existsSync(join(target, 'global/pg_control'))).toBe(false);

  const segment = full?.name.slice('base_'.length) ?? '';
  const wal = await run(['wal-fetch', segment, join(folder, segment)], env);
  expect(wal, wal.stderr).toMatchObject({ status });
  expect(wal.stderr).toMatch(message);
  expect(readdirSync(folder).filter((name) => name.startsWith('0'))).toEqual([]);
  for (const secret of [env['WALG_PGP_KEY_PASSPHRASE'], env['WALG_LIBSODIUM_KEY']]) {
    if (secret !== undefined) expect(fetched.stderr + wal.stderr).not.toContain(secret);
  }
}

describe('the archive that WAL-G encrypted for an OpenPGP key', () => {
  useFixture('pg15-brotli-pgp');
  const key = (name: string): string => join(fixture.folder, 'keys', name);
  const passphrase = { WALG_PGP_KEY_PASSPHRASE: 'correct horse battery' };

  it.each([
    ['a private key without a passphrase', () => ({ WALG_PGP_KEY_PATH: key('private-nopass.asc') })],
    ['a passphrase that is not needed', () => ({ WALG_PGP_KEY_PATH: key('private-nopass.asc'), ...passphrase })],
    [
      'a key in the environment',
      () => ({ WALG_PGP_KEY: readFileSync(key('private-pass.asc'), 'utf8'), ...passphrase }),
    ],
    [
      'a key in one line, and a passphrase with a line end',
      () => ({
        WALG_PGP_KEY: readFileSync(key('private-pass.asc'), 'utf8').replaceAll('\n', String.raw`\n`),
        WALG_PGP_KEY_PASSPHRASE: 'correct horse battery\r\n',
      }),
    ],
  ])('is restored with %s', async (_what, settings) => {
    const target = join(folder, 'target');
    const [full] = fixture.expected.backups;
    const result = await run(['backup-fetch', target, full?.name ?? ''], settings());
    expect(result, result.stderr).toMatchObject({ status: 0 });
    expect(listDirectory(target).toSorted()).toEqual(fixture.listing(full?.name ?? '').toSorted());
  });

  it.each(['private-nopass.asc', 'private-pass.asc'])(
    'has a segment for a key on Curve25519, which ecc/%s reads',
    async (name) => {
      const { ecc } = fixture.expected;
      const segment = ecc?.wal_segment ?? '';
      const env = {
        WALG_FILE_PREFIX: join(fixture.folder, 'storage-ecc'),
        WALG_PGP_KEY_PATH: key(`ecc/${name}`),
        ...passphrase,
      };
      const result = await run(['wal-fetch', segment, join(folder, segment)], env);
      expect(result, result.stderr).toMatchObject({ status: 0 });
      expect(sha256Of(readFileSync(join(folder, segment)))).toBe(ecc?.sha256_decoded);
    },
  );

  it('is refused to the public key alone, which says so', async () => {
    await refuses({ WALG_PGP_KEY_PATH: key('public.asc') }, 77, /private key/);
  });

  it('is refused to a locked key, with no passphrase or a wrong one', async () => {
    await refuses({ WALG_PGP_KEY_PATH: key('private-pass.asc') }, 77, /WALG_PGP_KEY_PASSPHRASE/);
    const wrong = { WALG_PGP_KEY_PATH: key('private-pass.asc'), WALG_PGP_KEY_PASSPHRASE: 'nope-nope' };
    await refuses(wrong, 77, /WALG_PGP_KEY_PASSPHRASE does not unlock it/);
  });

  it('is refused to another key, and the message names both', async () => {
    await refuses({ WALG_PGP_KEY_PATH: key('ecc/private-nopass.asc') }, 77, /[0-9A-F]{16}/);
  });

  it('is refused without any key, and with a key of another kind', async () => {
    await refuses({}, 65, /No key is set/);
    await refuses({ WALG_LIBSODIUM_KEY: 'a key that is long enough for this' }, 77, /libsodium/);
  });
});

describe('the archive that WAL-G encrypted with libsodium', () => {
  useFixture('pg15-lz4-libsodium');
  const hex = { WALG_LIBSODIUM_KEY_TRANSFORM: 'hex' };

  const hexKey = (): string => fixture.expected.libsodium?.key ?? '';
  it.each([
    [
      'in a file',
      () => {
        const path = join(folder, 'sodium.key');
        writeFileSync(path, ` ${hexKey()}\n\n`);
        return { WALG_LIBSODIUM_KEY_PATH: path, ...hex };
      },
    ],
    [
      'as base64',
      () => ({
        WALG_LIBSODIUM_KEY: Buffer.from(hexKey(), 'hex').toString('base64'),
        WALG_LIBSODIUM_KEY_TRANSFORM: 'base64',
      }),
    ],
  ])('is restored with the key %s', async (_what, settings) => {
    const [full] = fixture.expected.backups;
    const target = join(folder, 'target');
    const result = await run(['backup-fetch', target, full?.name ?? ''], settings());
    expect(result, result.stderr).toMatchObject({ status: 0 });
    expect(listDirectory(target).toSorted()).toEqual(fixture.listing(full?.name ?? '').toSorted());
  });

  it('is refused to another key, to none, and to one of another kind', async () => {
    await refuses({ WALG_LIBSODIUM_KEY: '00'.repeat(31) + '01', ...hex }, 77, /key/);
    await refuses({}, 65, /No key is set/);
  });

  it('is refused to a key that is none', async () => {
    await refuses({ WALG_LIBSODIUM_KEY: 'f00', ...hex }, 78, /WALG_LIBSODIUM_KEY/);
    await refuses({ WALG_LIBSODIUM_KEY: 'short' }, 78, /WALG_LIBSODIUM_KEY/);
  });
});

describe('the archive that WAL-G compressed with zstd', () => {
  const unlisted = 'base_000000010000000000000012';
  useFixture('pg15-zstd');

  // A clone has no room for it.
  it.skipIf(!hasData('pg15-zstd', unlisted))(
    'gives the backup with the wanted user data, which has no files metadata',
    async () => {
      const target = join(folder, 'target');
      const wanted = ['backup-fetch', target, '--target-user-data', '{"y":4,"x":[3]}'];
      const result = await run(wanted, fixture.environment);
      expect(result, result.stderr).toMatchObject({ status: 0 });
      expect(result.stderr).toContain(unlisted);
      expect(readFileSync(join(target, 'backup_label'), 'utf8')).toContain('000000010000000000000012');
    },
  );

  it('is restored whatever is set for writing, a method that does not exist among it', async () => {
    const segment = '000000010000000000000013';
    for (const method of ['lzma', 'no-such-method']) {
      const path = join(folder, method);
      const result = await run(['wal-fetch', segment, path], { WALG_COMPRESSION_METHOD: method });
      expect(result, result.stderr).toMatchObject({ status: 0 });
      expect(readFileSync(path)).toHaveLength(1 << 20);
    }
  });
});
