import { describe, expect, it } from 'vitest';
import { collect, fromBytes } from '../../../../src/bytes/stage.ts';
import { dareHeader, headerBytes, sealPackage } from '../../../../src/crypto/dare/package.ts';
import { decryptDare, encryptDare } from '../../../../src/crypto/dare/stream.ts';
import { CorruptError } from '../../../../src/errors.ts';
import { breaking, lending, madeBytes, noise } from '../../../../testtools/byte-sources.ts';

const key = Buffer.alloc(32, 0x42);
const full = 65_536;
const sealedFull = full + 32;

/** Made by the library of WAL-G, minio/sio 0.3.1, under {@link key}, of bytes that count up by sevens. */
const madeByOthers: readonly (readonly [string, number, string])[] = [
  ['1.0, AES-256-GCM', 1, 'EAAAAAAAAABsrNCzY8ysRPlwVQOHUFN7fBlPG6xyPTJE'],
  [
    '1.0, AES-256-GCM',
    100,
    'EABjAAAAAACqagxx3oVgrszYv+J5LJt6GWL6SG6uyQlyKmk2ziGTc1va44kAexuRmHbCAU9/S63Z/y/FWHlAkJxEWmoKcGnM7iV5aTsga4RldxmrTTwI' +
      'hSDIjVUYEGbTjZUHHVgSMnWRRSl0axtlSt8Vkut2A4+pM4nFty7Qk/URpRUr',
  ],
  [
    '1.0, ChaCha20-Poly1305',
    100,
    'EAFjAAAAAAA4VyY2VKzpwO1Ay/0GKOFWGWjEcWj+k/rhoRzMd5Iuk+ShdUnwUg4qjTP7/4MBRXXrxX1wNyxSLYWh8ZWoTjqPmjBiZ9yHoG7N/b620GWw' +
      '0+cT9TCVcFkpI/2ltxySNA2j6gKXBfVuPttndTh0mpkaOiqCqV58Mx6AS634',
  ],
  ['2.0, AES-256-GCM', 1, 'IAAAAPG8EkRqe0yhlarb4U7opCKtXQV+Wezz6zP/W9P0'],
  [
    '2.0, AES-256-GCM',
    100,
    'IABjAJjNDbkTK9h3HMxLTgDM/IkD2pokiXgO5zF5zhusWOKwyHlsR0vrGcn4z+YOb6otZQF/ri+Axy0UcJQpb7EwmRUvG+2r5T3iD31W3nuj5FwzGyYA' +
      'RVuPhWVVFkgAifdVv2yOJVVIjL1O0UEVNkMV2uECVTocKjaAZNiM2qeNysVO',
  ],
  [
    '2.0, ChaCha20-Poly1305',
    100,
    'IAFjANmSZFJYV7r75VwyFWjT9Oy5k1EbxHB2Pl0/hRqJaqnT2L1iVghF1TN3WR+j59k9xoXpLkvv+wcc3C7zsQMwEgLwfkDwHEDCk/K0Za7GDYeyM7op' +
      'N8PiAt0OVK5MFT4URU60SJMiadoL6dJilvuyY+op8IEmBi0PxRn+8QSGebtY',
  ],
];

function sealed(plain: Uint8Array, chunkBytes = 5_000): Promise<Buffer> {
  return collect(encryptDare(key)(lending(plain, chunkBytes)));
}

function opened(stream: Uint8Array, chunkBytes = 5_000): Promise<Buffer> {
  return collect(decryptDare(key)(lending(stream, chunkBytes)));
}

