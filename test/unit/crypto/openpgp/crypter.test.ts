import { inspect } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { collect, fromBytes } from '../../../../src/bytes/stage.ts';
import { rawSettings } from '../../../../src/config/setting.ts';
import { openOpenPgpCrypter } from '../../../../src/crypto/openpgp/crypter.ts';
import { silentLogger } from '../../../../src/platform/logger.ts';
import { makeKey, primaryId, subkeyId, type MadeKey } from '../../../../testtools/openpgp-keys.ts';

const plain = Buffer.from('some text');
const crypterWith = (armored: string, passphrase?: string) =>
  openOpenPgpCrypter(
    rawSettings({
      WALG_PGP_KEY: armored,
      ...(passphrase === undefined ? {} : { WALG_PGP_KEY_PASSPHRASE: passphrase }),
    }),
    { logger: silentLogger, home: '/nonexistent' },
  );

let one: MadeKey;
let locked: MadeKey;
beforeAll(async () => {
  one = await makeKey();
  locked = await makeKey({ type: 'rsa', rsaBits: 2048, passphrase: 'hunter2' }, 'Locked <locked@example.org>');
});

describe('OpenPGP', () => {
  it('decrypts with the private key what the public one encrypted', async () => {
    const stored = await collect(crypterWith(locked.publicKey).encrypt(fromBytes(plain)));
    expect(stored.includes(plain)).toBe(false);
    const read = await collect(crypterWith(locked.privateKey, 'hunter2\n').decrypt(fromBytes(stored)));
    expect(read.equals(plain)).toBe(true);
  });

  it('decrypts several objects at once', async () => {
    const crypter = crypterWith(locked.privateKey, 'hunter2');
    const stored = await Promise.all([1, 2, 3, 4].map(() => collect(crypter.encrypt(fromBytes(plain)))));
    const read = await Promise.all(stored.map((bytes) => collect(crypter.decrypt(fromBytes(bytes)))));
    expect(read.map(String)).toEqual(Array(4).fill(String(plain)));
  });

  it('reports public and private keys', async () => {
    expect(await crypterWith(`${one.privateKey}\n${locked.publicKey}`).report()).toEqual({
      canEncrypt: true,
      canDecrypt: true,
      keys: [
        {
          id: primaryId(one),
          fingerprint: one.key.getFingerprint().toUpperCase(),
          algorithm: 'Curve25519',
          users: ['Backup <backup@example.org>'],
          created: one.key.getCreationTime(),
          expires: undefined,
          encrypts: true,
          decrypts: true,
          locked: false,
          remark: undefined,
        },
        expect.objectContaining({
          id: primaryId(locked),
          algorithm: 'RSA 2048',
          encrypts: true,
          decrypts: false,
          remark: 'only the public part is here',
        }),
      ],
    });
  });

  it('reports why keys are of no use', async () => {
    const report = await crypterWith(locked.privateKey).report();
    expect(report).toMatchObject({ canEncrypt: true, canDecrypt: false });
    expect(report.keys[0]?.locked).toBe(true);
    expect(report.keys[0]?.remark).toBe('it is locked, and WALG_PGP_KEY_PASSPHRASE is not set');
    const wrong = await crypterWith(locked.privateKey, 'correct horse').report();
    expect(wrong).toMatchObject({ canEncrypt: true, canDecrypt: false });
    expect(wrong.keys[0]?.remark).toBe('WALG_PGP_KEY_PASSPHRASE does not unlock it');
    const date = new Date(Math.floor(Date.now() / 1000 - 3600) * 1000);
    const expired = await makeKey({ date, keyExpirationTime: 60 });
    expect(await crypterWith(`${one.publicKey}\n${expired.privateKey}`).report()).toMatchObject({
      canEncrypt: false,
      canDecrypt: true,
      keys: [
        { encrypts: true, decrypts: false },
        {
          encrypts: false,
          decrypts: true,
          locked: false,
          expires: new Date(date.getTime() + 60_000),
          remark: expect.stringContaining('expired') as string,
        },
      ],
    });
  });

  it('tells whom an object is for, and whether that is one of its keys', async () => {
    const head = await collect(crypterWith(one.publicKey).encrypt(fromBytes(plain)));
    expect(await crypterWith(one.publicKey).identify(head)).toEqual({
      encrypted: true,
      recipients: [primaryId(one)],
      ours: true,
    });
    expect(await crypterWith(locked.publicKey).identify(head)).toEqual({
      encrypted: true,
      recipients: [subkeyId(one)],
      ours: false,
    });
    expect(await crypterWith(one.publicKey).identify(plain)).toEqual({ encrypted: false, recipients: [], ours: false });
    expect(await crypterWith(one.publicKey).identify(head.subarray(0, 5))).toEqual({
      encrypted: undefined,
      recipients: [],
      ours: undefined,
    });
  });

  it('tells whether a key here opens an object, which ids do not prove', async () => {
    const head = await collect(crypterWith(one.publicKey).encrypt(fromBytes(plain)));
    const whose = (keys: string, passphrase?: string) => crypterWith(keys, passphrase).opens?.(head);
    expect(await whose(one.privateKey)).toBe(true);
    expect(await whose(one.publicKey)).toBe(false);
    expect(await whose(`${one.publicKey}\n${locked.privateKey}`, 'correct horse')).toBe(false);
    expect(await crypterWith(one.privateKey).opens?.(plain)).toBe(false);
  });

  it('says nothing secret, neither in errors nor when it is printed', async () => {
    const secrets = [
      'hunter2',
      'correct horse',
      ...locked.privateKey
        .split('\n')
        .filter((line) => line.length > 40)
        .map((line) => line.trim()),
    ];
    const stored = await collect(crypterWith(locked.publicKey).encrypt(fromBytes(plain)));
    const told: unknown[] = [crypterWith(locked.privateKey, 'hunter2')];
    for (const broken of [
      locked.privateKey.slice(0, 900),
      locked.privateKey.replace(/.{30}\n/, '\n'),
      locked.privateKey.replaceAll('a', 'b'),
    ]) {
      const crypter = await Promise.resolve(broken)
        .then((text) => crypterWith(text, 'hunter2'))
        .catch((error: unknown) => error);
      told.push(crypter);
      if (crypter instanceof Error) continue;
      told.push(
        await collect((crypter as ReturnType<typeof crypterWith>).decrypt(fromBytes(stored))).catch(
          (error: unknown) => error,
        ),
      );
    }
    told.push(
      await collect(crypterWith(locked.privateKey, 'correct horse').decrypt(fromBytes(stored))).catch(
        (error: unknown) => error,
      ),
    );
    const text = inspect(told, { depth: 20, maxStringLength: null });
    expect(text).toContain('WALG_PGP_KEY_PASSPHRASE does not unlock it');
    for (const secret of secrets) expect(text).not.toContain(secret);
  });
});
