/** Reading OpenPGP keys: armored blocks or binary, any number of them, public and private ones. */
import type { PublicKey } from 'openpgp';
import { ArchiverError } from '../../errors.ts';
import { reasonOf, type OpenPgpLibrary } from './library.ts';

/** Bytes of keys, and where they come from. */
export interface KeyMaterial {
  /** For messages: `WALG_PGP_KEY`, `the file "/etc/key.asc"` … */
  readonly origin: string;
  readonly bytes: Uint8Array;
}

const armorHead = '-----BEGIN PGP ';
const armoredKeys = /-----BEGIN PGP (PUBLIC|PRIVATE) KEY BLOCK-----[^]*?-----END PGP \1 KEY BLOCK-----/g;

/**
 * Tells material that holds no key at all, as far as that can be seen without the library.
 *
 * @throws ArchiverError (`config`)
 */
export function checkMaterial({ origin, bytes }: KeyMaterial): void {
  const text = armoredText(bytes);
  const holds = text === undefined ? startsLikeKey(bytes[0] ?? 0) : blocksOf(text).length > 0;
  if (holds) return;
  throw new ArchiverError('config', `${origin} holds no OpenPGP key`, {
    hint: 'It is to be what "gpg --armor --export" or "gpg --armor --export-secret-keys" print, whole.',
  });
}

/**
 * Reads all keys. A key that is there several times, such as public and private, becomes one.
 *
 * @throws ArchiverError (`config`) when it can't be read, or there is none
 */
export async function readKeys(library: OpenPgpLibrary, material: KeyMaterial): Promise<readonly PublicKey[]> {
  checkMaterial(material);
  const text = armoredText(material.bytes);
  const found = new Map<string, PublicKey>();
  try {
    const lists =
      text === undefined
        ? [await library.readKeys({ binaryKeys: material.bytes })]
        : await Promise.all(blocksOf(text).map((armored) => library.readKeys({ armoredKeys: armored })));
    for (const key of lists.flat()) {
      // It always is one; the library only doesn't declare it.
      if (!(key instanceof library.PublicKey)) continue;
      const other = found.get(key.getFingerprint());
      found.set(key.getFingerprint(), other === undefined ? key : await merged(library, other, key));
    }
  } catch (error) {
    throw new ArchiverError('config', `${material.origin} holds no usable OpenPGP key: ${reasonOf(error)}`, {
      hint: 'Export the key again; "gpg --show-keys" tells what such a file holds.',
    });
  }
  return [...found.values()];
}

/** Key id in upper-case hex, as GnuPG and WAL-G show it. */
export function idOf(key: { getKeyID(): { toHex(): string } }): string {
  return key.getKeyID().toHex().toUpperCase();
}

/** For messages: the id and the first user of a key. */
export function nameOf(key: PublicKey): string {
  const [user] = key.getUserIDs();
  return user === undefined ? `"${idOf(key)}"` : `"${idOf(key)}" (${user})`;
}

async function merged(library: OpenPgpLibrary, first: PublicKey, second: PublicKey): Promise<PublicKey> {
  const [one, other] = first instanceof library.PrivateKey ? [first, second] : [second, first];
  try {
    return await one.update(other);
  } catch {
    // Two exports of a private key with different subkeys: the library joins those only that are alike.
    return one;
  }
}

function blocksOf(text: string): readonly string[] {
  return text.match(armoredKeys) ?? [];
}

function armoredText(bytes: Uint8Array): string | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  return text.includes(armorHead) ? text : undefined;
}

/** The first octet of a public or secret key packet, in the old or the new format (RFC 9580 4.2). */
function startsLikeKey(octet: number): boolean {
  const tag = (octet & 0x40) === 0 ? (octet >> 2) & 0x0f : octet & 0x3f;
  return (octet & 0x80) !== 0 && (tag === 5 || tag === 6);
}
