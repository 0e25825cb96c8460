import * as openpgp from 'openpgp';
import { beforeAll, describe, expect, it } from 'vitest';
import { idOf, nameOf, readKeys, type KeyMaterial } from '../../../../src/crypto/openpgp/keys.ts';
import { makeKey, primaryId, type MadeKey } from '../../../../testtools/openpgp-keys.ts';

const material = (bytes: string | Uint8Array): KeyMaterial => ({ origin: 'the test', bytes: Buffer.from(bytes) });
const idsIn = async (bytes: string | Uint8Array): Promise<readonly string[]> =>
  (await readKeys(openpgp, material(bytes))).map(idOf);

let one: MadeKey;
let two: MadeKey;
beforeAll(async () => {
  one = await makeKey();
  two = await makeKey({}, 'Second <second@example.org>');
});

describe('reading OpenPGP keys', () => {
  it('takes an armored key, public or private', async () => {
    expect(await idsIn(one.publicKey)).toEqual([primaryId(one)]);
    expect(await idsIn(one.privateKey)).toEqual([primaryId(one)]);
  });

  it('takes a binary key, public or private', async () => {
    expect(await idsIn(one.key.toPublic().write())).toEqual([primaryId(one)]);
    expect(await idsIn(one.key.write())).toEqual([primaryId(one)]);
  });

  it('takes several armored blocks, with text around them and lines of Windows', async () => {
    const text = `A note.\n${one.publicKey}\nbetween\n${two.privateKey}\nend`;
    expect(await idsIn(text)).toEqual([primaryId(one), primaryId(two)]);
    expect(await idsIn(text.replaceAll(/\r?\n/g, '\r\n'))).toEqual([primaryId(one), primaryId(two)]);
  });

  it('takes a whole key ring in one block, armored or binary', async () => {
    const ring = Buffer.concat([one.key.write(), two.key.toPublic().write()]);
    expect(await idsIn(ring)).toEqual([primaryId(one), primaryId(two)]);
    expect(await idsIn(openpgp.armor(openpgp.enums.armor.privateKey, ring))).toEqual([primaryId(one), primaryId(two)]);
  });

  it('makes one private key of the public and the private part, in any order', async () => {
    for (const text of [one.publicKey + one.privateKey, one.privateKey + one.publicKey]) {
      const keys = await readKeys(openpgp, material(text));
      expect(keys).toHaveLength(1);
      expect(keys[0]?.isPrivate()).toBe(true);
    }
  });

  it('names a key by its id and its user', async () => {
    const [key] = await readKeys(openpgp, material(one.publicKey));
    expect(key === undefined ? '' : nameOf(key)).toBe(`"${primaryId(one)}" (Backup <backup@example.org>)`);
  });

  it.each([
    ['nothing', ''],
    ['other text', 'hunter2'],
    ['a message', '-----BEGIN PGP MESSAGE-----\n\nhunter2\n-----END PGP MESSAGE-----\n'],
    ['a block without its end', '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nhunter2'],
    [
      'a block of something else',
      '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nhunter2=\n-----END PGP PUBLIC KEY BLOCK-----',
    ],
    ['bytes that begin like a key', Buffer.from([0x99, 0x01, 0x02, 0x68, 0x75, 0x6e, 0x74, 0x65, 0x72, 0x32])],
  ])('refuses %s without showing it', async (_, bytes) => {
    const reading = readKeys(openpgp, material(bytes));
    await expect(reading).rejects.toMatchObject({
      kind: 'config',
      message: expect.stringContaining('the test') as string,
    });
    await expect(reading).rejects.not.toThrow('hunter2');
  });

  it('refuses a key that is cut', async () => {
    const cut = one.key.write().subarray(0, 60);
    await expect(readKeys(openpgp, material(cut))).rejects.toMatchObject({ kind: 'config' });
  });
});
