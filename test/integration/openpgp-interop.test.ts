import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as openpgp from 'openpgp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collect } from '../../src/bytes/stage.ts';
import { rawSettings } from '../../src/config/setting.ts';
import type { Crypter } from '../../src/crypto/crypter.ts';
import { openOpenPgpCrypter } from '../../src/crypto/openpgp/crypter.ts';
import { CorruptError } from '../../src/errors.ts';
import { silentLogger } from '../../src/platform/logger.ts';
import { hasProgram, lending, madeBytes, noise } from '../../testtools/byte-sources.ts';
import { openGnuPg, type GnuPg } from '../../testtools/gnupg.ts';
import { makeKey } from '../../testtools/openpgp-keys.ts';

const crypterWith = (armored: string): Crypter =>
  openOpenPgpCrypter(rawSettings({ WALG_PGP_KEY: armored }), { logger: silentLogger, home: '/nonexistent' });
const encrypted = (crypter: Crypter, plain: Uint8Array): Promise<Buffer> =>
  collect(crypter.encrypt(lending(plain, 70_000)));
const decrypted = (crypter: Crypter, stored: Uint8Array): Promise<Buffer> =>
  collect(crypter.decrypt(lending(stored, 50_000)));

const contents: readonly (readonly [string, Buffer])[] = [
  ['nothing', Buffer.alloc(0)],
  ['one byte', Buffer.from([13])],
  ['text with line ends', Buffer.from('one\r\ntwo\nthree\r'.repeat(9))],
  ['511 bytes', noise(511)],
  ['8 KiB', noise(8_192)],
  ['64 KiB', noise(65_536)],
  ['64 KiB less six: a whole part', noise(65_530)],
  ['pages', madeBytes(1_333_333)],
  ['zeros', Buffer.alloc(5 << 20)],
];

const hasGpg = hasProgram('gpg');

describe.skipIf(!hasGpg)(`gpg${hasGpg ? '' : ' (not installed here)'}`, () => {
  let gpg: GnuPg;
  let crypters: readonly (readonly [string, Crypter])[] = [];
  let both: Crypter;
  beforeAll(async () => {
    gpg = await openGnuPg();
    const users = [
      ['rsa@example.org', 'rsa2048'],
      ['curve@example.org', 'future-default'],
    ] as const;
    for (const [user, algorithm] of users) gpg.makeKey({ user, algorithm });
    const secret = users.map(([user]) => gpg.run(['--armor', '--export-secret-keys', user]).toString());
    crypters = users.map(([user], at) => [user, crypterWith(secret[at] ?? '')]);
    both = crypterWith(secret.join('\n'));
  });
  afterAll(() => gpg[Symbol.asyncDispose]());

  it.each(contents)('reads what we write: %s', async (_what, plain) => {
    for (const [, crypter] of [...crypters, ['both', both] as const]) {
      const stored = await encrypted(crypter, plain);
      expect(gpg.run(['--decrypt'], stored).equals(plain)).toBe(true);
      expect((await decrypted(crypter, stored)).equals(plain)).toBe(true);
    }
  });

  it.each([
    ['as it likes', []],
    ['without compression', ['-z0']],
    ['with ZIP', ['--compress-algo', 'zip']],
    ['with ZLIB', ['--compress-algo', 'zlib']],
    ['as of RFC 4880', ['--rfc4880']],
    ['with AES-128', ['-z0', '--cipher-algo', 'AES']],
    ['with AES-192', ['-z0', '--cipher-algo', 'AES192']],
    ['with a name', ['-z0', '--set-filename', 'a name']],
    ['signed', ['--sign', '--local-user', 'rsa@example.org']],
  ])('writes what we read: %s', async (_how, options) => {
    const file = join(gpg.home, 'content');
    for (const [what, plain] of contents) {
      writeFileSync(file, plain);
      for (const [user, crypter] of crypters) {
        const common = ['--trust-model', 'always', ...options, '--recipient', user];
        const stored = [
          gpg.run([...common, '--encrypt'], plain),
          gpg.run([...common, '--output', '-', '--encrypt', file]),
        ];
        for (const bytes of stored) expect((await decrypted(crypter, bytes)).equals(plain), what).toBe(true);
      }
    }
  });

  it('writes for several recipients, named and hidden, what each of them reads', async () => {
    const plain = madeBytes(200_000);
    const [rsa, curve] = ['rsa@example.org', 'curve@example.org'];
    for (const to of [
      ['-r', rsa, '-r', curve],
      ['-R', rsa, '-R', curve],
      ['-R', rsa, '-r', curve],
    ]) {
      const stored = gpg.run(['--trust-model', 'always', ...to, '--encrypt'], plain);
      for (const [, crypter] of crypters) expect((await decrypted(crypter, stored)).equals(plain)).toBe(true);
      expect((await decrypted(both, stored)).equals(plain)).toBe(true);
    }
  });

  it('writes what we refuse: compressed by bzip2, in armor, for a passphrase', async () => {
    const [user, crypter] = crypters[0] ?? ['', both];
    const plain = Buffer.from('content, content, content, content');
    for (const [options, message] of [
      [['--compress-algo', 'bzip2'], 'bzip2'],
      [['--armor'], 'ASCII armor'],
    ] as const) {
      const stored = gpg.run(['--trust-model', 'always', ...options, '-r', user, '--encrypt'], plain);
      const error: unknown = await decrypted(crypter, stored).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(CorruptError);
      expect(String(error)).toContain(message);
    }
    const symmetric = ['--passphrase', 'hunter2', '--pinentry-mode', 'loopback', '--symmetric'];
    await expect(decrypted(crypter, gpg.run(symmetric, plain))).rejects.toMatchObject({ kind: 'forbidden' });
  });
});

