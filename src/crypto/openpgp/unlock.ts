/** Makes the secret parts of keys usable: each when it is first needed, since that takes a tenth of a second. */
import type { PublicKey, SecretKeyPacket, SecretSubkeyPacket } from 'openpgp';
import { reasonOf } from './library.ts';
import { canDerive, deriveKey } from './string-to-key.ts';

/** The packet of a primary key or subkey with a secret part. */
export type SecretPacket = SecretKeyPacket | SecretSubkeyPacket;

/** Whether a secret part can be used; if not, why: to be read after the name of the key. */
export type Access =
  | { readonly usable: true }
  /** `locked`: it is here, and what is missing is the passphrase. */
  | { readonly usable: false; readonly locked: boolean; readonly why: string };

/** Unlocks with one passphrase, or none. */
export interface Unlocker {
  unlock(packet: SecretPacket): Promise<Access>;
}

/** All packets with a secret part, or with a mark that it is elsewhere. */
export function secretPackets(key: PublicKey): readonly SecretPacket[] {
  return key.getKeys().flatMap(({ keyPacket }) => ('privateParams' in keyPacket ? [keyPacket] : []));
}

/** @param passphrase undefined when none is set */
export function createUnlocker(passphrase: string | undefined): Unlocker {
  const known = new Map<SecretPacket, Promise<Access>>();
  return {
    unlock(packet) {
      let access = known.get(packet);
      if (access === undefined) known.set(packet, (access = unlock(packet, passphrase)));
      return access;
    },
  };
}

async function unlock(packet: SecretPacket, passphrase: string | undefined): Promise<Access> {
  if (packet.isMissingSecretKeyMaterial()) {
    return { usable: false, locked: false, why: 'its secret part is not here, but offline or on a card' };
  }
  if (packet.isDecrypted()) return { usable: true };
  if (passphrase === undefined) {
    return { usable: false, locked: true, why: 'it is locked, and WALG_PGP_KEY_PASSPHRASE is not set' };
  }
  try {
    deriveInPieces(packet);
    await packet.decrypt(passphrase);
    return { usable: true };
  } catch (error) {
    const reason = reasonOf(error);
    const wrong = reason.startsWith('incorrect key passphrase');
    return {
      usable: false,
      locked: true,
      why: wrong ? 'WALG_PGP_KEY_PASSPHRASE does not unlock it' : `it can't be unlocked: ${reason}`,
    };
  }
}

/** What the library keeps of how the passphrase becomes a key; no part of its interface. */
interface StringToKey {
  readonly type?: unknown;
  readonly algorithm?: unknown;
  readonly salt?: unknown;
  getCount?(): number;
  produceKey?(passphrase: string, length: number): Promise<Uint8Array>;
}

/** Replaces the library's way where it is the one that takes much memory; should it change, its own stays. */
function deriveInPieces(packet: SecretPacket): void {
  const { s2k } = packet as { readonly s2k?: StringToKey };
  if (s2k?.type !== 'iterated' || s2k.produceKey === undefined || s2k.getCount === undefined) return;
  const { algorithm, salt } = s2k;
  if (typeof algorithm !== 'number' || !(salt instanceof Uint8Array)) return;
  const iterated = { hash: algorithm, salt, octets: s2k.getCount() };
  if (!canDerive(iterated)) return;
  s2k.produceKey = (passphrase, length) => Promise.resolve(deriveKey(iterated, passphrase, length));
}
