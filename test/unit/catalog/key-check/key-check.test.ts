import { describe, expect, it } from 'vitest';
import { compose, fromBytes } from '../../../../src/bytes/stage.ts';
import { checkKeys, type KeyCheck, type KeyCheckOptions } from '../../../../src/catalog/key-check/key-check.ts';
import { failureOf, verdictOf } from '../../../../src/catalog/key-check/verdict.ts';
import { openCodec } from '../../../../src/codecs/open.ts';
import type { Crypter } from '../../../../src/crypto/crypter.ts';
import { CorruptError } from '../../../../src/errors.ts';
import { silentLogger } from '../../../../src/platform/logger.ts';
import { StorageForbiddenError } from '../../../../src/storage/errors.ts';
import { baseNameOf } from '../../../../src/storage/key.ts';
import { createMemoryStorage } from '../../../../src/storage/memory/memory-storage.ts';
import type { Storage } from '../../../../src/storage/storage.ts';
import { madeBytes } from '../../../../testtools/byte-sources.ts';
import { faultyStorage } from '../../../../testtools/faulty-storage.ts';
import { madeCrypter } from '../../../../testtools/made-crypter.ts';
import { recordingLogger } from '../../../../testtools/recording-logger.ts';

const now = new Date('2026-11-21T08:00:00Z');
const oldKey = madeCrypter({ encrypts: 'O', decrypts: 'O' });
const newKey = madeCrypter({ encrypts: 'N', decrypts: 'N' });

/** Parts of 1000 and 50,000 bytes and JSON for each backup, and a segment for each crypter, in order. */
async function archive(crypters: Readonly<Record<string, Crypter | undefined>>): Promise<Storage> {
  const storage = createMemoryStorage();
  const lz4 = await openCodec('lz4');
  let segment = 1;
  for (const [backup, crypter] of Object.entries(crypters)) {
    const encode = crypter === undefined ? lz4.compress : compose(lz4.compress, crypter.encrypt);
    const put = (key: string, length: number): Promise<void> =>
      storage.write(key, encode(fromBytes(madeBytes(length))));
    await put(`basebackups_005/${backup}/tar_partitions/part_001.tar.lz4`, 50_000);
    await put(`basebackups_005/${backup}/tar_partitions/pg_control.tar.lz4`, 1000);
    await storage.write(`basebackups_005/${backup}/metadata.json`, fromBytes(Buffer.from('{}')));
    await storage.write(`basebackups_005/${backup}_backup_stop_sentinel.json`, fromBytes(Buffer.from('{}')));
    await put(`wal_005/00000001000000000000000${segment}.lz4`, 2000);
    segment += 1;
  }
  return storage;
}

function check(storage: Storage, options: Partial<KeyCheckOptions> = {}): Promise<KeyCheck> {
  const given = { storage, crypter: newKey, backups: [], chosen: undefined, all: false, write: true };
  return checkKeys({ ...given, logger: silentLogger, ...options });
}

function told(result: KeyCheck): {
  readonly kind: string | undefined;
  readonly problems: string[];
  warnings: string[];
} {
  const verdict = verdictOf(result, now);
  return {
    kind: failureOf(verdict)?.kind,
    problems: verdict.problems.map(({ message }) => message),
    warnings: [...verdict.warnings],
  };
}

async function keysOf(storage: Storage): Promise<string[]> {
  const keys: string[] = [];
  for await (const object of storage.list('', { recursive: true })) keys.push(object.key);
  return keys.sort();
}

