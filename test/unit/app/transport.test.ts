import { describe, expect, it } from 'vitest';
import { openTransport } from '../../../src/app/transport.ts';
import { collect, fromBytes } from '../../../src/bytes/stage.ts';
import { rawSettings } from '../../../src/config/setting.ts';
import { ArchiverError } from '../../../src/errors.ts';
import { readDecoded } from '../../../src/pipeline/transport.ts';
import { pushObject } from '../../../src/pipeline/push-object.ts';
import { silentLogger } from '../../../src/platform/logger.ts';
import { recordingLogger } from '../../../testtools/recording-logger.ts';
import { temporaryDirectory } from '../../../testtools/temp.ts';

const logger = silentLogger;

describe('a transport', () => {
  it.each([
    [{}, 'x.tar.lz4'],
    [{ WALG_COMPRESSION_METHOD: 'zstd', WALG_ZSTD_LEVEL: 'best' }, 'x.tar.zst'],
    [{ WALG_COMPRESSION_METHOD: 'brotli', WALG_COMPRESSION_LEVEL: '0' }, 'x.tar.br'],
    [{ WALG_COMPRESSION_METHOD: 'none' }, 'x.tar'],
  ])('stores with the codec of the settings %o and reads it back', async (settings, expected) => {
    await using directory = await temporaryDirectory();
    const raw = rawSettings({ WALG_FILE_PREFIX: directory.path, WALG_STORAGE_PREFIX: 'a/b', ...settings });
    await using transport = await openTransport(raw, { logger, purpose: 'write' });
    const { key } = await pushObject(transport, 'x.tar', () => fromBytes(Buffer.from('hello')));
    expect(key).toBe(expected);
    expect((await collect(await readDecoded(transport, key))).toString()).toBe('hello');
  });

  it('is refused when a key is set that is not there, whatever else is', async () => {
    const raw = rawSettings({ WALG_FILE_PREFIX: '/nonexistent', WALG_PGP_KEY_PATH: '/nonexistent/key' });
    await expect(openTransport(raw, { logger, purpose: 'write' })).rejects.toBeInstanceOf(ArchiverError);
  });

  it.each([
    { WALG_COMPRESSION_METHOD: 'gzip' },
    { WALG_ZSTD_LEVEL: 'best' },
    { WALG_COMPRESSION_METHOD: 'zstd', WALG_COMPRESSION_LEVEL: '99' },
  ])('with %o is refused for writing; for reading it is told once, and writing fails', async (settings) => {
    await using directory = await temporaryDirectory();
    const raw = rawSettings({ WALG_FILE_PREFIX: directory.path, ...settings });
    await expect(openTransport(raw, { logger, purpose: 'write' })).rejects.toMatchObject({ kind: 'config' });

    const recording = recordingLogger();
    await using transport = await openTransport(raw, { logger: recording, purpose: 'read' });
    expect(recording.records).toHaveLength(1);
    await transport.storage.write('x', fromBytes(Buffer.from('hello')));
    expect((await collect(await readDecoded(transport, 'x'))).toString()).toBe('hello');
    const pushed = pushObject(transport, 'y', () => fromBytes(Buffer.from('hello')));
    await expect(pushed).rejects.toMatchObject({ kind: 'config' });
    expect(await transport.storage.stat('y.lz4')).toBeUndefined();
  });
});
