import { deflateRawSync, deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { collect, type ByteSource } from '../../../../../src/bytes/stage.ts';
import { decryptMessage } from '../../../../../src/crypto/openpgp/message/decrypt.ts';
import type { KeyRing, SessionKey } from '../../../../../src/crypto/openpgp/key-ring.ts';
import { ArchiverError, CorruptError } from '../../../../../src/errors.ts';
import { breaking, lending, madeBytes, noise } from '../../../../../testtools/byte-sources.ts';
import {
  encrypted,
  keyPacket,
  literalPacket,
  madeRing,
  message,
  packet,
  protectedPacket,
  sealed,
  type Framing,
} from '../../../../../testtools/made-messages.ts';

const content = madeBytes(150_001);
const literal = literalPacket(content);

function read(bytes: Uint8Array, ring: KeyRing = madeRing(), chunkBytes = 9_973): Promise<Buffer> {
  return collect(decryptMessage(ring)(lending(bytes, chunkBytes)));
}

/** Compressed as a packet of the method: 1 is ZIP, 2 ZLIB, 3 bzip2. */
function compressed(method: number, bytes: Uint8Array, framing?: Framing): Buffer {
  return packet(8, Buffer.concat([Uint8Array.of(method), bytes]), framing);
}

/** With AEAD: version, AES-256, OCB, the octet of the length of chunks, and something. */
function aeadBody(version: number, length: number, chunkOctet = 16): Buffer {
  return Buffer.concat([Uint8Array.of(version, 9, 2, chunkOctet), noise(length)]);
}

async function refusal(bytes: Uint8Array, ring?: KeyRing): Promise<ArchiverError> {
  const error: unknown = await read(bytes, ring).catch((thrown: unknown) => thrown);
  if (error instanceof ArchiverError) return error;
  throw new Error('not refused as it should be', { cause: error });
}

describe('an OpenPGP message', () => {
  const framings: readonly Framing[] = [
    { form: 'old', octets: 4 },
    { form: 'indeterminate' },
    { form: 'new', octets: 5 },
    { form: 'parts', exponents: [13, 13, 14, 9, 15, 16, 10, 9] },
    { form: 'parts', exponents: Array<number>(17).fill(13) },
    { form: 'parts', exponents: [0, 1, 2, 3, 9] },
  ];
  // The protected packet's tag has no old form.
  const outerFramings = framings.filter(({ form }) => form === 'new' || form === 'parts');
  const pairs = outerFramings.flatMap((outer) => framings.map((inner) => [outer, inner] as const));

  it.each(pairs)('is read, whatever the forms of its lengths: %j around %j', async (outer, inner) => {
    // WAL-G, gpg and we write definite lengths and parts; older gpg the rest.
    const innermost = inner.form === 'indeterminate' ? [] : [packet(10, Buffer.from('PGP'))];
    const packets = Buffer.concat([literalPacket(content, { framing: inner }), ...innermost]);
    expect((await read(message(packets, outer))).equals(content)).toBe(true);
  });

  it.each([
    ['aes128', 16],
    ['aes192', 24],
    ['aes256', 32],
  ] as const)('is read when its cipher is %s', async (cipher, keyBytes) => {
    const session: SessionKey = { cipher, key: noise(keyBytes) };
    expect((await read(message(literal, undefined, session), madeRing(session))).equals(content)).toBe(true);
  });

  it.each(['b', 'u', 't', 'l', '1', 'm'])('gives bytes as they are when its format is %s', async (format) => {
    const text = Buffer.from('one\r\ntwo\nthree\r\xff\x00');
    expect((await read(message(literalPacket(text, { format, name: 'a name' })))).equals(text)).toBe(true);
  });

  it('may have a marker, padding, wrapped keys for passphrases and signatures around', async () => {
    const around = [packet(4, noise(13)), literal, packet(2, noise(300)), packet(21, noise(70_000))];
    const bytes = Buffer.concat([
      packet(10, Buffer.from('PGP')),
      packet(3, noise(13)),
      packet(21, noise(50)),
      message(Buffer.concat(around)),
    ]);
    expect((await read(bytes)).equals(content)).toBe(true);
  });

  it.each([
    ['not', compressed(0, literal)],
    ['by ZIP', compressed(1, deflateRawSync(literal))],
    ['by ZLIB', compressed(2, deflateSync(literal))],
    ['by ZLIB, of unknown length', compressed(2, deflateSync(literal), { form: 'indeterminate' })],
    ['twice', compressed(2, deflateSync(compressed(1, deflateRawSync(literal))))],
  ])('may be compressed: %s', async (_how, packets) => {
    expect((await read(message(packets))).equals(content)).toBe(true);
  });

  it('hands on compressed data as they come', async () => {
    const bomb = message(compressed(2, deflateSync(literalPacket(Buffer.alloc(64 << 20)))));
    let bytes = 0;
    for await (const chunk of decryptMessage(madeRing())(lending(bomb))) {
      expect(chunk.length).toBeLessThanOrEqual(1 << 20);
      bytes += chunk.length;
    }
    expect(bytes).toBe(64 << 20);
  });

  it('passes errors of its source on, and ends it, also when it is compressed', async () => {
    const error = new Error('the disk is gone');
    const bytes = message(compressed(2, deflateSync(literalPacket(noise(3_000_000)))));
    for (const length of [200, 100_000, 2_000_000, bytes.length]) {
      const reading = collect(decryptMessage(madeRing())(breaking(bytes.subarray(0, length), error)));
      await expect(reading, `${length} bytes`).rejects.toBe(error);
    }
    const source = lending(bytes, 10_000);
    for await (const chunk of decryptMessage(madeRing())(source)) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    expect(source.ended()).toBe(true);
    expect(source.lent()).toBeLessThan(bytes.length);
  });

  it('hands on large pieces, however small its parts are', async () => {
    const small: Framing = { form: 'parts', exponents: Array<number>(290).fill(9) };
    const sizes: number[] = [];
    const bytes = message(literalPacket(content, { framing: small }), small);
    for await (const chunk of decryptMessage(madeRing())(lending(bytes, 4_096))) sizes.push(chunk.length);
    expect(sizes.length).toBeLessThan(6);
  });

  it('of a rare form goes to the library whole', async () => {
    const aead = Buffer.concat([
      packet(1, noise(70)),
      packet(20, aeadBody(1, 90_000), { form: 'parts', exponents: [12, 16] }),
    ]);
    const second = Buffer.concat([packet(10, Buffer.from('PGP')), keyPacket, packet(18, aeadBody(2, 5_000))]);
    const newest = packet(18, aeadBody(2, 100_000), { form: 'parts', exponents: [16, 9] });
    for (const bytes of [aead, second, newest]) {
      const received: Buffer[] = [];
      async function* decryptRareForms(source: ByteSource): ByteSource {
        received.push(await collect(source));
        yield Buffer.from('by the library');
      }
      expect((await read(bytes, { ...madeRing(), decryptRareForms })).toString()).toBe('by the library');
      expect(received[0]?.equals(bytes)).toBe(true);
    }
  });
});

describe('what is no message that can be trusted is refused', () => {
  it.each([
    ['nothing', Buffer.alloc(0)],
    ['an lz4 frame', Buffer.from('04224d186470b900000000055dcc02', 'hex')],
    ['a brotli stream', Buffer.from('8bff7f00aabbccdd', 'hex')],
    ['a tar', Buffer.from('base/1/1259'.padEnd(10_240, '\0'))],
    ['a WAL segment', noise(10_000)],
    ['a literal packet in clear', literal],
    ['a compressed packet in clear', compressed(2, deflateSync(literal))],
    ['wrapped keys alone', keyPacket],
    ['wrapped keys that are too long', Buffer.concat([Uint8Array.of(0xc1, 255, 255, 0, 0, 0), noise(9)])],
    ['wrapped keys in parts', packet(1, noise(900), { form: 'parts', exponents: [9] })],
    ['wrapped keys without end', packet(1, noise(900), { form: 'indeterminate' })],
    ['a public key', packet(6, noise(200))],
  ])('%s', async (_what, bytes) => {
    const error = await refusal(bytes);
    expect(error).toBeInstanceOf(CorruptError);
  });

  it('empty packets without end, long before they fill the memory', async () => {
    const markers = Buffer.alloc(4_096, Uint8Array.of(0xca, 0));
    async function* endless(): ByteSource {
      for (;;) yield await Promise.resolve(markers);
    }
    await expect(collect(decryptMessage(madeRing())(endless()))).rejects.toBeInstanceOf(CorruptError);
    const error = await refusal(message(Buffer.concat([Buffer.alloc(30_000, markers), literal])));
    expect(error.message).toContain('more packets');
  });

  it('an object in clear, with a hint at the keys', async () => {
    const error = await refusal(Buffer.from('some text'));
    expect(error.message).toContain('not an OpenPGP message');
    expect(error.hint).toMatch(/without encryption/);
  });

  it('a message in ASCII armor, which it is told to be', async () => {
    const error = await refusal(Buffer.from('-----BEGIN PGP MESSAGE-----\n\nhQEMA\n-----END PGP MESSAGE-----\n'));
    expect(error.message).toContain('ASCII armor');
  });

  it('a message without protection of its integrity', async () => {
    const error = await refusal(Buffer.concat([keyPacket, packet(9, encrypted(literal))]));
    expect(error).toBeInstanceOf(CorruptError);
    expect(error.message).toContain('no protection of its integrity');
  });

  it('a message with AEAD whose chunks would fill the memory, or that has no whole beginning', async () => {
    for (const [tag, version] of [
      [18, 2],
      [20, 1],
    ] as const) {
      const large = await refusal(Buffer.concat([keyPacket, packet(tag, aeadBody(version, 5_000, 17))]));
      expect(large.message).toContain('4 MiB');
      const inPieces = packet(tag, aeadBody(version, 5_000), { form: 'parts', exponents: [0, 1, 9] });
      for (const rest of [inPieces, packet(tag, Uint8Array.of(version, 9, 2))]) {
        expect(await refusal(Buffer.concat([keyPacket, rest]))).toBeInstanceOf(CorruptError);
      }
    }
  });

  it('a message for a passphrase', async () => {
    const error = await refusal(Buffer.concat([packet(3, noise(13)), protectedPacket(sealed(literal))]));
    expect(error.kind).toBe('forbidden');
  });

  it('a message for another key', async () => {
    const other = packet(1, Buffer.concat([Uint8Array.of(3), noise(60, 8)]));
    expect((await refusal(Buffer.concat([other, protectedPacket(sealed(literal))]))).kind).toBe('forbidden');
  });

  it('a message whose session key is another one', async () => {
    const error = await refusal(message(literal), madeRing({ cipher: 'aes256', key: noise(32, 1) }));
    expect(error.message).toContain('integrity');
  });

  it.each([
    [
      'of an unknown version',
      Buffer.concat([keyPacket, packet(18, Buffer.concat([Uint8Array.of(9), sealed(literal)]))]),
    ],
    ['that is empty', Buffer.concat([keyPacket, packet(18, Buffer.alloc(0))])],
    ['without a body', Buffer.concat([keyPacket, protectedPacket(Buffer.alloc(0))])],
    ['with less than a digest', Buffer.concat([keyPacket, protectedPacket(sealed(Buffer.alloc(0)).subarray(0, 39))])],
    ['without data', message(Buffer.alloc(0))],
    ['with a marker alone', message(packet(10, Buffer.from('PGP')))],
    ['with data twice', message(Buffer.concat([literal, literal]))],
    ['with data twice, compressed', message(Buffer.concat([literal, compressed(2, deflateSync(literal))]))],
    ['of an unknown format', message(literalPacket(content, { format: 'x' }))],
    ['with a literal packet that is too short', message(packet(11, Buffer.from('b')))],
    ['with a name that is too long', message(packet(11, Buffer.from('b\xffshort', 'latin1')))],
    ['with a literal packet that is cut', message(literal.subarray(0, -1))],
    ['with a packet of another kind', message(Buffer.concat([literal, packet(6, noise(20))]))],
    ['with a message in it', message(message(literal))],
    ['with rubbish behind the data', message(Buffer.concat([literal, Buffer.from('rest')]))],
    ['compressed by bzip2', message(compressed(3, Buffer.from('BZh91AY')))],
    ['compressed in an unknown way', message(compressed(99, literal))],
    ['compressed without method', message(packet(8, Buffer.alloc(0)))],
    ['compressed, and cut', message(compressed(2, deflateSync(literal).subarray(0, -5)))],
    ['compressed, and damaged', message(compressed(1, noise(5_000)))],
    ['compressed, with rubbish behind', message(compressed(2, Buffer.concat([deflateSync(literal), noise(9)])))],
    [
      'compressed, with much rubbish behind',
      message(compressed(1, Buffer.concat([deflateRawSync(literal), noise(200_000)]))),
    ],
    ['compressed, with a wrong checksum', message(compressed(2, withOtherEnd(deflateSync(literal))))],
    [
      'compressed too many times',
      message(
        Array(6)
          .fill(0)
          .reduce<Buffer>((inner) => compressed(2, deflateSync(inner)), literal),
      ),
    ],
  ])('a message %s', async (_what, bytes) => {
    expect(await refusal(bytes)).toBeInstanceOf(CorruptError);
  });

  it('a message whose digest is wrong, before its last bytes are handed on', async () => {
    const bytes = Buffer.concat([keyPacket, protectedPacket(withOtherEnd(sealed(literal)))]);
    let handedOn = 0;
    const reading = async (): Promise<void> => {
      for await (const chunk of decryptMessage(madeRing())(lending(bytes))) handedOn += chunk.length;
    };
    await expect(reading()).rejects.toThrow('integrity');
    expect(handedOn).toBeLessThan(content.length);
  });

  it('a message with another packet in the place of its digest', async () => {
    // Right in all but the tag: CFB turns the same bit over.
    const body = sealed(literal);
    body[body.length - 22] = (body[body.length - 22] ?? 0) ^ 1;
    expect(await refusal(Buffer.concat([keyPacket, protectedPacket(body)]))).toBeInstanceOf(CorruptError);
  });
});

describe('damage', () => {
  const short = message(literalPacket(Buffer.from('forty bytes of content, more or less ...')));

  it('is found out for every bit of a message', async () => {
    for (let bit = 0; bit < short.length * 8; bit += 1) {
      const damaged = Buffer.from(short);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await expect(read(damaged), `bit ${bit}`).rejects.toBeInstanceOf(ArchiverError);
    }
  });

  it('is found out wherever a message is cut', async () => {
    for (let length = 0; length < short.length; length += 1) {
      await expect(read(short.subarray(0, length)), `${length} bytes`).rejects.toBeInstanceOf(ArchiverError);
    }
  });
});

function withOtherEnd(bytes: Buffer): Buffer {
  const changed = Buffer.from(bytes);
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
  return changed;
}
