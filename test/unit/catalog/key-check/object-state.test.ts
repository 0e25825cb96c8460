import { describe, expect, it } from 'vitest';
import { compose, fromBytes } from '../../../../src/bytes/stage.ts';
import { examineObject, type ObjectState } from '../../../../src/catalog/key-check/object-state.ts';
import { openCodec } from '../../../../src/codecs/open.ts';
import type { CodecName } from '../../../../src/codecs/codec.ts';
import type { Crypter } from '../../../../src/crypto/crypter.ts';
import { StorageForbiddenError } from '../../../../src/storage/errors.ts';
import { createMemoryStorage } from '../../../../src/storage/memory/memory-storage.ts';
import type { Storage } from '../../../../src/storage/storage.ts';
import { madeBytes, noise } from '../../../../testtools/byte-sources.ts';
import { faultyStorage } from '../../../../testtools/faulty-storage.ts';
import { madeCrypter } from '../../../../testtools/made-crypter.ts';

const plain = madeBytes(100_000);
const ours = madeCrypter({ encrypts: 'A', decrypts: 'A' });
const others = madeCrypter({ encrypts: 'B', decrypts: 'B' });
const publicOnly = madeCrypter({ encrypts: 'A', decrypts: '' });
const silent = madeCrypter({ encrypts: 'A', decrypts: 'A', tells: false });

const suffixes: Readonly<Record<CodecName, string>> = {
  lz4: '.lz4',
  lzma: '.lzma',
  brotli: '.br',
  zstd: '.zst',
  none: '',
};
const methods = Object.keys(suffixes) as CodecName[];

interface Stored {
  readonly method?: CodecName;
  readonly crypter?: Crypter | undefined;
  readonly damage?: (bytes: Buffer) => Buffer;
}

async function stored({ method = 'lz4', crypter, damage }: Stored): Promise<{ storage: Storage; key: string }> {
  const storage = createMemoryStorage();
  const key = `wal_005/000000010000000000000001${suffixes[method]}`;
  const codec = await openCodec(method);
  const encode = crypter === undefined ? codec.compress : compose(codec.compress, crypter.encrypt);
  await storage.write(key, encode(fromBytes(plain)));
  if (damage !== undefined) {
    const chunks: Buffer[] = [];
    for await (const chunk of await storage.read(key)) chunks.push(Buffer.from(chunk));
    await storage.write(key, fromBytes(damage(Buffer.concat(chunks))));
  }
  return { storage, key };
}

async function stateOf(
  object: Stored,
  crypter: Crypter | undefined,
  { whole = true }: { whole?: boolean } = {},
): Promise<ObjectState['kind'] | undefined> {
  const { storage, key } = await stored(object);
  const canDecrypt = (await crypter?.report())?.canDecrypt === true;
  return (await examineObject({ storage, crypter, canDecrypt }, key, { whole }))?.kind;
}

describe.each([true, false])('an object that is read to its end: %s', (whole) => {
  it.each(methods)('is readable with the key it was encrypted for, or without any: %s', async (method) => {
    expect(await stateOf({ method, crypter: ours }, ours, { whole })).toBe('readable');
    expect(await stateOf({ method, crypter: silent }, silent, { whole })).toBe('readable');
    expect(await stateOf({ method }, undefined, { whole })).toBe('readable');
  });

  it.each(methods)('is in clear when it is, whatever the crypter can tell: %s', async (method) => {
    for (const crypter of [ours, silent, publicOnly]) {
      expect(await stateOf({ method }, crypter, { whole })).toBe('clear');
    }
  });

  it.each(methods)('is for another key, whatever the crypter can tell: %s', async (method) => {
    for (const crypter of [ours, silent, publicOnly]) {
      expect(await stateOf({ method, crypter: others }, crypter, { whole })).toBe('otherKey');
    }
  });

  it('is not readable when its key is known and another one decrypts', async () => {
    const mixed = madeCrypter({ encrypts: 'AB', decrypts: 'A' });
    expect(await stateOf({ crypter: ours }, mixed, { whole })).toBe('readable');
    expect(await stateOf({ crypter: others }, mixed, { whole })).toBe('otherKey');
  });

  it('is not proven to be readable where the private key is not', async () => {
    expect(await stateOf({ crypter: ours }, publicOnly, { whole })).toBe('unproven');
  });
});

