/** Settings of compression. */
import { integer, oneOf } from '../config/parsers.ts';
import { optionalSetting, readSettings, setting, type Parser, type RawSettings } from '../config/setting.ts';
import { ArchiverError } from '../errors.ts';
import type { CodecName } from './codec.ts';

const zstdLevels = { fastest: 1, default: 3, better: 7, best: 11 } as const;
type ZstdLevel = keyof typeof zstdLevels;

const levels = oneOf('fastest', 'default', 'better', 'best');
const zstdLevel: Parser<ZstdLevel> = { ...levels, parse: (text) => levels.parse(text.toLowerCase()) };

/** The levels of a method, from quick to small; undefined: it has none. */
const levelsOf: Readonly<Record<CodecName, readonly [min: number, max: number] | undefined>> = {
  lz4: undefined,
  lzma: [0, 9],
  brotli: [0, 11],
  zstd: [1, 22],
  none: undefined,
};

const onlyForWriting = { whenUsed: true } as const;

/** How new objects are compressed. Reading goes by the suffix of the object. */
export const compressionSettings = {
  method: setting(
    'WALG_COMPRESSION_METHOD',
    oneOf('lz4', 'lzma', 'brotli', 'zstd', 'none'),
    'lz4',
    'How new objects are compressed; any kind is read, whatever this says.',
    onlyForWriting,
  ),
  level: optionalSetting(
    'WALG_COMPRESSION_LEVEL',
    integer({ min: 0, max: 22 }),
    'How much work a small object is worth: zstd 1 to 22, brotli 0 to 11, lzma 0 to 9. Unset: the level of WAL-G or one like it. lz4 and none have no levels.',
    onlyForWriting,
  ),
  zstdLevel: optionalSetting(
    'WALG_ZSTD_LEVEL',
    zstdLevel,
    'WAL-G’s names for the levels 1, 3, 7 and 11 of zstd; an error with another method.',
    onlyForWriting,
  ),
};

/** How to compress, as the settings say. */
export interface CompressionChoice {
  readonly method: CodecName;
  /** Undefined: the method's own default. */
  readonly level: number | undefined;
}

/**
 * The method and level to write with.
 *
 * @throws ArchiverError (kind `config`) when a setting is invalid or doesn't fit the method
 */
export function chosenCompression(raw: RawSettings): CompressionChoice {
  const { method, level, zstdLevel: named } = readSettings(compressionSettings, raw);
  if (named !== undefined && method !== 'zstd') {
    throw new ArchiverError('config', `WALG_ZSTD_LEVEL is set, but WALG_COMPRESSION_METHOD is "${method}"`, {
      hint: 'Remove WALG_ZSTD_LEVEL, or set WALG_COMPRESSION_METHOD=zstd.',
    });
  }
  if (named !== undefined && level !== undefined) {
    throw new ArchiverError('config', 'WALG_ZSTD_LEVEL and WALG_COMPRESSION_LEVEL are both set', {
      hint: 'Remove one of them.',
    });
  }
  if (level !== undefined) checkLevel(method, level);
  return { method, level: named === undefined ? level : zstdLevels[named] };
}

function checkLevel(method: CodecName, level: number): void {
  const range = levelsOf[method];
  if (range === undefined) {
    throw new ArchiverError('config', `WALG_COMPRESSION_LEVEL is set, but "${method}" has no levels`, {
      hint: 'Remove WALG_COMPRESSION_LEVEL, or set WALG_COMPRESSION_METHOD to zstd, brotli or lzma.',
    });
  }
  const [min, max] = range;
  if (level >= min && level <= max) return;
  throw new ArchiverError('config', `${method} has no level ${level}`, {
    hint: `Set WALG_COMPRESSION_LEVEL to a number from ${min} to ${max}.`,
  });
}
