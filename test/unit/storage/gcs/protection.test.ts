import { expect, it } from 'vitest';
import { rawSettings } from '../../../../src/config/setting.ts';
import { silentLogger } from '../../../../src/platform/logger.ts';
import { gcsConfig } from '../../../../src/storage/gcs/config.ts';
import { bucketProtection } from '../../../../src/storage/gcs/protection.ts';
import { GcsRequests } from '../../../../src/storage/gcs/requests.ts';
import type { Protection } from '../../../../src/storage/storage.ts';
import { fakeClock } from '../../../../testtools/fake-clock.ts';
import { scriptedHttp } from '../../../../testtools/scripted-http.ts';

async function protection(status: number, body: string): Promise<{ readonly found: Protection; readonly url: string }> {
  const http = scriptedHttp(() => ({ status, body }));
  const settings = { WALG_GS_PREFIX: 'gs://box/a', STORAGE_EMULATOR_HOST: 'http://gcs.test', GCS_MAX_RETRIES: '0' };
  const config = gcsConfig(rawSettings(settings), { logger: silentLogger });
  const clock = fakeClock();
  const requests = new GcsRequests({ config, http, credentials: undefined, logger: silentLogger, clock });
  const found = await bucketProtection(requests);
  return { found, url: http.requests[0]?.url.pathname ?? '' };
}

it.each<[number, object, Protection]>([
  [200, {}, { versions: 'off', lock: 'off' }],
  [200, { versioning: { enabled: true } }, { versions: 'on', lock: 'off' }],
  [200, { objectRetention: { mode: 'Enabled' } }, { versions: 'off', lock: 'on demand' }],
  [
    200,
    { retentionPolicy: { retentionPeriod: '86400', isLocked: true } },
    { versions: 'off', lock: 'always', lockText: '86400 seconds' },
  ],
  [200, { defaultEventBasedHold: true }, { versions: 'off', lock: 'always' }],
  [403, { error: { message: 'no' } }, {}],
])('a bucket that answers %i %j', async (status, body, expected) => {
  const { found, url } = await protection(status, JSON.stringify(body));
  expect(found).toEqual(expected);
  expect(url).toBe('/storage/v1/b/box');
});

it('is an error where nobody answers', async () => {
  await expect(protection(503, '')).rejects.toMatchObject({ kind: 'unavailable' });
});
