import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { collect } from '../../../../src/bytes/stage.ts';
import { compressLz4 } from '../../../../src/codecs/lz4/compress.ts';
import { decompressLz4 } from '../../../../src/codecs/lz4/decompress.ts';
import { hasProgram, lending, madeBytes, noise } from '../../../../testtools/byte-sources.ts';

const present = hasProgram('lz4');
const lz4 = (options: readonly string[], input: Buffer): Buffer =>
  execFileSync('lz4', options, { input, maxBuffer: 1 << 28, stdio: ['pipe', 'pipe', 'ignore'] });

const contents: readonly (readonly [string, Buffer])[] = [
  ['nothing', Buffer.alloc(0)],
  ['pages', madeBytes(5_000_000)],
  ['noise', noise(1_300_000)],
  ['zeros', Buffer.alloc(9_000_000)],
];

describe.skipIf(!present)(`the lz4 program${present ? '' : ' (not installed here)'}`, () => {
  it.each(contents)('reads what we write: %s', async (_what, plain) => {
    const frame = await collect(compressLz4(lending(plain, 1 << 16)));
    expect(lz4(['-dc'], frame).equals(plain)).toBe(true);
  });

  it.each([['-1'], ['-1', '-BD'], ['-9', '-B4', '-BD', '-BX'], ['-B5'], ['-1', '--no-frame-crc'], ['-l']])(
    'writes what we read: %s %s %s %s',
    async (...options) => {
      for (const [, plain] of contents) {
        const stream = lz4([...options, '-c'], plain);
        expect((await collect(decompressLz4(lending(stream, 1 << 16)))).equals(plain)).toBe(true);
      }
    },
  );
});
