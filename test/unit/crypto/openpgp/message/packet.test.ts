import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteReader } from '../../../../../src/bytes/reader.ts';
import { collect } from '../../../../../src/bytes/stage.ts';
import {
  lengthOctets,
  PacketBody,
  partOctet,
  readHeader,
  type PacketHeader,
} from '../../../../../src/crypto/openpgp/message/packet.ts';
import { CorruptError } from '../../../../../src/errors.ts';
import { lending, madeBytes } from '../../../../../testtools/byte-sources.ts';
import { packet, type Framing } from '../../../../../testtools/made-messages.ts';

const readerOf = (bytes: Uint8Array, chunkBytes = 3): ByteReader => new ByteReader(lending(bytes, chunkBytes));

async function headerOf(...octets: readonly number[]): Promise<PacketHeader | undefined> {
  return readHeader(readerOf(Uint8Array.from(octets)));
}

describe('the header of a packet', () => {
  it.each([
    ['old, one octet', [0x88, 0x05], 2, 5],
    ['old, two octets', [0x89, 0x01, 0x02], 2, 258],
    ['old, four octets', [0x8a, 0x80, 0, 0, 1], 2, 0x8000_0001],
    ['old, to the end', [0xaf], 11, Number.POSITIVE_INFINITY],
    ['new, one octet', [0xcb, 191], 11, 191],
    ['new, two octets', [0xcb, 192, 0], 11, 192],
    ['new, two octets, most', [0xcb, 223, 255], 11, 8383],
    ['new, five octets', [0xd2, 255, 0xff, 0xff, 0xff, 0xff], 18, 0xffff_ffff],
  ])('tells tag and length: %s', async (_form, octets, tag, bytes) => {
    expect(await headerOf(...octets)).toEqual({ tag, bytes, inParts: false, raw: Uint8Array.from(octets) });
  });

  it('tells that parts follow', async () => {
    expect(await headerOf(0xd2, 0xf0)).toEqual({
      tag: 18,
      bytes: 65_536,
      inParts: true,
      raw: Uint8Array.of(0xd2, 0xf0),
    });
    expect((await headerOf(0xd2, 0xfe))?.bytes).toBe(2 ** 30);
  });

  it('has tag 0 where there is no packet, and is missing at the end', async () => {
    expect((await headerOf(0x16))?.tag).toBe(0);
    expect(await headerOf()).toBeUndefined();
  });

  it.each([[[0x89, 1]], [[0xcb]], [[0xcb, 200]], [[0xcb, 255, 1, 2, 3]]])(
    'is refused when it is cut: %j',
    async (octets) => {
      await expect(headerOf(...octets)).rejects.toBeInstanceOf(CorruptError);
    },
  );

  it('is written so that it reads the same', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 0xffff_ffff }), async (bytes) => {
        const header = await headerOf(0xcb, ...lengthOctets(bytes));
        expect(header).toMatchObject({ bytes, inParts: false });
      }),
    );
    for (let exponent = 9; exponent <= 30; exponent += 1) {
      expect(await headerOf(0xcb, partOctet(2 ** exponent))).toMatchObject({ bytes: 2 ** exponent, inParts: true });
    }
  });
});

describe('the body of a packet', () => {
  const framings: readonly Framing[] = [
    { form: 'old', octets: 4 },
    { form: 'indeterminate' },
    { form: 'new', octets: 5 },
    { form: 'parts', exponents: [9, 9, 12, 0, 1, 16, 10] },
    { form: 'parts', exponents: [] },
  ];

  it.each(framings)('comes out as it went in: %j', async (framing) => {
    const content = madeBytes(150_000);
    for (const chunkBytes of [977, 70_000]) {
      const reader = readerOf(packet(11, content, framing), chunkBytes);
      const header = await readHeader(reader);
      if (header === undefined) throw new Error('no header');
      const body = new PacketBody(reader, header);
      expect(await body.read(3)).toEqual(Uint8Array.from(content.subarray(0, 3)));
      expect((await collect(body.pieces())).equals(content.subarray(3))).toBe(true);
    }
  });

  it('leaves what follows it', async () => {
    const reader = readerOf(
      Buffer.concat([packet(10, Buffer.from('PGP')), packet(2, Buffer.alloc(9_000)), packet(13, Buffer.from('x'))]),
    );
    for (const tag of [10, 2, 13]) {
      const header = await readHeader(reader);
      expect(header?.tag).toBe(tag);
      if (header !== undefined) await new PacketBody(reader, header).skip();
    }
    expect(await readHeader(reader)).toBeUndefined();
  });

  it('is refused when it is cut, and when more is asked for than there is or can be', async () => {
    const whole = packet(11, madeBytes(2_000), { form: 'parts', exponents: [9, 9] });
    for (const length of [3, 100, 514, 515, 516, 1_500, whole.length - 1]) {
      const reader = readerOf(whole.subarray(0, length));
      const header = await readHeader(reader);
      if (header === undefined) throw new Error('no header');
      await expect(new PacketBody(reader, header).skip(), `${length}`).rejects.toBeInstanceOf(CorruptError);
    }
    for (const octets of [[0xcb, 2, 1, 2], [0xcb, 255, 255, 0, 0, 0], [0xaf]]) {
      const reader = readerOf(Uint8Array.from(octets));
      const header = await readHeader(reader);
      if (header === undefined) throw new Error('no header');
      const read = new PacketBody(reader, header).read(Math.max(3, header.bytes));
      await expect(read, octets.join(' ')).rejects.toBeInstanceOf(CorruptError);
    }
  });
});
