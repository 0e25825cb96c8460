import { describe, expect, it } from 'vitest';
import { collect, fromBytes } from '../../../../src/bytes/stage.ts';
import { lz4Codec } from '../../../../src/codecs/lz4/codec.ts';
import { decryptSecretStream, encryptSecretStream } from '../../../../src/crypto/libsodium/secret-stream.ts';
import { CorruptError } from '../../../../src/errors.ts';
import { lending, madeBytes, noise } from '../../../../testtools/byte-sources.ts';

const key = Buffer.alloc(32, 7);
const encrypt = encryptSecretStream(key);
const decrypt = decryptSecretStream(key);

/** A backup history file, by WAL-G, lz4, under {@link keyOfFixture}. */
const writtenByWalG = Buffer.from(
  'H3Vp906379pm+pFyfUH5tx0PbSSbiXrhE9F3K7VawnO0RC8vRW1ELphxS7SKi58JpfW6ONnylUi8i/hXpDmUu7S08jj9ifU/k7X8UaiQX+J++PH1ug42' +
    'fPhO+DUBpTG86lUvkyp4VTwoMn1Rx5iyHslwFzSbuRsG45zGG0/spqZVXiVJQ+PJbUrKqo6TPIXYgKsT9GvrxheyLEBJ+cF69Fi/gRbxEWLjsV2JPMW6' +
    'jT7NdDoKAmYg2TD0vmyfeYJES7F+FWXf1x4slLU5GOXBy8Zk2g26M5wv/AKhEFv5HQqvmvF6rRT+rc7qExhR3VP3WMh0zx2pKaVaMbjSUXOjap9ZQR4O' +
    'PxFMpX9FQu0nCQnZeoPIxwfagQ1jbPJm+cyqGx082eKF17gzIf54+FYm',
  'base64',
);
const keyOfFixture = Buffer.from('7f3c0a51d94be26870a1f4c8e3529bd6061e8fb34d7ac25990ee13b7425dc8a4', 'hex');

async function sealed(plain: Uint8Array, chunkBytes = 5_000): Promise<Buffer> {
  return collect(encrypt(lending(plain, chunkBytes)));
}

function opened(object: Uint8Array, chunkBytes = 5_000): Promise<Buffer> {
  return collect(decrypt(lending(object, chunkBytes)));
}

describe('a stream of libsodium', () => {
  it('is read as WAL-G writes it', async () => {
    const text = await collect(lz4Codec.decompress(decryptSecretStream(keyOfFixture)(fromBytes(writtenByWalG))));
    expect(text.toString()).toMatch(/^START WAL LOCATION: 0\/800028 \(file 000000010000000000000008\)\n/);
  });

  it.each([
    [0, 41],
    [1, 42],
    [8191, 8232],
    [8192, 8250],
    [8193, 8251],
    [16384, 16459],
  ])('of %i bytes takes %i, as those of WAL-G do, and comes back', async (length, objectLength) => {
    const plain = noise(length);
    const object = await sealed(plain);
    expect(object.length).toBe(objectLength);
    expect((await opened(object)).equals(plain)).toBe(true);
  });

  it('ends with a chunk that is never full, which WAL-G would refuse', async () => {
    for (const length of [8192, 8192 * 16, 8192 * 17]) {
      const object = await sealed(Buffer.alloc(length), 8192);
      expect((object.length - 24) % 8209).toBe(17);
    }
  });

  it('leaves the memory of its source as it was', async () => {
    const plain = madeBytes(100_000);
    const object = await collect(encrypt(fromBytes(plain)));
    expect(plain.equals(madeBytes(100_000))).toBe(true);
    const copy = Buffer.from(object);
    await collect(decrypt(fromBytes(object)));
    expect(object.equals(copy)).toBe(true);
  });

  it('is cut in other bytes each time', async () => {
    const [one, other] = [await sealed(Buffer.alloc(100)), await sealed(Buffer.alloc(100))];
    expect(one.subarray(0, 24).equals(other.subarray(0, 24))).toBe(false);
    expect(one.subarray(24).equals(other.subarray(24))).toBe(false);
  });

  it('is refused when it is cut between two chunks, where WAL-G notices nothing', async () => {
    const object = await sealed(madeBytes(5 * 8192 + 100));
    for (let chunks = 0; chunks <= 5; chunks += 1) {
      const cut = opened(object.subarray(0, 24 + chunks * 8209));
      await expect(cut, `${chunks} chunks`).rejects.toThrow(new CorruptError('libsodium stream is cut short'));
    }
  });

  it('is refused when it is cut anywhere else', async () => {
    const object = await sealed(madeBytes(20_000));
    for (let length = 0; length < object.length; length += length < 60 || length > 20_000 ? 1 : 97) {
      const kind = length >= 24 + 17 && length < 24 + 8209 ? 'forbidden' : 'corrupt';
      await expect(opened(object.subarray(0, length)), `${length} bytes`).rejects.toMatchObject({ kind });
    }
  });

  it('is refused when anything follows its end', async () => {
    for (const length of [0, 100, 8191, 8192]) {
      const object = await sealed(madeBytes(length));
      await expect(opened(Buffer.concat([object, Buffer.from([0])]))).rejects.toMatchObject({
        // What makes the first chunk longer than it is makes it another one.
        kind: length < 8192 ? 'forbidden' : 'corrupt',
      });
      await expect(opened(Buffer.concat([object, object]))).rejects.toHaveProperty('kind');
    }
  });

  it('is refused when its chunks are exchanged', async () => {
    const object = await sealed(madeBytes(5 * 8192));
    const [head, one, two] = [object.subarray(0, 24), object.subarray(24, 8233), object.subarray(8233, 16442)];
    const exchanged = Buffer.concat([head, one, object.subarray(16442, 24651), two, object.subarray(24651)]);
    await expect(opened(exchanged)).rejects.toThrow('libsodium stream is damaged');
  });

  it('says so when already its first chunk does not open', async () => {
    const object = await sealed(madeBytes(20_000));
    const other = collect(decryptSecretStream(Buffer.alloc(32, 8))(lending(object)));
    await expect(other).rejects.toMatchObject({
      kind: 'forbidden',
      message: 'the libsodium key does not open this object',
    });
  });

  it('ends in an error, never in other content, whatever bit is flipped', async () => {
    const plain = madeBytes(8_300);
    const object = await sealed(plain);
    for (let bit = 0; bit < object.length * 8; bit += bit < 400 || bit > 65_500 ? 7 : 397) {
      const damaged = Buffer.from(object);
      damaged[bit >> 3] = damaged.readUInt8(bit >> 3) ^ (1 << (bit & 7));
      // 16 bytes of the header are the nonce of a subkey, the others another one: all of it counts.
      const kind = bit >> 3 < 24 + 8209 ? 'forbidden' : 'corrupt';
      await expect(opened(damaged), `bit ${bit}`).rejects.toMatchObject({ kind });
    }
  });
});
