import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { collect } from '../../../../src/bytes/stage.ts';
import { decompressLzo } from '../../../../src/codecs/lzo/decompress.ts';
import { hasProgram, lending, madeBytes, noise } from '../../../../testtools/byte-sources.ts';

const present = hasProgram('lzop');
const lzop = (options: readonly string[], input: Buffer): Buffer =>
  execFileSync('lzop', [...options, '-c'], { input, maxBuffer: 1 << 28, stdio: ['pipe', 'pipe', 'ignore'] });

const contents: readonly (readonly [string, Buffer])[] = [
  ['nothing', Buffer.alloc(0)],
  ['one byte', Buffer.from([7])],
  ['text', Buffer.from('1\t0/3000000\tno recovery target specified\n')],
  ['pages', madeBytes(600_000)],
  ['noise', noise(300_000)],
  ['zeros', Buffer.alloc(1_000_000)],
];

describe.skipIf(!present)(`the lzop program${present ? '' : ' (not installed here)'}`, () => {
  it.each([['-1'], ['-3'], ['-6'], ['-7'], ['-8'], ['-9'], ['--crc32'], ['-F'], ['-3', '-CC']])(
    'writes what we read: %s %s',
    async (...options) => {
      for (const [what, plain] of contents) {
        const file = lzop(options, plain);
        expect((await collect(decompressLzo(lending(file, 1 << 16)))).equals(plain), what).toBe(true);
      }
    },
    60_000,
  );
});
