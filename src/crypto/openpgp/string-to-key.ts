/**
 * Makes keys of passphrases without great memory. For GnuPG's keys the library fills up to 65 MB, once per private key
 * and thread, to hash it in one go; here the same bytes are hashed piece by piece.
 */
import { createHash } from 'node:crypto';

/** Iterated and salted, RFC 9580 3.7.1.3. */
export interface IteratedKey {
  /** Number of the hash, RFC 9580 9.5. */
  readonly hash: number;
  readonly salt: Uint8Array;
  /** Octets to hash. */
  readonly octets: number;
}

const hashNames: Readonly<Record<number, string>> = {
  1: 'md5',
  2: 'sha1',
  3: 'ripemd160',
  8: 'sha256',
  9: 'sha384',
  10: 'sha512',
  11: 'sha224',
};

const pieceBytes = 64 * 1024;

/** The hash has a number that is known here. */
export function canDerive({ hash }: IteratedKey): boolean {
  return hashNames[hash] !== undefined;
}

/** @returns `length` bytes of key */
export function deriveKey({ hash, salt, octets }: IteratedKey, passphrase: string, length: number): Uint8Array {
  const unit = Buffer.concat([salt, Buffer.from(passphrase, 'utf8')]);
  const piece = Buffer.concat(Array<Buffer>(Math.ceil(pieceBytes / unit.length)).fill(unit));
  const total = Math.max(octets, unit.length);
  const parts: Buffer[] = [];
  for (let made = 0; made < length;) {
    const hashing = createHash(hashNames[hash] ?? '').update(Buffer.alloc(parts.length));
    for (let left = total; left > 0; left -= piece.length) hashing.update(piece.subarray(0, left));
    const digest = hashing.digest();
    parts.push(digest);
    made += digest.length;
  }
  return new Uint8Array(Buffer.concat(parts).subarray(0, length));
}
