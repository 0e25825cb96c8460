import { describe, expect, it } from 'vitest';
import { openTransport } from '../../../src/app/transport.ts';
import { collect, fromBytes } from '../../../src/bytes/stage.ts';
import { rawSettings } from '../../../src/config/setting.ts';
import { readDecoded } from '../../../src/pipeline/transport.ts';
import { pushObject } from '../../../src/pipeline/push-object.ts';
import { silentLogger } from '../../../src/platform/logger.ts';
import { temporaryDirectory } from '../../../testtools/temp.ts';

describe('a transport', () => {
  it('stores with the codec of the settings and reads it back', async () => {
    await using directory = await temporaryDirectory();
    const raw = rawSettings({ WALG_FILE_PREFIX: directory.path, WALG_STORAGE_PREFIX: 'a/b' });
    await using transport = await openTransport(raw, { logger: silentLogger });
    const { key } = await pushObject(transport, 'x.tar', () => fromBytes(Buffer.from('hello')));
    expect(key).toBe('x.tar.lz4');
    expect((await collect(await readDecoded(transport, key))).toString()).toBe('hello');
  });

  it('is refused when a key is set, whatever else is', async () => {
    const raw = rawSettings({ WALG_FILE_PREFIX: '/nonexistent', WALG_PGP_KEY_PATH: '/k' });
    await expect(openTransport(raw, { logger: silentLogger })).rejects.toMatchObject({ kind: 'config' });
  });
});