describe('a DARE stream', () => {
  it.each(madeByOthers)('of version %s with %i bytes is read as others write it', async (_kind, length, base64) => {
    const plain = Buffer.from(Uint8Array.from({ length }, (_zero, at) => at * 7));
    expect(await opened(Buffer.from(base64, 'base64'), 7)).toEqual(plain);
  });

  it.each([1, full - 1, full, full + 1, 3 * full, 200_000])('of %i bytes comes back', async (length) => {
    const plain = noise(length);
    for (const chunkBytes of [999, full, 70_000, 1 << 20]) {
      const stream = await sealed(plain, chunkBytes);
      expect(stream.length).toBe(length + 32 * Math.ceil(length / full));
      expect((await opened(stream, chunkBytes)).equals(plain)).toBe(true);
    }
  });

  it('is nothing when there is nothing to encrypt, and nothing is no stream', async () => {
    expect(await sealed(Buffer.alloc(0))).toHaveLength(0);
    await expect(opened(Buffer.alloc(0))).rejects.toThrow(new CorruptError('DARE stream is cut short'));
  });

  it('has full packages, one nonce, and the final bit in the last one alone', async () => {
    const stream = await sealed(noise(2 * full));
    const [one, two] = [stream.subarray(0, headerBytes), stream.subarray(sealedFull, sealedFull + headerBytes)];
    expect([...one.subarray(0, 4)]).toEqual([0x20, 0, 0xff, 0xff]);
    expect([...two.subarray(0, 4)]).toEqual([0x20, 0, 0xff, 0xff]);
    expect(one.readUInt8(4)).toBeLessThan(0x80);
    expect(two.readUInt8(4)).toBe(one.readUInt8(4) + 0x80);
    expect(one.subarray(5).equals(two.subarray(5))).toBe(true);
    expect(stream).toHaveLength(2 * sealedFull);
  });

  it('is refused when it is cut anywhere', async () => {
    const stream = await sealed(madeBytes(2 * full + 100));
    const cuts = [0, 1, 15, 16, 17, sealedFull - 1, sealedFull, sealedFull + 1, 2 * sealedFull, 2 * sealedFull + 20];
    for (let length = 1_000; length < stream.length; length += 1_000) cuts.push(length);
    for (const length of [...cuts, stream.length - 1]) {
      await expect(opened(stream.subarray(0, length)), `${length} bytes`).rejects.toBeInstanceOf(CorruptError);
    }
  });

  it('is refused when anything follows it', async () => {
    const stream = await sealed(madeBytes(full + 5));
    await expect(opened(Buffer.concat([stream, Buffer.alloc(1)]))).rejects.toThrow('goes on after its end');
    await expect(opened(Buffer.concat([stream, stream]))).rejects.toThrow('goes on after its end');
  });

  it('is refused when its packages are exchanged, left out or taken from another stream', async () => {
    const [stream, other] = [await sealed(noise(4 * full)), await sealed(noise(4 * full))];
    const [a, b, c, d] = [0, 1, 2, 3].map((n) => stream.subarray(n * sealedFull, (n + 1) * sealedFull));
    const foreign = other.subarray(sealedFull, 2 * sealedFull);
    for (const packages of [
      [a, c, b, d],
      [a, c, d],
      [b, c, d],
      [a, foreign, c, d],
    ]) {
      const mixed = Buffer.concat(packages.filter((one) => one !== undefined));
      await expect(opened(mixed)).rejects.toBeInstanceOf(CorruptError);
    }
  });

  it('is refused when a package that is not the last one is short', async () => {
    const field = Buffer.alloc(12, 5);
    const packages = [false, true].map((final, sequence) =>
      Buffer.from(sealPackage(key, dareHeader(field, 10, { final }), sequence, Buffer.alloc(10), Buffer.alloc(100))),
    );
    await expect(opened(Buffer.concat(packages))).rejects.toThrow('DARE package is too short');
  });

  it('of version 1.0 is refused when its packages do not count up', async () => {
    const one = Buffer.from(madeByOthers[1]?.[2] ?? '', 'base64');
    expect(await opened(one)).toHaveLength(100);
    await expect(opened(Buffer.concat([one, one]))).rejects.toThrow('does not belong where it stands');
    await expect(opened(one.subarray(0, 90))).rejects.toThrow('cut short');
  });

  it('ends in an error, never in other content, whatever bit is flipped', async () => {
    const stream = await sealed(madeBytes(300));
    for (let bit = 0; bit < stream.length * 8; bit += bit < 128 ? 1 : 5) {
      const damaged = Buffer.from(stream);
      damaged[bit >> 3] = damaged.readUInt8(bit >> 3) ^ (1 << (bit & 7));
      await expect(opened(damaged), `bit ${bit}`).rejects.toBeInstanceOf(CorruptError);
    }
  });

  it('passes an error of its source on, and ends the source when nobody reads on', async () => {
    const error = new Error('the disk is gone');
    const plain = madeBytes(300_000);
    await expect(collect(encryptDare(key)(breaking(plain, error)))).rejects.toBe(error);
    const stream = await sealed(plain);
    await expect(collect(decryptDare(key)(breaking(stream.subarray(0, 100_000), error)))).rejects.toBe(error);
    const [plainSource, streamSource] = [lending(plain), lending(stream)];
    for await (const chunk of encryptDare(key)(plainSource)) if (chunk.length > 0) break;
    for await (const chunk of decryptDare(key)(streamSource)) if (chunk.length > 0) break;
    expect([plainSource.ended(), streamSource.ended()]).toEqual([true, true]);
  });

  it('leaves the memory of its source as it was', async () => {
    const plain = madeBytes(200_000);
    const stream = await collect(encryptDare(key)(fromBytes(plain)));
    expect(plain.equals(madeBytes(200_000))).toBe(true);
    const copy = Buffer.from(stream);
    await collect(decryptDare(key)(fromBytes(stream)));
    expect(stream.equals(copy)).toBe(true);
  });
});
