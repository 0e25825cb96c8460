import * as openpgp from 'openpgp';
import { beforeAll, describe, expect, it } from 'vitest';
import type { KeySource } from '../../../../src/crypto/openpgp/key-source.ts';
import type { KeyMaterial } from '../../../../src/crypto/openpgp/keys.ts';
import { openKeyRing } from '../../../../src/crypto/openpgp/ring.ts';
import { makeKey, primaryId, subkeyId, type KeyShape, type MadeKey } from '../../../../testtools/openpgp-keys.ts';

function sourceOf(...keys: readonly (string | Uint8Array)[]): KeySource {
  const bytes = typeof keys[0] === 'string' ? Buffer.from(keys.join('\n')) : Buffer.concat(keys as Uint8Array[]);
  const material: KeyMaterial = { origin: 'the test', bytes };
  const give = (): Promise<KeyMaterial> => Promise.resolve(material);
  return { publicKeys: give, freshPublicKeys: undefined, privateKeys: give };
}

const ringOf = (...keys: readonly string[]) => openKeyRing(sourceOf(...keys), undefined);

/** One packet of a session key for these keys, made by the library. */
async function wrapped(options: Partial<openpgp.EncryptSessionKeyOptions>): Promise<Uint8Array> {
  return openpgp.encryptSessionKey({ data: new Uint8Array(32), algorithm: 'aes256', ...options, format: 'binary' });
}

let plain: MadeKey;
let locked: MadeKey;
beforeAll(async () => {
  plain = await makeKey();
  locked = await makeKey({ passphrase: 'hunter2' }, 'Locked <locked@example.org>');
});

describe('a session key', () => {
  const shapes: readonly (readonly [string, KeyShape])[] = [
    ['RSA 2048', { type: 'rsa', rsaBits: 2048 }],
    ['Curve25519 as GnuPG has it', { type: 'ecc' }],
    ['NIST P-256', { type: 'ecc', curve: 'nistP256' }],
    ['NIST P-521', { type: 'ecc', curve: 'nistP521' }],
    ['X25519', { type: 'curve25519' }],
    ['X448', { type: 'curve448' }],
    ['X25519 in version 6', { type: 'curve25519', config: { v6Keys: true } }],
  ];
  it.each(shapes)('made for a key of %s is opened with it', async (_, shape) => {
    const { publicKey, privateKey } = await makeKey(shape);
    const { session, packets } = await ringOf(publicKey).newSession();
    expect(session.cipher).toBe('aes256');
    expect(session.key).toHaveLength(32);
    expect(packets[0]).toBe(0xc1);
    expect(packets[2] === 3 || packets[3] === 3, 'version 3').toBe(true);
    const opened = await ringOf(privateKey).openSession(packets);
    expect(opened.cipher).toBe('aes256');
    expect(Buffer.from(opened.key).equals(session.key)).toBe(true);
  });

  it('is a fresh one each time', async () => {
    const ring = ringOf(plain.publicKey);
    const [one, two] = [await ring.newSession(), await ring.newSession()];
    expect(Buffer.from(one.session.key).equals(two.session.key)).toBe(false);
  });

  it('is for every key, and each of them opens it', async () => {
    const { session, packets } = await ringOf(plain.publicKey, locked.publicKey).newSession();
    for (const ring of [ringOf(plain.privateKey), openKeyRing(sourceOf(locked.privateKey), 'hunter2')]) {
      expect(Buffer.from((await ring.openSession(packets)).key).equals(session.key)).toBe(true);
    }
  });

  it('is made for a locked private key without its passphrase', async () => {
    const { packets } = await ringOf(locked.privateKey).newSession();
    expect(packets.length).toBeGreaterThan(0);
  });

  it('is opened where it names no key, by trying all', async () => {
    const [other, third] = [await makeKey(), await makeKey({ type: 'rsa', rsaBits: 2048 })];
    const packets = await wrapped({ encryptionKeys: [other.key, plain.key], wildcard: true });
    const { key } = await ringOf(third.privateKey, plain.privateKey).openSession(packets);
    expect(Buffer.from(key).equals(Buffer.alloc(32))).toBe(true);
    const opening = ringOf(third.privateKey).openSession(packets);
    await expect(opening).rejects.toMatchObject({ kind: 'forbidden' });
    await expect(opening).rejects.toThrow('an unnamed key');
  });

  it('is opened with a key among several of which some stay locked', async () => {
    const ring = ringOf(locked.privateKey, plain.privateKey);
    const packets = await wrapped({ encryptionKeys: [locked.key, plain.key] });
    expect((await ring.openSession(packets)).key).toHaveLength(32);
  });

  it('is opened with keys of different passphrases as far as the one that is set goes', async () => {
    const other = await makeKey({ passphrase: 'another' });
    const ring = openKeyRing(sourceOf(other.privateKey, locked.privateKey), 'hunter2');
    expect((await ring.openSession(await wrapped({ encryptionKeys: locked.key }))).key).toHaveLength(32);
    await expect(ring.openSession(await wrapped({ encryptionKeys: other.key }))).rejects.toMatchObject({
      kind: 'forbidden',
      message: expect.stringContaining('WALG_PGP_KEY_PASSPHRASE does not unlock it') as string,
    });
  });

  it('is opened with an expired or revoked key', async () => {
    const date = new Date(Date.now() - 3_600_000);
    const expired = await makeKey({ date, keyExpirationTime: 60 });
    const packets = await openpgp.encryptSessionKey({
      data: new Uint8Array(16),
      algorithm: 'aes128',
      encryptionKeys: expired.key,
      date: new Date(date.getTime() + 1000),
      format: 'binary',
    });
    expect((await ringOf(expired.privateKey).openSession(packets)).cipher).toBe('aes128');
    const sealed = await wrapped({ encryptionKeys: plain.key });
    const { privateKey } = await openpgp.revokeKey({ key: plain.key, format: 'armored' });
    expect((await ringOf(privateKey).openSession(sealed)).cipher).toBe('aes256');
  });
});

