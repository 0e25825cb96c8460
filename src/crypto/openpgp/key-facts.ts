/** What is to be told of OpenPGP keys: nothing secret. */
import type { AlgorithmInfo, PublicKey, Subkey } from 'openpgp';
import type { KeyFacts } from '../crypter.ts';
import { idOf } from './keys.ts';
import { whyNotRecipient } from './recipients.ts';
import { secretPackets, type Access, type Unlocker } from './unlock.ts';

/** @param options.withoutPrivate why no private key could be had at all, when that is so */
export async function factsOf(
  key: PublicKey,
  options: { readonly unlocker: Unlocker; readonly withoutPrivate?: string | undefined },
): Promise<KeyFacts> {
  const why = await whyNotRecipient(key);
  const part = await encryptionPart(key);
  const access = await accessTo(key, options.unlocker);
  const remarks = [why, access === undefined ? (options.withoutPrivate ?? noPrivate) : whyOf(access)];
  return {
    id: idOf(key),
    fingerprint: key.getFingerprint().toUpperCase(),
    algorithm: algorithmText(part.getAlgorithmInfo()),
    users: key.getUserIDs(),
    created: key.getCreationTime(),
    expires: earliest([await expiryOf(key), await expiryOf(part)]),
    encrypts: why === undefined,
    decrypts: access?.usable === true,
    locked: access?.usable === false && access.locked,
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

function whyOf(access: Access): string | undefined {
  return access.usable ? undefined : access.why;
}

/** To a secret part that can decrypt, a usable one if there is any; undefined when there is none at all. */
async function accessTo(key: PublicKey, unlocker: Unlocker): Promise<Access | undefined> {
  let last: Access | undefined;
  for (const packet of secretPackets(key)) {
    if (!encrypting.has(packet.getAlgorithmInfo().algorithm)) continue;
    last = await unlocker.unlock(packet);
    if (last.usable) break;
  }
  return last;
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
