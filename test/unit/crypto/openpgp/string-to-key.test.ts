import * as openpgp from 'openpgp';
import { describe, expect, it } from 'vitest';
import { canDerive, deriveKey } from '../../../../src/crypto/openpgp/string-to-key.ts';
import { createUnlocker, secretPackets, type SecretPacket } from '../../../../src/crypto/openpgp/unlock.ts';
import { makeKey } from '../../../../testtools/openpgp-keys.ts';

interface LibraryStringToKey {
  algorithm: number;
  c: number;
  salt: Uint8Array;
  getCount(): number;
  produceKey(passphrase: string, length: number): Promise<Uint8Array>;
}

async function lockedPacket(passphrase: string): Promise<{ packet: SecretPacket; s2k: LibraryStringToKey }> {
  const { privateKey } = await makeKey({ passphrase });
  const key = await openpgp.readPrivateKey({ armoredKey: privateKey });
  const [packet] = secretPackets(key);
  if (packet === undefined) throw new Error('no secret part');
  return { packet, s2k: (packet as unknown as { s2k: LibraryStringToKey }).s2k };
}

describe('the key of a passphrase', () => {
  it.each([
    ['sha1', 2, 32],
    ['sha1', 2, 16],
    ['sha256', 8, 32],
    ['sha512', 10, 32],
    ['sha224', 11, 32],
    ['sha384', 9, 24],
    ['ripemd160', 3, 32],
  ])('is what the library makes of it, with %s (%i) and %i bytes', async (_, algorithm, length) => {
    const { s2k } = await lockedPacket('x');
    for (const [count, passphrase] of [
      [0, 'correct horse battery'],
      [0, 'ü'.repeat(700)],
      [0x60, 'a'],
      [0x7b, 'correct horse battery'],
    ] as const) {
      Object.assign(s2k, { algorithm, c: count });
      const iterated = { hash: algorithm, salt: s2k.salt, octets: s2k.getCount() };
      expect(canDerive(iterated)).toBe(true);
      const expected = Buffer.from(await s2k.produceKey(passphrase, length)).toString('hex');
      expect(Buffer.from(deriveKey(iterated, passphrase, length)).toString('hex')).toBe(expected.slice(0, 2 * length));
    }
  });

  it('is made here when a key is unlocked, and by the library for hashes unknown here', async () => {
    const { packet, s2k } = await lockedPacket('x');
    expect(Object.hasOwn(s2k, 'produceKey')).toBe(false);
    expect(await createUnlocker('x').unlock(packet)).toEqual({ usable: true });
    expect(Object.hasOwn(s2k, 'produceKey')).toBe(true);
    expect(canDerive({ hash: 12, salt: s2k.salt, octets: 1024 })).toBe(false);
  });
});
