/** What is to be told of OpenPGP keys: nothing secret. */
import type { AlgorithmInfo, PublicKey, Subkey } from 'openpgp';
import type { KeyFacts } from '../crypter.ts';
import { idOf } from './keys.ts';
import { whyNotRecipient } from './recipients.ts';
import { secretPackets, type Unlocker } from './unlock.ts';

/** @param options.withoutPrivate why no private key could be had at all, when that is so */
export async function factsOf(
  key: PublicKey,
  options: { readonly unlocker: Unlocker; readonly withoutPrivate?: string | undefined },
): Promise<KeyFacts> {
  const why = await whyNotRecipient(key);
  const part = await encryptionPart(key);
  const whyLocked = await whyNotReader(key, options.unlocker);
  const remarks = [why, whyLocked === noPrivate ? (options.withoutPrivate ?? noPrivate) : whyLocked];
  return {
    id: idOf(key),
    fingerprint: key.getFingerprint().toUpperCase(),
    algorithm: algorithmText(part.getAlgorithmInfo()),
    users: key.getUserIDs(),
    created: key.getCreationTime(),
    expires: earliest([await expiryOf(key), await expiryOf(part)]),
    encrypts: why === undefined,
    decrypts: whyLocked === undefined,
    remark: remarks.filter((remark) => remark !== undefined).join('; ') || undefined,
  };
}

const noPrivate = 'only the public part is here';

async function encryptionPart(key: PublicKey): Promise<PublicKey | Subkey> {
  try {
    return await key.getEncryptionKey();
  } catch {
    return key.subkeys.find((subkey) => encrypting.has(subkey.getAlgorithmInfo().algorithm)) ?? key;
  }
}

/** Algorithms that can encrypt at all; RSA can do both. */
const encrypting = new Set(['rsaEncryptSign', 'rsaEncrypt', 'elgamal', 'ecdh', 'x25519', 'x448']);

/** Why none of the secret parts that could decrypt is usable; undefined when one is. */
async function whyNotReader(key: PublicKey, unlocker: Unlocker): Promise<string | undefined> {
  let why = noPrivate;
  for (const packet of secretPackets(key)) {
    if (!encrypting.has(packet.getAlgorithmInfo().algorithm)) continue;
    const access = await unlocker.unlock(packet);
    if (access.usable) return undefined;
    why = access.why;
  }
  return why;
}

async function expiryOf(key: PublicKey | Subkey): Promise<Date | undefined> {
  try {
    const expires = await key.getExpirationTime();
    return expires instanceof Date ? expires : undefined;
  } catch {
    return undefined;
  }
}

function earliest(dates: readonly (Date | undefined)[]): Date | undefined {
  const known = dates.filter((date) => date !== undefined);
  return known.length === 0 ? undefined : new Date(Math.min(...known.map((date) => date.getTime())));
}

const names: Readonly<Record<string, string>> = {
  rsaEncryptSign: 'RSA',
  rsaEncrypt: 'RSA',
  rsaSign: 'RSA',
  elgamal: 'ElGamal',
  dsa: 'DSA',
  x25519: 'X25519',
  x448: 'X448',
  ed25519: 'Ed25519',
  ed448: 'Ed448',
};

const curves: Readonly<Record<string, string>> = {
  curve25519Legacy: 'Curve25519',
  ed25519Legacy: 'Ed25519',
  nistP256: 'NIST P-256',
  nistP384: 'NIST P-384',
  nistP521: 'NIST P-521',
};

function algorithmText({ algorithm, bits, curve }: AlgorithmInfo): string {
  if (curve !== undefined) return curves[curve] ?? curve;
  return [names[algorithm] ?? algorithm, bits].filter((word) => word !== undefined).join(' ');
}