describe('checking the keys', () => {
  it('reads the smallest object of each backup and the ends of the log, and leaves the archive as it was', async () => {
    const storage = await archive({ first: newKey, second: newKey, third: newKey });
    const before = await keysOf(storage);
    let bytes = 0;
    const backups = ['first', 'second', 'third'];
    const result = await check(storage, { backups, onProgress: (done) => (bytes = done) });
    expect(told(result)).toEqual({ kind: undefined, problems: [], warnings: [] });
    expect(result.groups.map(({ name, examples }) => [name, ...examples.map(({ key }) => baseNameOf(key))])).toEqual([
      ...backups.map((name) => [name, 'pg_control.tar.lz4']),
      ['wal_005', '000000010000000000000001.lz4', '000000010000000000000003.lz4'],
    ]);
    expect(result.keys).toMatchObject({ inMemory: { kind: 'ok' }, throughStorage: { kind: 'ok' } });
    expect(bytes).toBeGreaterThan(5000);
    expect(await keysOf(storage)).toEqual(before);
  });

  it('finds backups of an old key, ones in clear and damaged ones', async () => {
    const storage = await archive({ old: oldKey, clear: undefined, broken: newKey, good: newKey, empty: newKey });
    await storage.write('basebackups_005/broken/tar_partitions/pg_control.tar.lz4', fromBytes(Buffer.from('MADENx')));
    for (const key of await keysOf(storage)) if (key.includes('empty/tar')) await storage.delete([key]);
    const result = await check(storage, { backups: ['old', 'clear', 'broken', 'good', 'empty'] });
    expect(told(result)).toEqual({
      kind: 'forbidden',
      problems: [
        'backup "old" cannot be decrypted with the keys that are set; so it is with what is in "wal_005"',
        'backup "broken" cannot be read to the end',
        'backup "clear" cannot be read with a key set, since it is stored in clear',
      ],
      warnings: ['backup "empty" has no objects with data'],
    });
    expect(result.groups[0]?.examples[0]?.state).toMatchObject({ kind: 'otherKey', recipients: ['O'] });
  });

  it('finds encrypted backups when no key is set', async () => {
    const storage = await archive({ sealed: oldKey, clear: undefined });
    const result = await check(storage, { crypter: undefined, backups: ['sealed', 'clear'] });
    expect(told(result)).toEqual({
      kind: 'forbidden',
      problems: [
        'backup "sealed" cannot be read, since it is encrypted and no key is set; so it is with what is in "wal_005"',
      ],
      warnings: ['no key is set: new objects are stored in clear'],
    });
  });

  it('with all looks at every object, and reads those of the chosen backup to their ends', async () => {
    const storage = await archive({ mixed: newKey, chosen: newKey });
    const foreign = compose((await openCodec('lz4')).compress, oldKey.encrypt);
    await storage.write('basebackups_005/mixed/tar_partitions/part_002.tar.lz4', foreign(fromBytes(madeBytes(90_000))));
    const backups = ['mixed', 'chosen'];
    expect(told(await check(storage, { backups })).problems).toEqual([]);
    const result = await check(storage, { backups, all: true, chosen: 'chosen' });
    expect(told(result).problems).toEqual(['backup "mixed" cannot be decrypted with the keys that are set']);
    expect(result.groups.map(({ name, counts }) => [name, Object.fromEntries(counts)])).toEqual([
      ['mixed', { readable: 2, otherKey: 1 }],
      ['chosen', { readable: 2 }],
      ['wal_005', { readable: 2 }],
    ]);
    expect(result.groups[1]?.examples.map(({ whole }) => whole)).toEqual([true, true]);
  });

  it('looks at nothing but the backup it is given and the log', async () => {
    const storage = faultyStorage(await archive({ old: oldKey, good: newKey }), () => undefined);
    const result = await check(storage, { backups: ['good'], write: false });
    expect(result.groups.map(({ name }) => name)).toEqual(['good', 'wal_005']);
    expect(storage.calls.map(({ key }) => key)).not.toContain('basebackups_005');
    expect(storage.calls.filter(({ verb }) => verb !== 'read' && verb !== 'list')).toEqual([]);
  });
});

it('names a few of many backups', async () => {
  const names = Array.from({ length: 9 }, (_one, index) => `backup${index}`);
  const storage = await archive(Object.fromEntries(names.map((name) => [name, oldKey])));
  const { problems } = told(await check(storage, { backups: names }));
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(/^backup "backup0" .*with backup "backup1", backup "backup2", backup "backup3", 6 more$/);
});