describe('a session key that cannot be made', () => {
  const failure = (name: string, why: RegExp) => ({
    kind: 'config',
    message: expect.stringMatching(new RegExp(`OpenPGP key "${name}".* can't encrypt: .*${why.source}`)) as string,
  });

  it('names the key that has expired, though another is good', async () => {
    const expired = await makeKey({ date: new Date(Date.now() - 3_600_000), keyExpirationTime: 60 });
    const making = ringOf(plain.publicKey, expired.publicKey).newSession();
    await expect(making).rejects.toMatchObject(failure(primaryId(expired), /expired/));
  });

  it('names the key that is revoked', async () => {
    const { publicKey } = await openpgp.revokeKey({ key: plain.key, format: 'armored' });
    await expect(ringOf(publicKey).newSession()).rejects.toMatchObject(failure(primaryId(plain), /revoked/));
  });

  it('names the key that only signs', async () => {
    const signing = await makeKey({ subkeys: [{ sign: true }] });
    await expect(ringOf(signing.publicKey).newSession()).rejects.toMatchObject(
      failure(primaryId(signing), /no part that is meant for encryption/),
    );
  });

  it('names the key that is too short', async () => {
    const short = await makeKey({ type: 'rsa', rsaBits: 1024, config: { minRSABits: 1024 } });
    await expect(ringOf(short.publicKey).newSession()).rejects.toMatchObject(failure(primaryId(short), /2047/));
  });
});

