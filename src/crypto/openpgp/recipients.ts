/** Session keys for new messages, wrapped for every key. */
import type { PublicKey } from 'openpgp';
import { ArchiverError } from '../../errors.ts';
import type { KeyRing } from './key-ring.ts';
import { nameOf } from './keys.ts';
import { reasonOf, type OpenPgpLibrary } from './library.ts';

/**
 * A fresh session key, AES-256 if all recipients prefer it among others, else AES-128, which everybody must have. The
 * packets are of version 3, which go with what WAL-G reads.
 *
 * @throws ArchiverError (`config`) when there is a key that can't encrypt: a recipient is never left out
 */
export async function wrapSession(
  library: OpenPgpLibrary,
  keys: readonly PublicKey[],
): Promise<Awaited<ReturnType<KeyRing['newSession']>>> {
  for (const key of keys) await checkRecipient(key);
  const encryptionKeys = [...keys];
  const { algorithm, data } = await library.generateSessionKey({ encryptionKeys });
  const cipher = algorithm === 'aes256' ? algorithm : 'aes128';
  const session = { cipher, key: data } as const;
  const packets = await library.encryptSessionKey({ data, algorithm: cipher, encryptionKeys, format: 'binary' });
  return { session, packets };
}

/** @throws ArchiverError (`config`) that says why objects can't be encrypted for a key */
async function checkRecipient(key: PublicKey): Promise<void> {
  const why = await whyNotRecipient(key);
  if (why === undefined) return;
  throw new ArchiverError('config', `OpenPGP key ${nameOf(key)} can't encrypt: ${why}`, {
    hint: 'Prolong or replace the key and set the new export, or take it out of the keys; nothing is stored in clear meanwhile. Reading with it still works.',
  });
}

/** Why objects can't be encrypted for a key; undefined when they can. */
export async function whyNotRecipient(key: PublicKey): Promise<string | undefined> {
  try {
    await key.getEncryptionKey();
    return undefined;
  } catch (error) {
    const reason = reasonOf(error);
    if (reason.includes('eckey-utils')) return "its signatures, of a Brainpool curve, can't be checked here";
    return reason.replace(/^could not find valid encryption key packet in key [0-9a-f]+(?:: )?/, '') || unfit;
  }
}

const unfit = 'it has no part that is meant for encryption';