describe('keys that are not what they should be', () => {
  it('prove nothing when they are public, unless objects are for others', async () => {
    const crypter = madeCrypter({ encrypts: 'N', decrypts: '' });
    const storage = await archive({ ours: newKey });
    const result = await check(storage, { crypter, backups: ['ours'] });
    expect(result.keys).toMatchObject({ inMemory: { kind: 'half' }, throughStorage: { kind: 'half' } });
    expect(told(result)).toMatchObject({
      kind: undefined,
      warnings: [expect.stringContaining('nothing here decrypts')],
    });
    const other = await check(await archive({ theirs: oldKey }), { crypter, backups: ['theirs'] });
    expect(told(other).kind).toBe('forbidden');
  });

  it('fail the check when they are locked', async () => {
    const crypter = madeCrypter({
      encrypts: 'N',
      decrypts: '',
      facts: { locked: true, remark: 'it is locked, and no passphrase is set' },
    });
    const result = told(await check(createMemoryStorage(), { crypter }));
    expect(result).toEqual({
      kind: 'forbidden',
      problems: ['the private key N is here and decrypts nothing: it is locked, and no passphrase is set'],
      warnings: [],
    });
  });

  it('fail the check when they do not encrypt, or not what they decrypt', async () => {
    const none = await check(createMemoryStorage(), { crypter: madeCrypter({ encrypts: '', decrypts: 'N' }) });
    expect(told(none)).toMatchObject({ kind: 'config', problems: [expect.stringContaining('no key encrypts')] });
    expect(none.keys?.throughStorage, 'not worth trying').toBeUndefined();
    const halves = await check(createMemoryStorage(), { crypter: madeCrypter({ encrypts: 'A', decrypts: 'B' }) });
    expect(told(halves).kind).toBe('forbidden');
    const decrypt: Crypter['decrypt'] = () => fromBytes(Buffer.alloc(100_000));
    const liar = await check(createMemoryStorage(), { crypter: { ...newKey, decrypt } });
    expect(told(liar).kind).toBe('corrupt');
  });

  it.each([
    ['2026-12-05T12:00:00Z', 'key N expires on 2026-12-05: in 14 days pushing will fail'],
    ['2026-11-01T12:00:00Z', 'key N expired on 2026-11-01'],
    ['2027-11-01T12:00:00Z', undefined],
  ])('are told when their time is over on %s', async (time, warning) => {
    const crypter = madeCrypter({ encrypts: 'N', decrypts: 'N', facts: { expires: new Date(time) } });
    expect(told(await check(createMemoryStorage(), { crypter })).warnings).toEqual(
      warning === undefined ? [] : [warning],
    );
  });
});

describe('the round trip through the storage', () => {
  it('tells what the storage said, and removes what it wrote', async () => {
    const inner = createMemoryStorage();
    const refusing = faultyStorage(inner, ({ verb }) =>
      verb === 'write' ? { error: new StorageForbiddenError('read only') } : undefined,
    );
    expect(told(await check(refusing))).toMatchObject({
      kind: 'forbidden',
      problems: ['an encrypted object did not come back from the storage: read only'],
    });
    const unreadable = faultyStorage(inner, ({ verb }) =>
      verb === 'read' ? { error: new CorruptError('bad disk') } : undefined,
    );
    expect(told(await check(unreadable)).kind).toBe('corrupt');
    expect(await keysOf(inner)).toEqual([]);
  });

  it('warns of an object that it could not remove', async () => {
    const logger = recordingLogger();
    const clinging = faultyStorage(createMemoryStorage(), ({ verb }) => (verb === 'delete' ? {} : undefined));
    expect(told(await check(clinging, { logger })).kind).toBeUndefined();
    expect(logger.records).toMatchObject([
      { level: 'warn', fields: { key: expect.stringMatching(/^walvault_key_check_/) as string } },
    ]);
  });
});
