import { describe, expect, it } from 'vitest';
import { chosenCodecName } from '../../../src/codecs/settings.ts';
import { rawSettings, SettingError } from '../../../src/config/setting.ts';

describe('the compression method', () => {
  it('is lz4 when nothing is set, also when it is set to nothing', () => {
    expect(chosenCodecName(rawSettings({}))).toBe('lz4');
    expect(chosenCodecName(rawSettings({ WALG_COMPRESSION_METHOD: '' }))).toBe('lz4');
  });

  it.each(['lz4', 'lzma', 'brotli', 'zstd', 'none'])('may be %s', (method) => {
    expect(chosenCodecName(rawSettings({ WALG_COMPRESSION_METHOD: method }))).toBe(method);
  });

  it.each(['LZ4', 'gzip', 'zst', 'br'])('may not be %s', (method) => {
    expect(() => chosenCodecName(rawSettings({ WALG_COMPRESSION_METHOD: method }))).toThrow(SettingError);
  });

  it('takes a zstd level in any case with zstd, and with no other method', () => {
    expect(chosenCodecName(rawSettings({ WALG_COMPRESSION_METHOD: 'zstd', WALG_ZSTD_LEVEL: 'Best' }))).toBe('zstd');
    expect(() => chosenCodecName(rawSettings({ WALG_ZSTD_LEVEL: 'best' }))).toThrow(/WALG_ZSTD_LEVEL is set/);
    expect(() => chosenCodecName(rawSettings({ WALG_COMPRESSION_METHOD: 'zstd', WALG_ZSTD_LEVEL: '3' }))).toThrow(
      SettingError,
    );
  });
});
