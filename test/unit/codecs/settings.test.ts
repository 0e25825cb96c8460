import { describe, expect, it } from 'vitest';
import { chosenCompression } from '../../../src/codecs/settings.ts';
import { rawSettings, SettingError } from '../../../src/config/setting.ts';

function chosen(values: Readonly<Record<string, string>>) {
  return chosenCompression(rawSettings(values));
}

describe('the compression method', () => {
  it('is lz4 when nothing is set, also when it is set to nothing', () => {
    expect(chosen({})).toEqual({ method: 'lz4', level: undefined });
    expect(chosen({ WALG_COMPRESSION_METHOD: '' }).method).toBe('lz4');
  });

  it.each(['lz4', 'lzma', 'brotli', 'zstd', 'none'])('may be %s', (method) => {
    expect(chosen({ WALG_COMPRESSION_METHOD: method })).toEqual({ method, level: undefined });
  });

  it.each(['LZ4', 'gzip', 'zst', 'br', 'lzo'])('may not be %s', (method) => {
    expect(() => chosen({ WALG_COMPRESSION_METHOD: method })).toThrow(SettingError);
  });
});

describe('the level of zstd by name', () => {
  it.each([
    ['fastest', 1],
    ['default', 3],
    ['BETTER', 7],
    ['Best', 11],
  ])('%s is %i', (name, level) => {
    expect(chosen({ WALG_COMPRESSION_METHOD: 'zstd', WALG_ZSTD_LEVEL: name }).level).toBe(level);
  });

  it('is refused with other methods, when it is no name, and beside a level by number', () => {
    expect(() => chosen({ WALG_ZSTD_LEVEL: 'best' })).toThrow(/WALG_ZSTD_LEVEL is set/);
    expect(() => chosen({ WALG_COMPRESSION_METHOD: 'zstd', WALG_ZSTD_LEVEL: '3' })).toThrow(SettingError);
    expect(() =>
      chosen({ WALG_COMPRESSION_METHOD: 'zstd', WALG_ZSTD_LEVEL: 'best', WALG_COMPRESSION_LEVEL: '3' }),
    ).toThrow(/both set/);
  });
});

describe('the level by number', () => {
  it.each([
    ['zstd', [1, 3, 22], [0, 23, -1]],
    ['brotli', [0, 11], [12]],
    ['lzma', [0, 9], [10]],
  ])('of %s has its range', (method, good, bad) => {
    const of = (level: number) =>
      chosen({ WALG_COMPRESSION_METHOD: method, WALG_COMPRESSION_LEVEL: String(level) }).level;
    for (const level of good) expect(of(level)).toBe(level);
    for (const level of bad)
      expect(() => of(level), String(level)).toThrow(expect.objectContaining({ kind: 'config' }));
  });

  it.each(['lz4', 'none'])('is refused with %s, which has none', (method) => {
    expect(() => chosen({ WALG_COMPRESSION_METHOD: method, WALG_COMPRESSION_LEVEL: '1' })).toThrow(
      `WALG_COMPRESSION_LEVEL is set, but "${method}" has no levels`,
    );
  });
});
