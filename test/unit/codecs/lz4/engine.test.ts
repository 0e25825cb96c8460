import { afterEach, expect, it, vi } from 'vitest';
import { collect } from '../../../../src/bytes/stage.ts';
import { lending, madeBytes, noise } from '../../../../testtools/byte-sources.ts';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

it('lz4 works the same where there is no WebAssembly', async () => {
  const plain = Buffer.concat([madeBytes(1_500_000), noise(1_100_000), Buffer.alloc(300_000)]);
  const { lz4Codec } = await import('../../../../src/codecs/lz4/codec.ts');
  const usual = await collect(lz4Codec.compress(lending(plain, 1 << 16)));

  vi.resetModules();
  vi.stubGlobal('WebAssembly', undefined);
  const { lz4Codec: other } = await import('../../../../src/codecs/lz4/codec.ts');
  const { acquireEngine } = await import('../../../../src/codecs/lz4/engine.ts');
  // Only the other engine's memory is a Buffer.
  expect((await acquireEngine()).bytes).toBeInstanceOf(Buffer);
  const unusual = await collect(other.compress(lending(plain, 1 << 16)));

  expect(unusual.equals(usual)).toBe(false);
  expect((await collect(other.decompress(lending(usual)))).equals(plain)).toBe(true);
  expect((await collect(lz4Codec.decompress(lending(unusual)))).equals(plain)).toBe(true);
});