describe('an encrypted object without a key', () => {
  it.each(methods)('is found out: %s', async (method) => {
    expect(await stateOf({ method, crypter: ours }, undefined)).toBe('encrypted');
  });

  it('is found out by its beginning where plain ones have one', async () => {
    for (const method of ['lz4', 'zstd', 'lzma', 'none'] as const) {
      expect(await stateOf({ method, crypter: ours }, undefined, { whole: false }), method).toBe('encrypted');
    }
  });
});

describe('a damaged object', () => {
  const cut = (bytes: Buffer): Buffer => bytes.subarray(0, -5);

  it('is one with the right key, and without any', async () => {
    for (const method of ['lz4', 'brotli', 'zstd', 'lzma'] as const) {
      expect(await stateOf({ method, damage: cut }, undefined), method).toBe('damaged');
    }
    expect(await stateOf({ crypter: ours, damage: cut }, ours)).toBe('damaged');
    expect(await stateOf({ crypter: silent, damage: cut }, silent)).toBe('damaged');
  });

  it('is one when it is neither encrypted nor what its name says', async () => {
    const damage = (): Buffer => Buffer.from('hello, this is no lz4');
    expect(await stateOf({ damage }, ours)).toBe('damaged');
    expect(await stateOf({ damage }, publicOnly)).toBe('damaged');
  });

  it('is one when it is empty', async () => {
    const damage = (): Buffer => Buffer.alloc(0);
    for (const crypter of [undefined, ours, silent, publicOnly]) {
      for (const whole of [true, false]) expect(await stateOf({ damage }, crypter, { whole })).toBe('damaged');
    }
    expect(await stateOf({ method: 'none', damage }, undefined)).toBe('readable');
  });

  it('is one when it begins with something else than its name says, as the files of a broken disk do', async () => {
    for (const method of ['lz4', 'zstd'] as const) {
      const damage = (bytes: Buffer): Buffer => Buffer.alloc(bytes.length);
      expect(await stateOf({ method, damage }, undefined, { whole: false }), method).toBe('damaged');
    }
  });
});

it('looks at the beginning of an object only, when asked to', async () => {
  const { storage, key } = await stored({ crypter: ours });
  let bytes = 0;
  const examination = { storage, crypter: ours, canDecrypt: true, onBytes: (count: number) => (bytes += count) };
  await examineObject(examination, key, { whole: false });
  expect(bytes).toBe(16 * 1024);
});

it('finds nothing where there is nothing, and passes on what the storage says', async () => {
  const { storage, key } = await stored({ crypter: ours });
  const examination = { crypter: ours, canDecrypt: true };
  expect(await examineObject({ ...examination, storage }, 'wal_005/none', { whole: true })).toBeUndefined();
  for (const count of [1, 2]) {
    const broken = faultyStorage(storage, (call) =>
      call.verb === 'read' && call.count === count ? { error: new StorageForbiddenError('no') } : undefined,
    );
    await expect(examineObject({ ...examination, storage: broken }, key, { whole: true })).rejects.toThrow('no');
  }
});

it('takes a tar that is not compressed for what it is', async () => {
  const storage = createMemoryStorage();
  await storage.write('a/part_001.tar', fromBytes(Buffer.alloc(1024)));
  await storage.write('a/part_002.tar', fromBytes(noise(1024)));
  const examination = { storage, crypter: undefined, canDecrypt: false };
  const states = ['a/part_001.tar', 'a/part_002.tar'].map((key) => examineObject(examination, key, { whole: true }));
  expect(await Promise.all(states)).toMatchObject([{ kind: 'readable' }, { kind: 'encrypted' }]);
});
