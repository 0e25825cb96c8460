import { describe, expect, it } from 'vitest';
import { rawSettings } from '../../../src/config/setting.ts';
import { placeOf, settingsOfMember, storageMap, storageNamed } from '../../../src/storage/named-storages.ts';

function parse(value: unknown): unknown {
  return storageMap.parse(JSON.stringify(value));
}

describe('a map of storages', () => {
  it('has names in lower case and settings in upper case', () => {
    expect(parse({ TEST_Storage: { walg_file_prefix: '/a', AWS_REGION: 'x', S3_RANGE_MAX_RETRIES: 3 } })).toEqual(
      new Map([
        [
          'test_storage',
          new Map([
            ['WALG_FILE_PREFIX', '/a'],
            ['AWS_REGION', 'x'],
            ['S3_RANGE_MAX_RETRIES', '3'],
          ]),
        ],
      ]),
    );
  });

  it('is refused when a name or a storage cannot be', () => {
    const storage = { WALG_FILE_PREFIX: '/a' };
    for (const wrong of [
      null,
      [],
      'x',
      { default: storage },
      { ALL: storage },
      { a: storage, A: storage },
      { '': storage },
      { 'a b': storage },
      { a: null },
      { a: {} },
      { a: { AWS_REGION: 'x' } },
      { a: { ...storage, AWS_REGION: { x: 1 } } },
    ]) {
      expect(() => parse(wrong), JSON.stringify(wrong)).toThrow();
    }
  });
});

describe('the settings of a storage among several', () => {
  const raw = rawSettings({
    WALG_S3_PREFIX: 's3://primary',
    WALG_S3_SSE: 'AES256',
    AWS_REGION: 'everywhere',
    AWS_ENDPOINT: 'of the primary',
    WALG_STORAGE_PREFIX: 'folder',
    WALG_MEMORY_LIMIT: '64mb',
  });
  const own = new Map([
    ['WALG_FILE_PREFIX', '/a'],
    ['AWS_ENDPOINT', 'of its own'],
    ['WALG_STORAGE_PREFIX', 'ignored'],
  ]);

  it('are its own, and of the others those without a prefix', () => {
    const settings = settingsOfMember(raw, own);
    const textOf = (name: string): string | undefined => settings.get(name)?.text;
    expect(textOf('WALG_FILE_PREFIX')).toBe('/a');
    expect(textOf('WALG_S3_PREFIX')).toBeUndefined();
    expect(textOf('WALG_S3_SSE')).toBeUndefined();
    expect(textOf('AWS_REGION')).toBe('everywhere');
    expect(textOf('AWS_ENDPOINT')).toBe('of its own');
    expect(textOf('WALG_STORAGE_PREFIX')).toBe('folder');
    expect(textOf('WALG_MEMORY_LIMIT')).toBe('64mb');
    expect(settings.toEnvironment()).toMatchObject({ WALG_FILE_PREFIX: '/a', AWS_ENDPOINT: 'of its own' });
    expect(settings.toEnvironment()).not.toHaveProperty('WALG_S3_PREFIX');
  });

  it('tell where it is', () => {
    expect(placeOf(raw)).toBe('s3://primary of the primary folder');
    expect(placeOf(settingsOfMember(raw, own))).toBe('/a of its own folder');
  });
});

it('a storage is found by its name in any case, and refused with the names that there are', () => {
  const storages = [{ name: 'default' }, { name: 'disk' }];
  expect(storageNamed('DISK', storages)).toBe(storages[1]);
  expect(() => storageNamed('other', storages)).toThrow(
    expect.objectContaining({ kind: 'config', message: 'unknown storage: "other"' }),
  );
});
