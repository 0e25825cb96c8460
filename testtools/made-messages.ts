/** OpenPGP messages made by hand in every form, for a ring that needs no keys: tests of the bulk path. */
import { createCipheriv, createHash } from 'node:crypto';
import type { Stage } from '../src/bytes/stage.ts';
import type { KeyRing, SessionKey } from '../src/crypto/openpgp/key-ring.ts';
import { ArchiverError } from '../src/errors.ts';
import { noise } from './byte-sources.ts';

/** How the length of a packet is written. */
export type Framing =
  | { readonly form: 'old'; readonly octets: 1 | 2 | 4 }
  | { readonly form: 'indeterminate' }
  | { readonly form: 'new'; readonly octets: 1 | 2 | 5 }
  /** Parts of these powers of two, as long as they fit, then the rest. */
  | { readonly form: 'parts'; readonly exponents: readonly number[] };

/** Lengths as they come: as short as can be. */
export const shortest: Framing = { form: 'parts', exponents: [] };

/** A packet of any tag and form; the old forms are for tags below 16. */
export function packet(tag: number, body: Uint8Array, framing: Framing = shortest): Buffer {
  if (tag > 15 && framing.form !== 'new' && framing.form !== 'parts')
    throw new RangeError(`tag ${tag} has no old form`);
  if (framing.form === 'old' || framing.form === 'indeterminate') {
    const type = framing.form === 'indeterminate' ? 3 : Math.log2(framing.octets);
    const length = framing.form === 'indeterminate' ? Buffer.alloc(0) : bigEndian(body.length, framing.octets);
    return Buffer.concat([Uint8Array.of(0x80 + (tag << 2) + type), length, body]);
  }
  const start = Uint8Array.of(0xc0 + tag);
  if (framing.form === 'new') return Buffer.concat([start, newLength(body.length, framing.octets), body]);
  const pieces: Uint8Array[] = [start];
  let at = 0;
  for (const exponent of framing.exponents) {
    if (at + 2 ** exponent > body.length) break;
    pieces.push(Uint8Array.of(0xe0 + exponent), body.subarray(at, at + 2 ** exponent));
    at += 2 ** exponent;
  }
  const rest = body.subarray(at);
  return Buffer.concat([...pieces, newLength(rest.length, rest.length < 192 ? 1 : rest.length < 8384 ? 2 : 5), rest]);
}

function newLength(length: number, octets: 1 | 2 | 5): Buffer {
  if (octets === 1) return bigEndian(length, 1);
  if (octets === 2) return bigEndian(length - 192 + (192 << 8), 2);
  return Buffer.concat([Uint8Array.of(255), bigEndian(length, 4)]);
}

function bigEndian(value: number, octets: number): Buffer {
  if (value < 0 || value >= 256 ** octets) throw new RangeError(`${value} does not fit in ${octets} octets`);
  const bytes = Buffer.alloc(octets);
  bytes.writeUIntBE(value, 0, octets);
  return bytes;
}

/** A literal packet. @param format such as `b`, `u` */
export function literalPacket(
  content: Uint8Array,
  { format = 'b', name = '', framing = shortest }: { format?: string; name?: string; framing?: Framing } = {},
): Buffer {
  const start = [Buffer.from(format), Uint8Array.of(name.length), Buffer.from(name), bigEndian(1_234_567, 4)];
  return packet(11, Buffer.concat([...start, content]), framing);
}

/** The session key that {@link madeRing} finds in {@link keyPacket}. */
export const madeSession: SessionKey = { cipher: 'aes256', key: noise(32, 77) };

/** Stands for a wrapped session key. */
export const keyPacket = packet(1, Buffer.concat([Uint8Array.of(3), noise(8, 5), Uint8Array.of(1), noise(40, 6)]));

/** What goes into the body of a protected packet besides its version: encrypted prefix, packets and digest. */
export function sealed(packets: Uint8Array, { cipher, key }: SessionKey = madeSession): Buffer {
  const prefix = noise(16, 3);
  const plain = Buffer.concat([prefix, prefix.subarray(14), packets, Uint8Array.of(0xd3, 0x14)]);
  return encrypted(Buffer.concat([plain, createHash('sha1').update(plain).digest()]), { cipher, key });
}

/** CFB as OpenSSL has it, from the first byte on. */
export function encrypted(plain: Uint8Array, { cipher, key }: SessionKey = madeSession): Buffer {
  return createCipheriv(`aes-${cipher.slice(3)}-cfb`, key, Buffer.alloc(16)).update(plain);
}

/** A whole message. */
export function message(packets: Uint8Array, framing: Framing = shortest, session = madeSession): Buffer {
  return Buffer.concat([keyPacket, protectedPacket(sealed(packets, session), framing)]);
}

/** A protected packet (SEIPD version 1). */
export function protectedPacket(body: Uint8Array, framing: Framing = shortest): Buffer {
  return packet(18, Buffer.concat([Uint8Array.of(1), body]), framing);
}

/** A ring that knows one session key, for {@link keyPacket} only. */
export function madeRing(session: SessionKey = madeSession): KeyRing {
  const rare: Stage = () => {
    throw new ArchiverError('forbidden', 'this ring reads no rare forms');
  };
  return {
    newSession: () => Promise.resolve({ session, packets: keyPacket }),
    openSession(packets) {
      if (keyPacket.equals(packets)) return Promise.resolve(session);
      return Promise.reject(new ArchiverError('forbidden', 'the message is for another key'));
    },
    decryptRareForms: rare,
  };
}
