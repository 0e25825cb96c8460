import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { collect } from '../../../src/bytes/stage.ts';
import { codecForKey, openCodec, type CodecOptions } from '../../../src/codecs/open.ts';
import type { CodecName } from '../../../src/codecs/codec.ts';
import { hasProgram, lending, madeBytes, noise } from '../../../testtools/byte-sources.ts';

const contents: readonly (readonly [string, Buffer])[] = [
  ['nothing', Buffer.alloc(0)],
  ['one byte', Buffer.from('x')],
  ['pages', madeBytes(1_500_000)],
  ['noise', noise(300_000)],
  ['zeros of several frames', Buffer.alloc(9_000_000)],
];

/** A filter between standard input and output. */
function piped(program: string, options: readonly string[], input: Uint8Array): Buffer {
  return execFileSync(program, options, { input, maxBuffer: 1 << 28, stdio: ['pipe', 'pipe', 'ignore'] });
}

function describeProgram(program: string, tests: () => void): void {
  const present = hasProgram(program);
  describe.skipIf(!present)(
    `the ${program} program${present ? '' : ' (not installed here)'}`,
    { timeout: 30_000 },
    tests,
  );
}

function readsWhatWeWrite(program: string, method: CodecName, styles: readonly CodecOptions[]): void {
  it.each(contents)('reads what we write: %s', async (_what, plain) => {
    for (const style of styles) {
      const packed = await collect((await openCodec(method, style)).compress(lending(plain, 1 << 16)));
      expect(piped(program, ['-dc'], packed).equals(plain)).toBe(true);
    }
  });
}

function writesWhatWeRead(program: string, suffix: string, styles: readonly string[]): void {
  it.each(styles)('writes what we read: %s', async (style) => {
    const { decompress } = await codecForKey(`x.${suffix}`);
    for (const [what, plain] of contents) {
      const packed = piped(program, [...style.split(' '), '-c'], plain);
      expect((await collect(decompress(lending(packed, 1 << 16)))).equals(plain), what).toBe(true);
    }
  });
}

describeProgram('zstd', () => {
  readsWhatWeWrite('zstd', 'zstd', [{}, { level: 1 }, { level: 19 }, { helpers: 2 }]);
  writesWhatWeRead('zstd', 'zst', ['-1', '-15 --no-check', '-3 -T2', '-3 --long=29', '--fast=5 --rsyncable']);

  it('finds a stream of several frames whole', async () => {
    const { compress } = await openCodec('zstd');
    const packed = await collect(compress(lending(Buffer.alloc(9_000_000), 1 << 16)));
    expect(() => piped('zstd', ['-t'], packed)).not.toThrow();
  });
});

describeProgram('brotli', () => {
  readsWhatWeWrite('brotli', 'brotli', [{}, { level: 0 }, { level: 9 }]);
  writesWhatWeRead('brotli', 'br', ['-q 3', '-q 0 -w 10', '-q 9 -w 24', '-q 5 -w 0']);
});

describeProgram('gzip', () => {
  writesWhatWeRead('gzip', 'gz', ['-1', '-9', '-6 --no-name']);
});
