import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collect, fromBytes } from '../../../../src/bytes/stage.ts';
import { rawSettings } from '../../../../src/config/setting.ts';
import type { Crypter } from '../../../../src/crypto/crypter.ts';
import { openOpenPgpCrypter } from '../../../../src/crypto/openpgp/crypter.ts';
import { silentLogger } from '../../../../src/platform/logger.ts';
import { hasProgram } from '../../../../testtools/byte-sources.ts';
import { openGnuPg, type GnuPg } from '../../../../testtools/gnupg.ts';

const plain = Buffer.from('some text\r\nof two lines\r\n'.repeat(1000));
const passphrase = 'correct horse';
const secret = ['--pinentry-mode', 'loopback', '--passphrase', passphrase];

describe.skipIf(!hasProgram('gpg'))('keys of GnuPG', () => {
  let gnupg: GnuPg;
  let home: string;
  beforeAll(async () => {
    gnupg = await openGnuPg();
    home = mkdtempSync(join(tmpdir(), 'walvault-test-home-'));
  });
  afterAll(async () => {
    await gnupg[Symbol.asyncDispose]();
    rmSync(home, { recursive: true });
  });

  const exported = (key: string, ...options: readonly string[]): string =>
    gnupg.run(['-a', ...options, '--export', '--', key]).toString();
  const exportedSecret = (key: string, command = '--export-secret-keys'): string =>
    gnupg.run([...secret, '-a', command, '--', key]).toString();
  const crypterWith = (armored: string): Crypter =>
    openOpenPgpCrypter(rawSettings({ WALG_PGP_KEY: armored, WALG_PGP_KEY_PASSPHRASE: passphrase }), {
      logger: silentLogger,
      home,
    });

  /** Encrypted there, decrypted here. */
  async function readsFromGpg(key: string, armored: string, ...options: readonly string[]): Promise<void> {
    const message = gnupg.run(['--trust-model', 'always', ...options, '-r', key, '--encrypt'], plain);
    expect((await collect(crypterWith(armored).decrypt(fromBytes(message)))).equals(plain)).toBe(true);
  }

  /** Encrypted here, decrypted there. */
  async function writesForGpg(armored: string): Promise<Buffer> {
    const message = await collect(crypterWith(armored).encrypt(fromBytes(plain)));
    expect(gnupg.run([...secret, '--decrypt'], message).equals(plain)).toBe(true);
    return message;
  }

  it.each([
    ['RSA', 'rsa2048', ''],
    ['RSA with a passphrase', 'rsa2048', passphrase],
    ['Curve25519', 'ed25519', ''],
    ['Curve25519 with a passphrase', 'ed25519', passphrase],
    ['NIST P-256', 'nistp256', passphrase],
  ])('work both ways: %s', async (name, algorithm, protection) => {
    const key = gnupg.makeKey({ user: `${name} <both@example.org>`, algorithm, passphrase: protection });
    await writesForGpg(exported(key));
    await readsFromGpg(key, exportedSecret(key));
    await readsFromGpg(key, exportedSecret(key), '--throw-keyids');
  });

  it('work when the primary key is offline', async () => {
    const key = gnupg.makeKey({ user: 'offline@example.org', algorithm: 'ed25519', passphrase });
    const subkeys = exportedSecret(key, '--export-secret-subkeys');
    await readsFromGpg(key, subkeys);
    await writesForGpg(subkeys);
    const { keys, canDecrypt } = await crypterWith(subkeys).report();
    expect(canDecrypt).toBe(true);
    expect(keys).toMatchObject([{ encrypts: true, decrypts: true, remark: undefined }]);
  });

  it('work after the subkey for encryption was replaced: the new one writes, both read', async () => {
    const user = 'rotated@example.org';
    const key = gnupg.makeKey({ user, algorithm: 'ed25519', passphrase, at: '20250101T000000' });
    const old = gnupg.run(['--trust-model', 'always', '-r', key, '--encrypt'], plain);
    gnupg.run([...secret, '--quick-add-key', key, 'cv25519', 'encr']);
    const armored = exportedSecret(key);
    expect((await collect(crypterWith(armored).decrypt(fromBytes(old)))).equals(plain)).toBe(true);
    const subkeys =
      gnupg
        .run(['--with-colons', '--list-keys', key])
        .toString()
        .match(/^sub:.*$/gm) ?? [];
    expect(subkeys).toHaveLength(2);
    const message = await writesForGpg(armored);
    const listed = gnupg.run([...secret, '--list-packets'], message).toString();
    expect(/keyid ([0-9A-F]{16})/.exec(listed)?.[1]).toBe(subkeys[1]?.split(':')[4]);
  });

  it('of the time before 2009, DSA and ElGamal, read; written is nothing for them', async () => {
    const parameters = `%no-protection
Key-Type: DSA
Key-Length: 1024
Subkey-Type: ELG-E
Subkey-Length: 1024
Name-Email: old@example.org
%commit
`;
    gnupg.run(['--gen-key'], parameters);
    await readsFromGpg('old@example.org', exportedSecret('old@example.org'));
    const writing = collect(crypterWith(exported('old@example.org')).encrypt(fromBytes(plain)));
    await expect(writing).rejects.toMatchObject({
      kind: 'config',
      message: expect.stringContaining("can't encrypt") as string,
    });
  });

  it('of a Brainpool curve read; written is nothing for them', async () => {
    const key = gnupg.makeKey({ user: 'brainpool@example.org', algorithm: 'brainpoolP256r1' });
    await readsFromGpg(key, exportedSecret(key));
    const writing = collect(crypterWith(exported(key)).encrypt(fromBytes(plain)));
    await expect(writing).rejects.toMatchObject({
      kind: 'config',
      message: expect.stringContaining('Brainpool') as string,
    });
  });

  it('make a message of AES-128 when one of them wants no AES-256', async () => {
    const key = gnupg.makeKey({ user: 'modest@example.org', algorithm: 'ed25519' });
    gnupg.run(['--command-fd', '0', '--edit-key', key], 'setpref AES SHA256\ny\nsave\n');
    const message = await writesForGpg(exported(key));
    const other = gnupg.makeKey({ user: 'both-wanted@example.org', algorithm: 'ed25519' });
    const both = await collect(crypterWith(exported(key) + exported(other)).encrypt(fromBytes(plain)));
    expect(cipherOf(message)).toBe('7');
    expect(cipherOf(both)).toBe('7');
    expect(cipherOf(await writesForGpg(exported(other)))).toBe('9');
  });

  /** RFC 9580 9.3: 7 is AES-128, 9 AES-256. */
  function cipherOf(message: Uint8Array): string | undefined {
    // With --status-fd, gpg tells about the cipher before the plaintext.
    const status = gnupg.run([...secret, '--status-fd', '1', '-o', '/dev/null', '--decrypt'], message).toString();
    return /DECRYPTION_INFO \d+ (\d+)/.exec(status)?.[1];
  }

  it('work as a whole key ring, exported in one piece', async () => {
    const users = ['ring1@example.org', 'ring2@example.org'];
    const [first = ''] = users.map((user) => gnupg.makeKey({ user, algorithm: 'ed25519', passphrase }));
    const ring = gnupg.run([...secret, '-a', '--export-secret-keys', '--', ...users]).toString();
    await readsFromGpg(first, ring);
    const message = await writesForGpg(ring);
    expect((await crypterWith(ring).identify(message)).recipients).toHaveLength(2);
  });

  it('are refused by name when they have expired', async () => {
    const key = gnupg.makeKey({ user: 'late@example.org', algorithm: 'ed25519', expires: '1d', at: '20250101T000000' });
    const writing = collect(crypterWith(exported(key)).encrypt(fromBytes(plain)));
    await expect(writing).rejects.toMatchObject({
      kind: 'config',
      message: expect.stringMatching(/late@example.org.*expired/) as string,
    });
  });

  it('work by their id', async () => {
    const key = gnupg.makeKey({ user: 'byid@example.org', algorithm: 'ed25519', passphrase });
    const byId = (values: Readonly<Record<string, string>>): Crypter =>
      openOpenPgpCrypter(rawSettings({ ...gnupg.environment, WALE_GPG_KEY_ID: key.slice(-16), ...values }), {
        logger: silentLogger,
        home,
      });
    const message = await collect(byId({}).encrypt(fromBytes(plain)));
    expect(gnupg.run([...secret, '--decrypt'], message).equals(plain)).toBe(true);
    const read = await collect(byId({ WALG_PGP_KEY_PASSPHRASE: passphrase }).decrypt(fromBytes(message)));
    expect(read.equals(plain)).toBe(true);
    expect(await byId({ WALG_PGP_KEY_PASSPHRASE: passphrase }).report()).toMatchObject({
      canEncrypt: true,
      canDecrypt: true,
    });
    const report = await byId({}).report();
    expect(report).toMatchObject({ canEncrypt: true, canDecrypt: false });
    await expect(collect(byId({}).decrypt(fromBytes(message)))).rejects.toMatchObject({ kind: 'forbidden' });
    const wrong = collect(byId({ WALG_PGP_KEY_PASSPHRASE: 'hunter2' }).decrypt(fromBytes(message)));
    await expect(wrong).rejects.toMatchObject({ kind: 'forbidden' });
    await expect(wrong).rejects.not.toThrow('hunter2');
    const unknown = byId({ WALG_GPG_KEY_ID: '0123456789ABCDEF' });
    await expect(collect(unknown.encrypt(fromBytes(plain)))).rejects.toMatchObject({ kind: 'config' });
  });
});
