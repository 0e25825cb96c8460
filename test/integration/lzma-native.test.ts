/** The fallback of lzma: what takes longer than a unit test may. */
import { describe, expect, it } from 'vitest';
import { collect, type ByteSource } from '../../src/bytes/stage.ts';
import { compressNatively } from '../../src/codecs/lzma/compress-natively.ts';
import { decompressNatively } from '../../src/codecs/lzma/decompress-natively.ts';
import { CorruptError } from '../../src/errors.ts';
import { breaking, lending } from '../../testtools/byte-sources.ts';
import { codecContract } from '../../testtools/codec-contract.ts';

codecContract(
  'lzma by lzma-native',
  () =>
    Promise.resolve({
      name: 'lzma',
      extension: 'lzma',
      compress: compressNatively(1),
      decompress: decompressNatively,
    }),
  { noticesCuts: true, noticesFlips: false },
);

const zero = Buffer.alloc(1 << 20);

// eslint-disable-next-line @typescript-eslint/require-await -- an AsyncIterable is what stages take
async function* zeros(mebibytes: number): ByteSource {
  for (let count = 0; count < mebibytes; count += 1) yield zero;
}

describe('the memory of lzma-native', { timeout: 120_000 }, () => {
  it('holds little of what comes of a small input', async () => {
    const packed = await collect(compressNatively(0)(zeros(384)));
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    let chunks = 0;
    for await (const chunk of decompressNatively(lending(packed, 100_000))) {
      chunks += chunk.length > 0 ? 1 : 0;
      if (chunks % 16 === 0) most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    expect(most).toBeLessThan(192 << 20);
  });

  it('is given back when a stream is stopped early, fails, or is damaged', async () => {
    const packed = await collect(compressNatively(6)(zeros(16)));
    const damaged = Buffer.from(packed).fill(0xff, 600, 700);
    const round = async (): Promise<void> => {
      for await (const chunk of compressNatively(6)(zeros(Number.POSITIVE_INFINITY))) if (chunk.length > 0) break;
      for await (const chunk of decompressNatively(lending(packed))) if (chunk.length > 0) break;
      const broken = breaking(zero, new Error('of the source'));
      await expect(collect(compressNatively(6)(broken))).rejects.toThrow('of the source');
      await expect(collect(decompressNatively(lending(damaged)))).rejects.toBeInstanceOf(CorruptError);
    };
    await round();
    const before = process.memoryUsage().rss;
    for (let count = 0; count < 15; count += 1) await round();
    expect(process.memoryUsage().rss - before).toBeLessThan(300 << 20);
  });
});
