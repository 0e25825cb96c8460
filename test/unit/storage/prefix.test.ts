import { describe, expect, it } from 'vitest';
import { ArchiverError } from '../../../src/errors.ts';
import { silentLogger, type Logger } from '../../../src/platform/logger.ts';
import { parseStoragePrefix } from '../../../src/storage/prefix.ts';

describe('the prefix of a storage', () => {
  it.each([
    ['s3://bucket', 'bucket', ''],
    ['s3://bucket/', 'bucket', ''],
    ['s3://bucket/a/b', 'bucket', 'a/b'],
    ['anything://bucket///a/', 'bucket', 'a'],
    ['gs://bucket/a%20b/100%25', 'bucket', 'a b/100%'],
    ['ssh://host:22/backup', 'host:22', 'backup'],
  ])('%s', (text, authority, path) => {
    expect(parseStoragePrefix(text, 'WALG_S3_PREFIX', silentLogger)).toEqual({ authority, path });
  });

  it('takes slashes in a row for one, and says so', () => {
    const warnings: string[] = [];
    const logger: Logger = { ...silentLogger, warn: (message) => void warnings.push(message) };
    expect(parseStoragePrefix('s3://b/a//c', 'WALG_S3_PREFIX', logger).path).toBe('a/c');
    expect(warnings).toEqual(['slashes in a row count as one']);
    parseStoragePrefix('s3://b//a/c//', 'WALG_S3_PREFIX', logger);
    expect(warnings).toHaveLength(1);
  });

  it.each(['bucket/path', 's3:///path', '://bucket', 's3://', '/path', 's3://b/a?c', 's3://b/a#c', 's3://b/%zz'])(
    'refuses %s',
    (text) => {
      expect(() => parseStoragePrefix(text, 'WALG_S3_PREFIX', silentLogger)).toThrow(ArchiverError);
      expect(() => parseStoragePrefix(text, 'WALG_S3_PREFIX', silentLogger)).toThrow(/WALG_S3_PREFIX/);
    },
  );
});
