import { createDecipheriv, createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ByteReader } from '../../../../../src/bytes/reader.ts';
import { collect, fromBytes } from '../../../../../src/bytes/stage.ts';
import { encryptMessage } from '../../../../../src/crypto/openpgp/message/encrypt.ts';
import { PacketBody, readHeader } from '../../../../../src/crypto/openpgp/message/packet.ts';
import type { SessionKey } from '../../../../../src/crypto/openpgp/key-ring.ts';
import { lending, madeBytes, noise } from '../../../../../testtools/byte-sources.ts';
import { keyPacket, madeRing, madeSession } from '../../../../../testtools/made-messages.ts';

/** Lengths around every border: of blocks, of forms of lengths, of parts. */
const lengths = [
  0, 1, 15, 16, 17, 140, 141, 185, 186, 440, 480, 490, 511, 512, 513, 8_300, 8_383, 65_480, 65_529, 65_530, 65_531,
];
const longLengths = [65_536, 65_537, 131_060, 131_066, 131_067, 131_072, 1_000_000, 40 * 65_536 + 5];

interface Packet {
  readonly tag: number;
  readonly inParts: boolean;
  readonly body: Buffer;
}

async function packetsOf(bytes: Uint8Array): Promise<readonly Packet[]> {
  const reader = new ByteReader(fromBytes(bytes));
  const packets: Packet[] = [];
  for (let header = await readHeader(reader); header !== undefined; header = await readHeader(reader)) {
    const body = await collect(new PacketBody(reader, header).pieces());
    packets.push({ tag: header.tag, inParts: header.inParts, body });
  }
  return packets;
}

/** Decrypts by OpenSSL's own CFB, and takes the prefix away. */
function opened(body: Buffer, { cipher, key }: SessionKey): Buffer {
  const decipher = createDecipheriv(`aes-${cipher.slice(3)}-cfb`, key, Buffer.alloc(16));
  return decipher.update(body.subarray(1));
}

describe('an OpenPGP message that we write', () => {
  it.each([...lengths, ...longLengths])('of %i bytes is a literal packet in a protected one', async (length) => {
    const content = madeBytes(length);
    const bytes = await collect(encryptMessage(madeRing())(lending(content, 50_000)));
    const [wrapped, protectedPacket, ...others] = await packetsOf(bytes);
    expect(others).toEqual([]);
    expect(bytes.subarray(0, keyPacket.length).equals(keyPacket)).toBe(true);
    expect(wrapped?.tag).toBe(1);
    expect(protectedPacket).toMatchObject({ tag: 18, inParts: length > 65_530 });
    const body = protectedPacket?.body ?? Buffer.alloc(0);
    expect(body[0]).toBe(1);
    const plain = opened(body, madeSession);
    expect(plain.subarray(14, 16).equals(plain.subarray(16, 18))).toBe(true);
    expect(createHash('sha1').update(plain.subarray(0, -20)).digest().equals(plain.subarray(-20))).toBe(true);
    const [literal, digest, ...more] = await packetsOf(plain.subarray(18));
    expect(more).toEqual([]);
    expect(digest?.tag).toBe(19);
    expect(literal).toMatchObject({ tag: 11, inParts: length > 65_530 });
    // Format b, no name, no date.
    expect(literal?.body.subarray(0, 6).toString('hex')).toBe('620000000000');
    expect(literal?.body.subarray(6).equals(content)).toBe(true);
  });

  it.each([
    ['aes128', 16],
    ['aes192', 24],
    ['aes256', 32],
  ] as const)('is encrypted by %s when the ring says so', async (cipher, keyBytes) => {
    const session: SessionKey = { cipher, key: noise(keyBytes) };
    const bytes = await collect(encryptMessage(madeRing(session))(fromBytes(Buffer.from('content'))));
    const [, protectedPacket] = await packetsOf(bytes);
    expect(opened(protectedPacket?.body ?? Buffer.alloc(0), session).includes('content')).toBe(true);
  });

  it('has parts of powers of two from 512 bytes on, and of 64 KiB most of the time', async () => {
    const bytes = await collect(encryptMessage(madeRing())(lending(Buffer.alloc(40 << 20), 1 << 20)));
    const sizes: number[] = [];
    for (let at = keyPacket.length + 1; ; at += (sizes.at(-1) ?? 0) + 1) {
      const octet = bytes[at] ?? 0;
      if (octet < 224 || octet === 255) break;
      sizes.push(2 ** (octet - 224));
    }
    expect(new Set(sizes)).toEqual(new Set([65_536, 512]));
    expect(sizes.filter((size) => size === 65_536).length).toBe(640);
    expect(sizes.filter((size) => size === 512).length).toBe(1);
  });

  it('goes out in chunks of 64 KiB', async () => {
    const sizes: number[] = [];
    for await (const chunk of encryptMessage(madeRing())(lending(madeBytes(1 << 20), 3_000))) sizes.push(chunk.length);
    expect(Math.max(...sizes)).toBeLessThan(70_000);
    expect(sizes.length).toBeLessThan(20);
  });

  it('has noise of its own', async () => {
    const write = (): Promise<Buffer> => collect(encryptMessage(madeRing())(fromBytes(Buffer.from('the same'))));
    expect((await write()).equals(await write())).toBe(false);
  });

  it('is not begun when the ring has no key for it', async () => {
    const error = new Error('expired');
    const ring = { ...madeRing(), newSession: () => Promise.reject(error) };
    await expect(collect(encryptMessage(ring)(lending(madeBytes(10))))).rejects.toBe(error);
  });
});
