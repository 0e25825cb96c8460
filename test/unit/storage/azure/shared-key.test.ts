import { BlobServiceClient, newPipeline, StorageSharedKeyCredential, type WebResource } from '@azure/storage-blob';
import { describe, expect, it } from 'vitest';
import { sharedKeyAuthorization } from '../../../../src/storage/azure/shared-key.ts';

const account = 'someaccount';
const key = Buffer.from('a key that is not one');

/** What the vendor's library sends. */
async function sentBy(act: (service: BlobServiceClient) => Promise<unknown>): Promise<WebResource> {
  let sent: WebResource | undefined;
  const credential = new StorageSharedKeyCredential(account, key.toString('base64'));
  const pipeline = newPipeline(credential, {
    retryOptions: { maxTries: 1 },
    httpClient: {
      sendRequest(request) {
        sent = request;
        return Promise.reject(new Error('enough'));
      },
    },
  });
  await expect(act(new BlobServiceClient('https://someaccount.blob.core.windows.net', pipeline))).rejects.toThrow(
    'enough',
  );
  if (sent === undefined) throw new Error('nothing was sent');
  return sent;
}

const container = 'some-container';
const requests: readonly [string, (service: BlobServiceClient) => Promise<unknown>][] = [
  [
    'a blob',
    (service) =>
      service
        .getContainerClient(container)
        .getBlockBlobClient("f/a b+c&d=e?#%20'()!*/ünï")
        .upload('hello', 5, {
          conditions: { ifNoneMatch: '*' },
          metadata: { walvaultwrite: 'x y' },
          blobHTTPHeaders: { blobContentType: 'text/plain' },
        }),
  ],
  [
    'a block',
    (service) =>
      service
        .getContainerClient(container)
        .getBlockBlobClient('a')
        .stageBlock('AAAA/+A=', 'x', 1, { transactionalContentMD5: Buffer.alloc(16, 3) }),
  ],
  [
    'a list of blocks',
    (service) => service.getContainerClient(container).getBlockBlobClient('a').commitBlockList(['AAAA', 'BBBB']),
  ],
  [
    'a range',
    (service) =>
      service
        .getContainerClient(container)
        .getBlobClient('a')
        .download(5, 10, { conditions: { ifMatch: '"0x1"' } }),
  ],
  ['a head', (service) => service.getContainerClient(container).getBlobClient('a').getProperties()],
  [
    'a deletion',
    (service) => service.getContainerClient(container).getBlobClient('a').delete({ deleteSnapshots: 'include' }),
  ],
  [
    'a copy',
    (service) =>
      service
        .getContainerClient(container)
        .getBlobClient('b')
        .beginCopyFromURL('https://someaccount.blob.core.windows.net/some-container/a%20b', {
          sourceConditions: { ifMatch: '"0x2"' },
        }),
  ],
  [
    'a listing',
    (service) =>
      service
        .getContainerClient(container)
        .listBlobsByHierarchy('/', { prefix: 'a b/ü&' })
        .byPage({ continuationToken: 'some!marker=', maxPageSize: 7 })
        .next(),
  ],
];

describe('signing with the key of an account', () => {
  it.each(requests)('does with %s what the vendor does', async (_, act) => {
    const sent = await sentBy(act);
    const all = Object.fromEntries(sent.headers.headersArray().map(({ name, value }) => [name.toLowerCase(), value]));
    const { authorization, ...headers } = all;
    expect(authorization).toMatch(/^SharedKey someaccount:/);
    const url = new URL(sent.url);
    expect(sharedKeyAuthorization({ method: sent.method, url, headers }, account, key)).toBe(authorization);
  });
});
