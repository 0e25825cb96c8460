import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli, type CliResult } from '../../testtools/cli.ts';
import { openFixture, type Fixture } from '../../testtools/fixture.ts';
import { makeKey, type MadeKey } from '../../testtools/openpgp-keys.ts';
import { giveToServer, makeServerDirectory } from '../../testtools/postgres/server-user.ts';

const backup = 'base_000000010000000000000002';

interface Report {
  readonly encryption: string;
  readonly can_encrypt: boolean;
  readonly can_decrypt: boolean;
  readonly round_trip: { readonly memory: { result: string } | null; readonly storage: { result: string } | null };
  readonly backups: readonly {
    readonly name: string;
    readonly state: string | null;
    readonly objects: Readonly<Record<string, number>>;
    readonly examples: readonly { readonly recipients: readonly string[]; readonly whole: boolean }[];
  }[];
  readonly logs: readonly { readonly name: string; readonly state: string }[];
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

describe('key check', () => {
  let fixture: Fixture;
  let keys: string;
  let newKey: MadeKey;

  beforeAll(async () => {
    fixture = openFixture('pg15-brotli-pgp');
    keys = join(fixture.folder, 'keys');
    newKey = await makeKey({});
    writeFileSync(join(keys, 'new.asc'), newKey.privateKey);
    giveToServer(fixture.folder);
  });
  afterAll(() => {
    fixture[Symbol.dispose]();
  });

  function check(args: readonly string[], settings: Readonly<Record<string, string>> = {}): Promise<CliResult> {
    return runCli(['key', 'check', ...args], { env: { WALG_FILE_PREFIX: fixture.storage, ...settings } });
  }

  function empty(): Readonly<Record<string, string>> {
    return { WALG_FILE_PREFIX: makeServerDirectory(join(fixture.folder, 'empty')) };
  }

  async function report(
    settings: Readonly<Record<string, string>>,
    args: readonly string[] = [],
  ): Promise<{ readonly status: number | null; readonly report: Report; readonly stderr: string }> {
    const { status, stdout, stderr } = await check(['--json', ...args], settings);
    return { status, report: JSON.parse(stdout) as Report, stderr };
  }

  function stateOf({ backups }: Report, name = backup): string | null | undefined {
    return backups.find((one) => one.name === name)?.state;
  }

  it('succeeds with the key, and leaves nothing behind', async () => {
    const before = readdirSync(fixture.storage, { recursive: true });
    const { status, report: found } = await report(fixture.environment);
    expect(status).toBe(0);
    expect(found).toMatchObject({
      encryption: 'openpgp',
      can_encrypt: true,
      can_decrypt: true,
      round_trip: { memory: { result: 'ok' }, storage: { result: 'ok' } },
      logs: [{ name: 'wal_005', state: 'readable' }],
      problems: [],
    });
    expect(stateOf(found)).toBe('readable');
    expect(readdirSync(fixture.storage, { recursive: true })).toEqual(before);
  });

  it('prints a table for people', async () => {
    const { stdout } = await check(['--backup', backup], fixture.environment);
    expect(stdout).toMatch(/^encryption {2}OpenPGP$/m);
    expect(stdout).toMatch(/^round trip {2}in memory ok; through the storage ok$/m);
    expect(stdout).toMatch(/^F00AF55E9E63B6C0 RSA 2048 {2}- +encrypt,decrypt .*brotli-pgp@example\.invalid/m);
    expect(stdout).toMatch(new RegExp(`^${backup} +1 +readable +tar_partitions/`, 'm'));
    expect(stdout).toMatch(/^wal_005 +2 +readable /m);
  });

  it('reads all of a backup, and looks at everything else', async () => {
    const { report: found } = await report(fixture.environment, ['--backup', backup, '--all']);
    const chosen = found.backups.find(({ name }) => name === backup);
    expect(chosen?.examples.length).toBeGreaterThan(2);
    expect(chosen?.examples.every(({ whole }) => whole)).toBe(true);
    expect(found.problems).toEqual([]);
  });

  it('finds the backup that a new key does not read, and no fault when both keys are there', async () => {
    const rotated = { WALG_PGP_KEY_PATH: join(keys, 'new.asc') };
    const { status, report: found, stderr } = await report(rotated);
    expect(status).toBe(77);
    expect(stateOf(found)).toBe('other_key');
    expect(found.backups[0]?.examples[0]?.recipients).toEqual(['7656EC91E5C57D23']);
    expect(stderr).toMatch(/ERROR: .* backup "base_0{7}10{15}2" cannot be decrypted with the keys that are set/);
    const both = join(keys, 'both.asc');
    writeFileSync(both, readFileSync(join(keys, 'private-nopass.asc'), 'utf8') + newKey.privateKey);
    giveToServer(both);
    const together = await report({ WALG_PGP_KEY_PATH: both });
    expect(together).toMatchObject({ status: 0, report: { problems: [], can_decrypt: true } });
  });

  it('takes an expired key among others for that of old backups, and one alone for a fault', async () => {
    const expired = await makeKey({ date: new Date('2020-01-01'), keyExpirationTime: 86_400 });
    const together = await report({ ...empty(), WALG_PGP_KEY: `${newKey.privateKey}\n${expired.privateKey}` });
    expect(together).toMatchObject({ status: 0, report: { can_encrypt: false, can_decrypt: true, problems: [] } });
    expect(together.stderr).toMatch(/WARNING: .* with these keys nothing can be pushed: .*expired/);
    expect(together.stderr).toMatch(/WARNING: .* key [0-9A-F]{16} expired on 2020-01-02/);
    expect(await report({ ...empty(), WALG_PGP_KEY: expired.publicKey })).toMatchObject({ status: 78 });
  });

  it('proves nothing with the public key, and tells when objects are for others', async () => {
    const own = await report({ WALG_PGP_KEY_PATH: join(keys, 'public.asc') });
    expect(own.status).toBe(0);
    expect(own.report).toMatchObject({ can_decrypt: false, round_trip: { memory: { result: 'encrypted_only' } } });
    expect(stateOf(own.report)).toBe('unproven');
    expect(own.stderr).toMatch(/WARNING: .* nothing here decrypts/);
    const other = await report({ WALG_PGP_KEY: newKey.publicKey });
    expect(other.status).toBe(77);
    expect(stateOf(other.report)).toBe('other_key');
  });

  it.each([
    ['is missing', {}, 'WALG_PGP_KEY_PASSPHRASE is not set'],
    ['is wrong', { WALG_PGP_KEY_PASSPHRASE: 'not this' }, 'WALG_PGP_KEY_PASSPHRASE does not unlock it'],
  ])('fails when the passphrase %s', async (_how, passphrase, reason) => {
    const { status, stderr } = await check([], { WALG_PGP_KEY_PATH: join(keys, 'private-pass.asc'), ...passphrase });
    expect(status).toBe(77);
    expect(stderr).toContain(`the private key F00AF55E9E63B6C0 is here and decrypts nothing: `);
    expect(stderr).toContain(reason);
  });

  it('finds encrypted backups when no key is set, and backups in clear when one is', async () => {
    const encrypted = await report({});
    expect(encrypted.status).toBe(77);
    expect(encrypted.report).toMatchObject({ encryption: 'none', round_trip: { memory: null, storage: null } });
    expect(stateOf(encrypted.report)).toBe('encrypted');
    using clear = openFixture('pg15-zstd');
    for (const key of [
      { WALG_PGP_KEY: newKey.privateKey },
      { WALG_LIBSODIUM_KEY: 'ab'.repeat(32), WALG_LIBSODIUM_KEY_TRANSFORM: 'hex' },
    ]) {
      const { status, report: found } = await report({ WALG_FILE_PREFIX: clear.storage, ...key });
      expect(status).toBe(65);
      expect(found.backups.map(({ state }) => state).filter((state) => state !== null && state !== 'clear')).toEqual(
        [],
      );
      expect(found.logs).toMatchObject([{ state: 'clear' }]);
    }
    const without = await report({ WALG_FILE_PREFIX: clear.storage });
    expect(without).toMatchObject({ status: 0, report: { problems: [], logs: [{ state: 'readable' }] } });
  });

  it('tells a libsodium key from another', async () => {
    using sodium = openFixture('pg15-lz4-libsodium');
    const good = await report(sodium.environment, ['--all']);
    expect(good).toMatchObject({ status: 0, report: { encryption: 'libsodium', problems: [] } });
    const wrong = await report({ ...sodium.environment, WALG_LIBSODIUM_KEY: 'ab'.repeat(32) });
    expect(wrong).toMatchObject({ status: 77, report: { logs: [{ state: 'other_key' }] } });
  });

  it('works where new objects could not be written, with --no-write', async () => {
    const empty = makeServerDirectory(join(fixture.folder, 'read-only'), 0o555);
    const settings = { ...fixture.environment, WALG_FILE_PREFIX: empty };
    expect(await check(['--no-write'], settings)).toMatchObject({ status: 0 });
    const { status, stderr } = await check([], settings);
    expect(status).not.toBe(0);
    expect(stderr).toContain('an encrypted object did not come back from the storage');
    const odd = { ...fixture.environment, WALG_COMPRESSION_METHOD: 'gzip' };
    expect(await check(['--no-write'], odd), 'nothing is compressed').toMatchObject({ status: 0 });
  });

  it('names what it does not know', async () => {
    expect(await check(['--backup', 'base_1'], fixture.environment)).toMatchObject({ status: 66 });
    expect(await runCli(['key', 'chek'])).toMatchObject({
      status: 64,
      stdout: 'unknown command "key chek"; did you mean "key check"?\n',
    });
    expect((await runCli(['key'])).stdout).toContain('walvault key check');
  });
});
