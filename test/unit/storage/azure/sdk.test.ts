import { afterEach, describe, expect, it, vi } from 'vitest';
import { NetworkError, type HttpRequest } from '../../../../src/network/http.ts';
import { StorageForbiddenError, StorageUnavailableError } from '../../../../src/storage/errors.ts';
import { azureRig, refusal } from '../../../../testtools/azure-storage.ts';
import type { ScriptedAnswer } from '../../../../testtools/scripted-http.ts';

const done = { status: 202 };
const broken = new NetworkError('the network is gone', 'ECONNRESET');

/** Without what differs each time. */
function shown({ method, url, headers }: HttpRequest): object {
  const { 'x-ms-date': date, authorization, ...others } = headers;
  return { method, url: String(url), headers: others, isSigned: `${date} ${authorization}`.includes('SharedKey acc:') };
}

/** The answers to the requests of a copy. */
function copied(status: string): ScriptedAnswer {
  return { status: 202, headers: { 'x-ms-copy-id': '1', 'x-ms-copy-status': status } };
}

describe('what the SDK of Azure says', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it('is sent as every other request, with the version of the settings', async () => {
    vi.stubEnv('HTTPS_PROXY', 'http://elsewhere.test');
    const { storage, http } = azureRig(
      (_, count) => [{ status: 200, headers: { etag: '"1"' } }, copied('success')][count] ?? done,
      {
        settings: { AZURE_BLOB_STORE_API_VERSION: '2019-12-12' },
      },
    );
    await storage.copy('f/b & c', 'd+e %');
    await storage.delete(['f/b & c']);
    const start = 'https://acc.blob.core.windows.net/box/a';
    const version = { 'x-ms-version': '2019-12-12' };
    expect(http.requests.slice(1).map(shown)).toEqual([
      {
        method: 'PUT',
        url: `${start}/d%2Be%20%25`,
        headers: {
          ...version,
          'content-length': '0',
          'x-ms-copy-source': `${start}/f/b%20%26%20c`,
          'x-ms-source-if-match': '"1"',
        },
        isSigned: true,
      },
      {
        method: 'DELETE',
        url: `${start}/f/b%20%26%20c`,
        headers: { ...version, 'x-ms-delete-snapshots': 'include' },
        isSigned: true,
      },
    ]);
  });

  it('is repeated by us alone, and ends with our errors', async () => {
    const fine = azureRig((_, count) => (count < 3 ? refusal(503, 'ServerBusy') : done));
    await fine.storage.delete(['b']);
    expect([fine.http.requests.length, fine.clock.sleeps.length]).toEqual([4, 3]);

    for (const failure of [refusal(503, 'ServerBusy'), broken]) {
      const { storage, http } = azureRig(() => failure);
      await expect(storage.delete(['b'])).rejects.toMatchObject({ kind: 'unavailable', repeated: true });
      expect(http.requests).toHaveLength(4);
    }
    const refused = azureRig(() => refusal(403, 'BlobImmutableDueToPolicy'));
    await expect(refused.storage.delete(['b'])).rejects.toThrow(StorageForbiddenError);
    expect(refused.http.requests).toHaveLength(1);
  });

  it('is no error where there is nothing to delete', async () => {
    const { storage } = azureRig(({ url }) => (url.pathname.endsWith('b') ? refusal(404, 'BlobNotFound') : done));
    await storage.delete(['b', 'c']);
  });

  it('ends at once with the reason when it is called off', async () => {
    const controller = new AbortController();
    const reason = new Error('called off');
    const { storage, http } = azureRig(() => {
      controller.abort(reason);
      return broken;
    });
    await expect(storage.delete(['b', 'c'], { signal: controller.signal })).rejects.toBe(reason);
    expect(http.requests.length).toBeLessThanOrEqual(2);
    await expect(storage.delete(['d'], { signal: controller.signal })).rejects.toBe(reason);
  });

  it('keeps apart the failures of requests at the same time', async () => {
    const { storage } = azureRig(({ url }) => {
      const name = url.pathname.at(-1);
      return name === '1' ? refusal(403, 'AuthorizationFailure') : name === '2' ? refusal(404, 'BlobNotFound') : done;
    });
    const results = await Promise.allSettled(['1', '2', '3'].map((key) => storage.delete([key])));
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
  });

  it('is an error where the answer is of another verb', async () => {
    const { storage } = azureRig(() => ({ status: 204 }));
    await expect(storage.delete(['b'])).rejects.toThrow(StorageUnavailableError);
    await expect(storage.delete(['b'])).rejects.toThrow('cannot delete "b" in azure://box/a: strange answer');
  });
});