describe('openpgp.js', () => {
  it('reads what we write, and writes what we read', async () => {
    const { key, privateKey } = await makeKey();
    const crypter = crypterWith(privateKey);
    for (const [what, plain] of contents) {
      const stored = await encrypted(crypter, plain);
      const message = await openpgp.readMessage({ binaryMessage: Uint8Array.from(stored) });
      const read: unknown = await openpgp.decrypt({ message, decryptionKeys: key, format: 'binary' });
      expect(Buffer.from((read as { readonly data: Uint8Array }).data).equals(plain), what).toBe(true);
      for (const preferredCompressionAlgorithm of [
        openpgp.enums.compression.uncompressed,
        openpgp.enums.compression.zlib,
      ]) {
        const theirs: unknown = await openpgp.encrypt({
          message: await openpgp.createMessage({ binary: Uint8Array.from(plain) }),
          encryptionKeys: key,
          format: 'binary',
          config: { preferredCompressionAlgorithm, aeadProtect: false },
        });
        expect((await decrypted(crypter, theirs as Uint8Array)).equals(plain), what).toBe(true);
      }
    }
  });
});

const fixture = join(import.meta.dirname, '../fixtures/pg15-brotli-pgp');
const fixtureKey = (path: string): string => readFileSync(join(fixture, 'keys', path), 'utf8');

describe('an object that WAL-G wrote', () => {
  it.each([
    ['with RSA', 'private-nopass.asc', 'storage/wal_005/000000010000000000000003.br', 1_206_816],
    ['with Curve25519', 'ecc/private-nopass.asc', 'storage-ecc/wal_005/000000010000000000000004.br', 179],
  ])('is read: %s', async (_how, key, object, bytes) => {
    const stored = readFileSync(join(fixture, object));
    expect((await decrypted(crypterWith(fixtureKey(key)), stored)).length).toBe(bytes);
    for (const cut of [100, stored.length >> 1, stored.length - 1]) {
      const read = decrypted(crypterWith(fixtureKey(key)), stored.subarray(0, cut));
      await expect(read, `${cut} bytes`).rejects.toBeInstanceOf(CorruptError);
    }
  });
});
