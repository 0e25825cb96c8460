/** Finds the private key that a message is for, and opens its session key with it. */
import type { PublicKey } from 'openpgp';
import { ArchiverError, CorruptError } from '../../errors.ts';
import type { SessionKey } from './key-ring.ts';
import { idOf, nameOf } from './keys.ts';
import { reasonOf, type OpenPgpLibrary } from './library.ts';
import { secretPackets, type SecretPacket, type Unlocker } from './unlock.ts';

/** A PKESK packet as the library reads it; these parts are no part of its declared interface. */
interface SessionKeyPacket {
  readonly publicKeyID: { toHex(): string };
  readonly publicKeyAlgorithm: number;
  readonly sessionKey: Uint8Array | null;
  /** RFC 9580 9.3; null in version 6, where the encrypted data tell it. */
  readonly sessionKeyAlgorithm: number | null;
  decrypt(key: SecretPacket): Promise<void>;
}

/** A session key as it comes out of its packet. */
export interface OpenedKey {
  /** RFC 9580 9.3; null where the encrypted data tell it. */
  readonly algorithm: number | null;
  readonly key: Uint8Array;
}

/** What can open messages. */
export interface Opener {
  readonly library: OpenPgpLibrary;
  readonly keys: readonly PublicKey[];
  readonly unlocker: Unlocker;
}

/** Ciphers by their numbers, RFC 9580 9.3. */
export const ciphers: Readonly<Record<number, SessionKey['cipher']>> = { 7: 'aes128', 8: 'aes192', 9: 'aes256' };
const anonymous = '0'.repeat(16);

/** See `KeyRing.openSession`. */
export async function openSession(opener: Opener, packets: Uint8Array): Promise<SessionKey> {
  const { algorithm, key } = await openKey(opener, await readPackets(opener.library, packets));
  const cipher = algorithm === null ? undefined : ciphers[algorithm];
  if (cipher !== undefined) return { cipher, key };
  throw new ArchiverError('config', `the OpenPGP message uses cipher ${String(algorithm)}, which is not supported`, {
    hint: 'Decrypt it with gpg, and encrypt it again with AES.',
  });
}

/**
 * Opens one of some packets, as the library reads them from a message.
 *
 * @throws ArchiverError (`forbidden`) when no key here can, CorruptError when one should
 */
export async function openKey({ keys, unlocker }: Opener, packets: readonly unknown[]): Promise<OpenedKey> {
  const wanted = packets as readonly SessionKeyPacket[];
  const hindrances: string[] = [];
  let damage: string | undefined;
  for (const packet of wanted) {
    for (const { key, secret } of candidates(keys, packet)) {
      const access = await unlocker.unlock(secret);
      if (!access.usable) {
        hindrances.push(`key ${nameOf(key)} is here, but ${access.why}`);
        continue;
      }
      try {
        await packet.decrypt(secret);
        if (packet.sessionKey !== null) return { algorithm: packet.sessionKeyAlgorithm, key: packet.sessionKey };
      } catch (error) {
        // Of an anonymous packet it only means that it is for somebody else.
        if (recipientOf(packet) !== anonymous) damage = `key ${nameOf(key)} can't open it: ${reasonOf(error)}`;
      }
    }
  }
  if (hindrances.length === 0 && damage !== undefined) throw damaged(damage);
  throw noKey(wanted, keys, hindrances);
}

/** The secret parts that a packet is for; all of its algorithm when it doesn't tell. */
function candidates(
  keys: readonly PublicKey[],
  packet: SessionKeyPacket,
): readonly { readonly key: PublicKey; readonly secret: SecretPacket }[] {
  const recipient = recipientOf(packet);
  const fits = (secret: SecretPacket): boolean =>
    recipient === anonymous ? (secret.algorithm as number) === packet.publicKeyAlgorithm : idOf(secret) === recipient;
  return keys.flatMap((key) =>
    secretPackets(key)
      .filter(fits)
      .map((secret) => ({ key, secret })),
  );
}

function recipientOf({ publicKeyID }: SessionKeyPacket): string {
  return publicKeyID.toHex().toUpperCase();
}

async function readPackets(library: OpenPgpLibrary, bytes: Uint8Array): Promise<readonly unknown[]> {
  if (bytes.length === 0) return [];
  const { PacketList, PublicKeyEncryptedSessionKeyPacket } = library;
  const { tag } = PublicKeyEncryptedSessionKeyPacket;
  // Declared as a map, and read as an object.
  const allowed = { [tag]: PublicKeyEncryptedSessionKeyPacket } as unknown as Parameters<
    typeof PacketList.fromBinary
  >[1];
  try {
    return (await PacketList.fromBinary(bytes, allowed)).filterByTag(tag);
  } catch (error) {
    throw damaged(reasonOf(error));
  }
}

function damaged(reason: string): CorruptError {
  return new CorruptError(`the session key of the OpenPGP message is damaged: ${reason}`);
}

function noKey(
  packets: readonly SessionKeyPacket[],
  keys: readonly PublicKey[],
  hindrances: readonly string[],
): ArchiverError {
  const [hindrance] = hindrances;
  if (hindrance !== undefined) {
    return forbidden(
      `the object can't be decrypted: ${hindrance}`,
      'Set what is missing, or the export of a private key that can be used here.',
    );
  }
  const recipients = packets.map(recipientOf);
  const publicOnly = keys.find((key) => key.getKeys().some((part) => recipients.includes(idOf(part))));
  if (publicOnly !== undefined) {
    return forbidden(
      `the object can't be decrypted: of key ${nameOf(publicOnly)} only the public part is here`,
      'Set WALG_PGP_KEY_PATH to the private key where objects are to be read.',
    );
  }
  if (recipients.length === 0)
    return forbidden(
      'the object is not encrypted for any OpenPGP key',
      'Decrypt it with the passphrase that it was made with.',
    );
  const here = keys.map(nameOf).join(', ');
  return forbidden(
    `the object is encrypted for ${recipients.map((id) => (id === anonymous ? 'an unnamed key' : `key "${id}"`)).join(', ')}, and here is ${here}`,
    'Add the private key that it was encrypted for to the keys: several may stand one after the other.',
  );
}

function forbidden(message: string, hint: string): ArchiverError {
  return new ArchiverError('forbidden', message, { hint });
}