describe('a session key that cannot be opened', () => {
  it.each([
    [
      'another key is here',
      () => plain.privateKey,
      (id: string) => [`for key "${id}"`, `here is "${primaryId(plain)}"`],
    ],
    ['only the public part is here', () => locked.publicKey, () => [primaryId(locked), 'only the public part']],
    [
      'its passphrase is not set',
      () => locked.privateKey,
      () => [primaryId(locked), 'WALG_PGP_KEY_PASSPHRASE is not set'],
    ],
  ])('tells that %s', async (_, armored, words) => {
    const opening = ringOf(armored()).openSession(await wrapped({ encryptionKeys: locked.key }));
    await expect(opening).rejects.toMatchObject({ kind: 'forbidden', hint: expect.any(String) as string });
    for (const word of words(subkeyId(locked))) await expect(opening).rejects.toThrow(word);
  });

  it('tells that the passphrase is wrong, without showing it', async () => {
    const ring = openKeyRing(sourceOf(locked.privateKey), 'correct horse');
    const opening = ring.openSession(await wrapped({ encryptionKeys: locked.key }));
    await expect(opening).rejects.toThrow('WALG_PGP_KEY_PASSPHRASE does not unlock it');
    await expect(opening).rejects.not.toThrow('correct horse');
  });

  it('tells that its secret part is offline', async () => {
    const { key } = await makeKey();
    const sealed = await wrapped({ encryptionKeys: key });
    for (const { keyPacket } of key.getKeys()) (keyPacket as openpgp.SecretKeyPacket).makeDummy();
    await expect(ringOf(key.armor()).openSession(sealed)).rejects.toThrow('offline or on a card');
  });

  it.each(['rsa', 'ecc', 'curve25519'] as const)('is damaged, for %s, whatever bit of it flips', async (type) => {
    const made = await makeKey({ type, ...(type === 'rsa' ? { rsaBits: 2048 } : {}) });
    const ring = ringOf(made.privateKey);
    const packets = await wrapped({ encryptionKeys: made.key });
    const good = Buffer.from((await ring.openSession(packets)).key);
    // The packet's header and its algorithm come to nothing good, either; what stays the same stays the same key.
    for (let at = 0; at < packets.length; at += 3) {
      const changed = Uint8Array.from(packets);
      changed[at] = (changed[at] ?? 0) ^ 0x10;
      const outcome = await ring.openSession(changed).then(
        ({ key }) => (good.equals(key) ? 'same' : 'other'),
        (error: unknown) => (error as { kind?: string }).kind,
      );
      expect(['same', 'corrupt', 'forbidden', 'config'], `octet ${at}`).toContain(outcome);
    }
  });

  it('says so when the cipher is none of today', async () => {
    const sealed = await openpgp.encryptSessionKey({
      data: new Uint8Array(24),
      algorithm: 'tripledes',
      encryptionKeys: plain.key,
      format: 'binary',
    });
    await expect(ringOf(plain.privateKey).openSession(sealed)).rejects.toMatchObject({ kind: 'config' });
  });

  it('names nobody when there is no packet', async () => {
    await expect(ringOf(plain.privateKey).openSession(new Uint8Array(0))).rejects.toMatchObject({ kind: 'forbidden' });
  });
});

describe('a key ring whose public keys are kept from earlier', () => {
  it('asks for them anew when they have expired, and only then', async () => {
    const expired = await makeKey({ date: new Date(Date.now() - 3_600_000), keyExpirationTime: 60 });
    let asked = 0;
    const of = ({ publicKey }: MadeKey): KeyMaterial => ({ origin: 'the test', bytes: Buffer.from(publicKey) });
    const source = (kept: MadeKey): KeySource => ({
      publicKeys: () => Promise.resolve(of(kept)),
      freshPublicKeys: () => Promise.resolve(of(plain)).finally(() => (asked += 1)),
      privateKeys: () => Promise.reject(new Error('not asked for')),
    });
    const { packets } = await openKeyRing(source(expired), undefined).newSession();
    expect((await ringOf(plain.privateKey).openSession(packets)).key).toHaveLength(32);
    expect(asked).toBe(1);
    await openKeyRing(source(plain), undefined).newSession();
    expect(asked).toBe(1);
  });
});
