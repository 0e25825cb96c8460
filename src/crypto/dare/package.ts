/**
 * Packages of a DARE stream (Data At Rest Encryption), versions 2.0 and 1.0: a header of 16 bytes, the ciphertext, a tag of
 * 16 bytes. The format is in `compression-crypto.md` 6 of the specification.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { CorruptError } from '../../errors.ts';

/** Bytes of the header of a package. */
export const headerBytes = 16;
/** Bytes of the authentication tag that ends a package. */
export const tagBytes = 16;
/** Most plaintext in a package; all but the last of a stream of version 2.0 have it. */
export const payloadBytes = 65_536;
/** Bytes of the key of a stream. */
export const keyBytes = 32;

/** Bytes of the header that are authenticated as additional data; the rest of it is the nonce. */
const additionalBytes = 4;
const finalBit = 0x80;
/** Where the number of the package is mixed into the nonce of version 2.0, as 32 bits, little-endian. */
const counterAt = 8;

/** How a package is encrypted. */
export type DareCipher = 'aes-256-gcm' | 'chacha20-poly1305';

/** What the header of a package says. */
export interface DareHeader {
  readonly version: 1 | 2;
  readonly cipher: DareCipher;
  /** Plaintext bytes, 1 … 65536. */
  readonly length: number;
  /** The last one of its stream; in version 1.0 nothing tells. */
  readonly final: boolean;
  /** The 16 bytes, copied. */
  readonly bytes: Buffer;
}

/** The header of a package of version 2.0, AES-256-GCM. @param field 12 random bytes, the same for a whole stream */
export function dareHeader(field: Uint8Array, length: number, { final }: { readonly final: boolean }): DareHeader {
  const bytes = Buffer.alloc(headerBytes);
  bytes[0] = 0x20;
  bytes.writeUInt16LE(length - 1, 2);
  bytes.set(field, additionalBytes);
  const first = bytes.readUInt8(additionalBytes);
  bytes[additionalBytes] = final ? first | finalBit : first & ~finalBit;
  return { version: 2, cipher: 'aes-256-gcm', length, final, bytes };
}

/** Reads a header. @returns undefined when these bytes are none */
export function parseDareHeader(header: Uint8Array): DareHeader | undefined {
  if (header.length < headerBytes) return undefined;
  const bytes = Buffer.from(header.subarray(0, headerBytes));
  const version = bytes[0] === 0x20 ? 2 : bytes[0] === 0x10 ? 1 : undefined;
  const cipher = bytes[1] === 0 ? 'aes-256-gcm' : bytes[1] === 1 ? 'chacha20-poly1305' : undefined;
  if (version === undefined || cipher === undefined) return undefined;
  const final = version === 2 && (bytes.readUInt8(additionalBytes) & finalBit) !== 0;
  return { version, cipher, length: bytes.readUInt16LE(2) + 1, final, bytes };
}

/** Whether two packages may stand in one stream of version 2.0: same cipher, same nonce but for the final bit. */
export function sameDareStream(one: DareHeader, other: DareHeader): boolean {
  const [a, b] = [nonceField(one), nonceField(other)];
  return (
    one.version === other.version &&
    one.cipher === other.cipher &&
    ((a.readUInt8(0) ^ b.readUInt8(0)) & ~finalBit) === 0 &&
    a.subarray(1).equals(b.subarray(1))
  );
}

/** The number that a package of version 1.0 says it has. */
export function dareSequence(header: DareHeader): number {
  return header.bytes.readUInt32LE(additionalBytes);
}

/** Encrypts a package into `output`: header, ciphertext, tag. @returns the bytes used */
export function sealPackage(
  key: Uint8Array,
  header: DareHeader,
  sequence: number,
  plain: Uint8Array,
  output: Buffer,
): Uint8Array {
  const cipher = createCipheriv('aes-256-gcm', key, nonceOf(header, sequence));
  cipher.setAAD(header.bytes.subarray(0, additionalBytes));
  const sealed = cipher.update(plain);
  cipher.final();
  output.set(header.bytes);
  output.set(sealed, headerBytes);
  output.set(cipher.getAuthTag(), headerBytes + sealed.length);
  return output.subarray(0, headerBytes + sealed.length + tagBytes);
}

/**
 * Decrypts a package.
 *
 * @param body ciphertext and tag
 * @throws CorruptError when it isn't authentic
 */
export function openPackage(key: Uint8Array, header: DareHeader, sequence: number, body: Uint8Array): Uint8Array {
  const nonce = nonceOf(header, sequence);
  // Twice the same, since Node's types tell the kinds of ciphers apart.
  const decipher =
    header.cipher === 'aes-256-gcm'
      ? createDecipheriv(header.cipher, key, nonce, { authTagLength: tagBytes })
      : createDecipheriv(header.cipher, key, nonce, { authTagLength: tagBytes });
  decipher.setAAD(header.bytes.subarray(0, additionalBytes), { plaintextLength: header.length });
  decipher.setAuthTag(body.subarray(header.length));
  const plain = decipher.update(body.subarray(0, header.length));
  try {
    decipher.final();
  } catch {
    throw new CorruptError(`DARE package ${sequence + 1} is damaged, or another key encrypted it`);
  }
  return plain;
}

function nonceField({ bytes }: DareHeader): Buffer {
  return bytes.subarray(additionalBytes);
}

function nonceOf(header: DareHeader, sequence: number): Buffer {
  const nonce = Buffer.from(nonceField(header));
  if (header.version === 2) nonce.writeUInt32LE((nonce.readUInt32LE(counterAt) ^ sequence) >>> 0, counterAt);
  return nonce;
}
