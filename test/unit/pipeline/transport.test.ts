import { describe, expect, it } from 'vitest';
import { collect, fromBytes } from '../../../src/bytes/stage.ts';
import { openCodec } from '../../../src/codecs/open.ts';
import { CorruptError } from '../../../src/errors.ts';
import { readDecoded, type Transport } from '../../../src/pipeline/transport.ts';
import { createMemoryStorage } from '../../../src/storage/memory/memory-storage.ts';
import { noise } from '../../../testtools/byte-sources.ts';

async function failureOf(object: Uint8Array, crypter?: Transport['crypter']): Promise<unknown> {
  const storage = createMemoryStorage();
  await storage.write('a.lz4', fromBytes(object));
  const source = await readDecoded({ storage, codec: await openCodec('lz4'), crypter }, 'a.lz4');
  return collect(source).then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('an object that cannot be decoded', () => {
  it('may be encrypted, when no key is set and nothing of it makes sense', async () => {
    const error = await failureOf(noise(5000));
    expect(error).toBeInstanceOf(CorruptError);
    expect(error).toMatchObject({ hint: expect.stringContaining('No key is set') as string });
  });

  it('is damaged, when its beginning could be read, or a key is set', async () => {
    const { compress } = await openCodec('lz4');
    const whole = await collect(compress(fromBytes(Buffer.concat([Buffer.alloc(9_000_000), noise(4_000_000)]))));
    expect(await failureOf(whole.subarray(0, -1000))).toMatchObject({ kind: 'corrupt', hint: undefined });
    const plain: Transport['crypter'] = {
      method: 'openpgp',
      encrypt: (source) => source,
      decrypt: (source) => source,
      report: () => Promise.reject(new Error('not asked')),
      identify: () => Promise.reject(new Error('not asked')),
    };
    expect(await failureOf(noise(5000), plain)).toMatchObject({ kind: 'corrupt', hint: undefined });
  });
});
