import { describe, expect, it } from 'vitest';
import { collect } from '../../../../src/bytes/stage.ts';
import { compressZstd } from '../../../../src/codecs/zstd/compress.ts';
import { decompressZstd } from '../../../../src/codecs/zstd/decompress.ts';
import { moreMark } from '../../../../src/codecs/zstd/frame.ts';
import { breaking, lending, madeBytes, noise } from '../../../../testtools/byte-sources.ts';

const frameBytes = 4 << 20;
const contents: readonly (readonly [string, Buffer])[] = [
  ['nothing', Buffer.alloc(0)],
  ['one frame', madeBytes(frameBytes)],
  ['one frame and a byte', Buffer.concat([noise(frameBytes - 1), madeBytes(2)])],
  ['three frames', Buffer.concat([madeBytes(frameBytes), Buffer.alloc(2 * frameBytes)])],
];

describe('compressing with zstd', () => {
  it.each(contents)(
    'makes the same bytes of %s with and without helpers, whatever the chunks',
    async (_what, plain) => {
      const alone = await collect(compressZstd()(lending(plain, 1 << 20)));
      for (const helpers of [1, 3]) {
        const helped = await collect(compressZstd({ helpers })(lending(plain, 1_000_003)));
        expect(helped.equals(alone)).toBe(true);
      }
      expect((await collect(decompressZstd(lending(alone, 1 << 20)))).equals(plain)).toBe(true);
    },
  );

  it('makes one plain frame, with a checksum, of what is not longer than a frame', async () => {
    const packed = await collect(compressZstd()(lending(madeBytes(100_000))));
    expect(packed.readUInt32LE(0)).toBe(0xfd2fb528);
    expect((packed[4] ?? 0) & 4).toBe(4);
    expect(packed.includes(Buffer.from(moreMark))).toBe(false);
  });

  it('tells before every frame but the last that more follow, so that a cut between frames is found out', async () => {
    const packed = await collect(compressZstd()(lending(Buffer.concat([madeBytes(frameBytes), madeBytes(20)]))));
    expect(packed.subarray(0, moreMark.length).equals(moreMark)).toBe(true);
    const second = packed.indexOf(Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), moreMark.length + 4);
    const cut = decompressZstd(lending(packed.subarray(0, second), 1 << 20));
    await expect(collect(cut)).rejects.toMatchObject({ kind: 'corrupt', message: 'zstd stream is cut short' });
  });

  it('makes less of the same at a higher level', async () => {
    const plain = madeBytes(300_000);
    const sizeAt = async (level: number) => (await collect(compressZstd({ level })(lending(plain)))).length;
    const [fastest, best, most] = [await sizeAt(1), await sizeAt(11), await sizeAt(22)];
    expect(best).toBeLessThan(fastest);
    expect(most).toBeLessThanOrEqual(best);
  });

  it.each([3, 11, 19, 22])('declares no larger window than a frame at level %i', async (level) => {
    const packed = await collect(compressZstd({ level })(lending(madeBytes(10_000))));
    expect(2 ** (10 + ((packed[5] ?? 0) >> 3))).toBeLessThanOrEqual(level < 10 ? frameBytes : 2 * frameBytes);
  });

  it('passes an error of its source on while helpers are at work', async () => {
    const error = new Error('the disk is gone');
    const packed = compressZstd({ helpers: 2 })(breaking(Buffer.alloc(3 * frameBytes + 1), error));
    await expect(collect(packed)).rejects.toBe(error);
  });

  it('ends its source when nobody reads on while helpers are at work', async () => {
    const plain = lending(Buffer.alloc(8 * frameBytes), 1 << 20);
    for await (const chunk of compressZstd({ helpers: 2 })(plain)) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    expect(plain.ended()).toBe(true);
    expect(plain.lent()).toBeLessThanOrEqual(4 * frameBytes);
  });
});
