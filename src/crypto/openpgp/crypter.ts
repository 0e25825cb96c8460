/**
 * OpenPGP (RFC 9580, `compression-crypto.md` 4 of the specification). Keys are the business of the package openpgp,
 * loaded when the first object is read or written; the bulk of the bytes goes through `message/`.
 */
import { homedir, userInfo } from 'node:os';
import { readSetting, type RawSettings } from '../../config/setting.ts';
import { ArchiverError, messageOf } from '../../errors.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Crypter, KeyReport, ObjectKeys } from '../crypter.ts';
import { openPgpSettings } from '../settings.ts';
import { factsOf } from './key-facts.ts';
import { openKeySource } from './key-source.ts';
import { idOf } from './keys.ts';
import { decryptMessage } from './message/decrypt.ts';
import { encryptMessage } from './message/encrypt.ts';
import { readMessageHead } from './message-head.ts';
import { openKeyRing, type OpenKeyRing } from './ring.ts';
import { createUnlocker } from './unlock.ts';

/**
 * Opens OpenPGP with the keys of the settings.
 *
 * @param options.home default: that of the user database
 * @throws ArchiverError (`config`, `missing`) when there is nothing that could be a key
 */
export function openOpenPgpCrypter(
  raw: RawSettings,
  { logger, home = ownHome() }: { readonly logger: Logger; readonly home?: string },
): Crypter {
  const ring = openKeyRing(openKeySource(raw, { logger, home }), readSetting(openPgpSettings.passphrase, raw));
  return {
    method: 'openpgp',
    encrypt: encryptMessage(ring),
    decrypt: decryptMessage(ring),
    report: () => report(ring),
    identify: (head) => identify(ring, head),
    opens: (head) => opens(ring, head),
  };
}

function ownHome(): string {
  try {
    return userInfo().homedir;
  } catch {
    // A user id without an entry, as in containers.
    return homedir();
  }
}

async function report(ring: OpenKeyRing): Promise<KeyReport> {
  const keys = new Map((await ring.publicKeys()).map((key) => [key.getFingerprint(), key]));
  let withoutPrivate: string | undefined;
  let unlocker = createUnlocker(undefined);
  try {
    const opener = await ring.opener();
    for (const key of opener.keys) keys.set(key.getFingerprint(), key);
    unlocker = opener.unlocker;
  } catch (error) {
    withoutPrivate = messageOf(error);
  }
  const facts = [];
  for (const key of keys.values()) facts.push(await factsOf(key, { unlocker, withoutPrivate }));
  return {
    canEncrypt: facts.every(({ encrypts }) => encrypts),
    canDecrypt: facts.some(({ decrypts }) => decrypts),
    keys: facts,
  };
}

async function identify(ring: OpenKeyRing, head: Uint8Array): Promise<ObjectKeys> {
  const { encrypted, recipients, hidden } = await readMessageHead(head);
  if (encrypted === false) return { encrypted, recipients: [], ours: false };
  const primaryIds = new Map<string, string>();
  for (const key of await ring.publicKeys()) {
    for (const part of key.getKeys()) primaryIds.set(idOf(part), idOf(key));
  }
  const ours = recipients.some((id) => primaryIds.has(id));
  return {
    encrypted,
    recipients: recipients.map((id) => primaryIds.get(id) ?? id),
    ours: ours || !(hidden || recipients.length === 0) ? ours : undefined,
  };
}

async function opens(ring: OpenKeyRing, head: Uint8Array): Promise<boolean> {
  const { encrypted, keyPackets } = await readMessageHead(head);
  if (encrypted !== true) return false;
  try {
    await ring.openSession(keyPackets);
    return true;
  } catch (error) {
    // Why not is told by whoever reads all of it.
    if (error instanceof ArchiverError) return false;
    throw error;
  }
}
