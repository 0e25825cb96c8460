import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { counted, type ByteSource } from '../../src/bytes/stage.ts';
import type { CodecName } from '../../src/codecs/codec.ts';
import { openCodec, type CodecOptions } from '../../src/codecs/open.ts';
import { madeBytes, noise } from '../../testtools/byte-sources.ts';

const pages = Buffer.concat([madeBytes(3 << 20), noise(200_000), Buffer.alloc(1 << 20)]);

/** 100 MB that don't repeat themselves exactly, in chunks that are lent. */
// eslint-disable-next-line @typescript-eslint/require-await -- an AsyncIterable is what stages take
async function* much(hash: (chunk: Uint8Array) => void): ByteSource {
  const buffer = Buffer.allocUnsafeSlow(pages.length);
  for (let round = 0; round * pages.length < 100e6; round += 1) {
    pages.copy(buffer);
    for (let at = 0; at < buffer.length; at += 8192) buffer.writeUInt32LE((round << 16) + at, at);
    for (let at = 0; at < buffer.length; at += 1 << 20) {
      const chunk = buffer.subarray(at, at + (1 << 20));
      hash(chunk);
      yield chunk;
    }
    buffer.fill(0xee);
  }
}

describe('100 MB', () => {
  it.each<[CodecName, CodecOptions]>([
    ['lz4', {}],
    ['zstd', {}],
    ['zstd', { level: 1, helpers: 2 }],
    ['brotli', {}],
    ['lzma', {}],
    ['none', {}],
  ])('go through %s %o and come back as they were', async (method, options) => {
    const codec = await openCodec(method, options);
    const sent = createHash('sha1');
    const received = createHash('sha1');
    let packedBytes = 0;
    const packed = codec.compress(much((chunk) => sent.update(chunk)));
    for await (const chunk of codec.decompress(counted((bytes) => (packedBytes += bytes))(packed))) {
      received.update(chunk);
    }
    expect(received.digest('hex')).toBe(sent.digest('hex'));
    if (method !== 'none') expect(packedBytes).toBeLessThan(70e6);
  });
});
