import { afterEach, describe, expect, it, vi } from 'vitest';
import { rawSettings } from '../../../../src/config/setting.ts';
import { NetworkError, type HttpRequest } from '../../../../src/network/http.ts';
import { silentLogger } from '../../../../src/platform/logger.ts';
import { ObjectNotFoundError, StorageForbiddenError, StorageUnavailableError } from '../../../../src/storage/errors.ts';
import { gcsConfig } from '../../../../src/storage/gcs/config.ts';
import { GcsStorage } from '../../../../src/storage/gcs/gcs-storage.ts';
import { GcsRequests } from '../../../../src/storage/gcs/requests.ts';
import { createUploadBuffers } from '../../../../src/storage/upload-buffers.ts';
import { fakeClock } from '../../../../testtools/fake-clock.ts';
import { scriptedHttp, type ScriptedAnswer } from '../../../../testtools/scripted-http.ts';

const key = Buffer.alloc(32, 1).toString('base64');
const broken = new NetworkError('the network is gone', 'ECONNRESET');

/** A storage for `gs://box/a`, let in by a token. */
function rig(
  script: (request: HttpRequest, count: number) => ScriptedAnswer,
  more: Readonly<Record<string, string>> = {},
) {
  const settings = { WALG_GS_PREFIX: 'gs://box/a', GCS_ENDPOINT: 'https://gcs.test/x', GCS_MAX_RETRIES: '3' };
  const config = gcsConfig(rawSettings({ ...settings, ...more }), { logger: silentLogger });
  const http = scriptedHttp(script);
  const clock = fakeClock();
  const credentials = { get: () => Promise.resolve({ authorization: 'Bearer token' }), renew: () => undefined };
  const requests = new GcsRequests({ config, http, credentials, logger: silentLogger, clock });
  return { storage: new GcsStorage(requests, createUploadBuffers(1 << 20)), http, clock };
}

const done = { status: 204 };

function refusal(status: number, reason: string): ScriptedAnswer {
  return { status, body: JSON.stringify({ error: { code: status, message: reason, errors: [{ reason }] } }) };
}

function round(rewriteToken?: string): ScriptedAnswer {
  const told = { done: rewriteToken === undefined, ...(rewriteToken !== undefined && { rewriteToken }) };
  return { status: 200, body: JSON.stringify({ kind: 'storage#rewriteResponse', ...told }) };
}

describe('what Google’s client says', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it('is sent as every other request, wherever the environment would send it', async () => {
    vi.stubEnv('STORAGE_EMULATOR_HOST', 'http://elsewhere.test');
    vi.stubEnv('FUNCTION_NAME', 'f');
    const { storage, http } = rig(({ method }) => (method === 'POST' ? round() : done), { GCS_ENCRYPTION_KEY: key });
    await storage.copy('f/b & c', 'd+e %:f');
    await storage.delete(['f/b & c']);
    const customerKey = (kind: string): object => ({
      [`x-goog-${kind}encryption-algorithm`]: 'AES256',
      [`x-goog-${kind}encryption-key`]: key,
      [`x-goog-${kind}encryption-key-sha256`]: expect.any(String) as string,
    });
    const objects = 'https://gcs.test/x/storage/v1/b/box/o';
    const authorization = 'Bearer token';
    expect(http.requests.map(({ method, url, headers, body }) => [method, String(url), headers, body])).toEqual([
      [
        'POST',
        `${objects}/a%2Ff%2Fb%20%26%20c/rewriteTo/b/box/o/a%2Fd%2Be%20%25%3Af`,
        { authorization, ...customerKey(''), ...customerKey('copy-source-') },
        [],
      ],
      ['DELETE', `${objects}/a%2Ff%2Fb%20%26%20c`, { authorization }, undefined],
    ]);
  });

  it('copies in as many rounds as it takes, none of which describes the object anew', async () => {
    const { storage, http } = rig((_, count) => round(count < 2 ? `token ${count}` : undefined));
    await storage.copy('b', 'c');
    expect(http.requests.map(({ url }) => url.searchParams.get('rewriteToken'))).toEqual([null, 'token 0', 'token 1']);
    expect(http.requests.map(({ body }) => body)).toEqual([[], [], []]);
  });

  it('is not taken for a copy where the answer tells of none', async () => {
    const { storage } = rig(() => ({ status: 200, body: '{}' }));
    await expect(storage.copy('b', 'c')).rejects.toThrow(StorageUnavailableError);
    const missing = rig(() => refusal(404, 'notFound'));
    await expect(missing.storage.copy('b', 'c')).rejects.toThrow(ObjectNotFoundError);
  });

  it('is repeated by us alone, and ends with our errors', async () => {
    const fine = rig((_, count) => (count < 3 ? refusal(503, 'backendError') : done));
    await fine.storage.delete(['b']);
    expect([fine.http.requests.length, fine.clock.sleeps.length]).toEqual([4, 3]);

    for (const failure of [refusal(503, 'backendError'), refusal(429, 'rateLimitExceeded'), broken]) {
      const { storage, http } = rig(() => failure);
      await expect(storage.delete(['b'])).rejects.toMatchObject({ kind: 'unavailable', repeated: true });
      expect(http.requests).toHaveLength(4);
    }
    const refused = rig(() => refusal(403, 'forbidden'));
    await expect(refused.storage.delete(['b'])).rejects.toThrow(StorageForbiddenError);
    expect(refused.http.requests).toHaveLength(1);
    await rig(() => refusal(404, 'notFound')).storage.delete(['b']);
  });

  it('takes no error that comes with a status of success', async () => {
    const { storage, http } = rig((_, count) => (count === 0 ? { status: 200, body: '<html>Welcome</html>' } : done));
    await storage.delete(['b']);
    expect(http.requests).toHaveLength(2);
  });

  it('ends at once with the reason when it is called off', async () => {
    const controller = new AbortController();
    const reason = new Error('called off');
    const { storage, http } = rig(() => {
      controller.abort(reason);
      return round('more');
    });
    await expect(storage.copy('b', 'c', { signal: controller.signal })).rejects.toBe(reason);
    expect(http.requests).toHaveLength(1);
  });
});
