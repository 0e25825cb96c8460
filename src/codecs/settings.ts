/** Settings of compression. */
import { oneOf } from '../config/parsers.ts';
import { optionalSetting, readSettings, setting, type Parser, type RawSettings } from '../config/setting.ts';
import { ArchiverError } from '../errors.ts';
import type { CodecName } from './codec.ts';

const levels = oneOf('fastest', 'default', 'better', 'best');
const zstdLevel: Parser<'fastest' | 'default' | 'better' | 'best'> = {
  ...levels,
  parse: (text) => levels.parse(text.toLowerCase()),
};

/** How new objects are compressed. Reading goes by the suffix of the object. */
export const compressionSettings = {
  method: setting(
    'WALG_COMPRESSION_METHOD',
    oneOf('lz4', 'lzma', 'brotli', 'zstd', 'none'),
    'lz4',
    'How new objects are compressed; any kind is read. This version writes lz4 and none.',
  ),
  zstdLevel: optionalSetting('WALG_ZSTD_LEVEL', zstdLevel, 'Level of zstd; an error with another method.'),
};

/**
 * The method to write with.
 *
 * @throws ArchiverError (kind `config`) when a setting is invalid or doesn't fit the method
 */
export function chosenCodecName(raw: RawSettings): CodecName {
  const { method, zstdLevel: level } = readSettings(compressionSettings, raw);
  if (level !== undefined && method !== 'zstd') {
    throw new ArchiverError('config', `WALG_ZSTD_LEVEL is set, but WALG_COMPRESSION_METHOD is "${method}"`, {
      hint: 'Remove WALG_ZSTD_LEVEL, or set WALG_COMPRESSION_METHOD=zstd.',
    });
  }
  return method;
}
