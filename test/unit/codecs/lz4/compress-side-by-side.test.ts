import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { ByteSource } from '../../../../src/bytes/stage.ts';
import { compressingLz4, compressLz4 } from '../../../../src/codecs/lz4/compress.ts';
import { decompressLz4 } from '../../../../src/codecs/lz4/decompress.ts';
import { madeBytes, noise } from '../../../../testtools/byte-sources.ts';

const mib = 1 << 20;
const page = madeBytes(mib + 777);
const random = noise(mib);

/** Long enough for help, different in each block, some of which cannot be compressed; lent in one buffer. */
async function* long(bytes: number): ByteSource {
  const buffer = Buffer.alloc(page.length);
  for (let at = 0, round = 0; at < bytes; round += 1) {
    (round % 5 === 4 ? random : page).copy(buffer);
    buffer.writeUInt32LE(round, 100);
    const length = Math.min(buffer.length, bytes - at);
    yield buffer.subarray(0, length);
    await Promise.resolve();
    buffer.fill(0xee);
    at += length;
  }
}

async function digestOf(source: ByteSource): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of source) hash.update(chunk);
  return hash.digest('hex');
}

describe('lz4 with the help of threads', () => {
  it.each([
    ['ends with a block', 72 * mib],
    ['ends within a block', 75 * mib + 12_345],
    ['ends where help begins', 64 * mib],
  ])('writes what one thread writes: %s', async (_what, bytes) => {
    expect(await digestOf(compressingLz4(2)(long(bytes)))).toBe(await digestOf(compressLz4(long(bytes))));
  });

  it('serves several streams at once', async () => {
    const streams = [70 * mib, 68 * mib + 5, 66 * mib + 1].map(async (bytes) => {
      const back = decompressLz4(compressingLz4(2)(long(bytes)));
      expect(await digestOf(back)).toBe(await digestOf(long(bytes)));
    });
    await Promise.all(streams);
  });

  it('passes on the error of a source, closes one that nobody reads on, and serves the next', async () => {
    const broken = new Error('the producer failed');
    async function* breaking(): ByteSource {
      yield* long(70 * mib);
      throw broken;
    }
    await expect(digestOf(compressingLz4(2)(breaking()))).rejects.toBe(broken);

    let isClosed = false;
    async function* closing(): ByteSource {
      try {
        yield* long(200 * mib);
      } finally {
        isClosed = true;
      }
    }
    let seen = 0;
    for await (const chunk of compressingLz4(2)(closing())) {
      seen += chunk.length;
      if (seen > 40 * mib) break;
    }
    expect(isClosed).toBe(true);
    expect(await digestOf(decompressLz4(compressingLz4(2)(long(66 * mib))))).toBe(await digestOf(long(66 * mib)));
  });
});
