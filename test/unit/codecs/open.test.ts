import { describe, expect, it } from 'vitest';
import type { CodecName } from '../../../src/codecs/codec.ts';
import { codecForKey, openCodec, readableExtensions } from '../../../src/codecs/open.ts';

describe('the codec of an object', () => {
  it.each([
    ['basebackups_005/base_000000010000000000000002/tar_partitions/part_001.tar.lz4', 'lz4'],
    ['wal_005/000000010000000000000001.lz4', 'lz4'],
    ['wal_005/000000010000000000000002.00000028.backup.lz4', 'lz4'],
    ['wal_005/00000002.history.lz4', 'lz4'],
    ['wal_005/00000001000000000000000A.partial.lz4', 'lz4'],
    ['part_001.tar', 'none'],
    ['wal_005/000000010000000000000001', 'none'],
    ['wal_005/00000002.history', 'none'],
    ['wal_005/00000001000000000000000A.partial', 'none'],
    ['wal_005/000000010000000000000002.00000028.backup', 'none'],
    ['folder.lz4/000000010000000000000001', 'none'],
    ['lz4', 'none'],
    ['folder/lz4', 'none'],
    ['part_001.tar.LZ4', 'none'],
    ['mysql-bin.000001', 'none'],
    ['', 'none'],
  ])('of "%s" is %s', async (key, name) => {
    expect((await codecForKey(key)).extension).toBe(name === 'none' ? '' : name);
  });

  it.each(['br', 'zst', 'lzma', 'gz', 'lzo'])('of a .%s object is that of its suffix', async (suffix) => {
    expect((await codecForKey(`wal_005/000000010000000000000001.${suffix}`)).extension).toBe(suffix);
  });
});

describe('openCodec', () => {
  it('knows the suffixes that objects are written with', async () => {
    expect((await openCodec('lz4')).extension).toBe('lz4');
    expect((await openCodec('none')).extension).toBe('');
    expect(readableExtensions).toContain('lz4');
  });

  it.each<[CodecName, string]>([
    ['lzma', 'lzma'],
    ['brotli', 'br'],
    ['zstd', 'zst'],
  ])('opens %s with the suffix .%s', async (name, extension) => {
    expect(await openCodec(name)).toMatchObject({ name, extension });
  });
});
