import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { fromBytes } from '../../../../src/bytes/stage.ts';
import { NetworkError } from '../../../../src/network/http.ts';
import { ObjectNotFoundError, StorageUnavailableError } from '../../../../src/storage/errors.ts';
import { azureRig, refusal } from '../../../../testtools/azure-storage.ts';

const head = { status: 200, headers: { 'content-length': '4', 'last-modified': 'Sat, 21 Nov 2026 03:04:58 GMT' } };
const broken = new NetworkError('the network is gone', 'ECONNRESET');

describe('requests to Azure', () => {
  it('are signed, and say which version they speak', async () => {
    const { storage, http } = azureRig(() => head);
    expect(await storage.stat('f/b c')).toEqual({
      kind: 'object',
      key: 'f/b c',
      sizeBytes: 4,
      modified: new Date('2026-11-21T03:04:58Z'),
    });
    const [request] = http.requests;
    expect(request).toMatchObject({
      method: 'HEAD',
      url: new URL('https://acc.blob.core.windows.net/box/a/f/b%20c'),
      headers: {
        'x-ms-version': '2021-12-02',
        authorization: expect.stringMatching(/^SharedKey acc:.{44}$/) as string,
      },
    });
  });

  it('end when they are called off, also while they wait for a token', async () => {
    const settings = { AZURE_STORAGE_ACCESS_KEY: '' };
    const { storage } = azureRig(() => head, { settings, askForToken: () => new Promise(() => undefined) });
    const signal = AbortSignal.timeout(50);
    await expect(storage.stat('b', { signal })).rejects.toMatchObject({ name: 'TimeoutError' });
  });

  it.each([
    ['an error', refusal(200, 'InternalError')],
    ['a page of something in between', { status: 200, body: '<html>Welcome</html>' }],
  ])('take no status of success for one that comes with %s', async (_, wrong) => {
    const writing = azureRig((__, count) => (count === 0 ? wrong : { status: 201 }));
    await writing.storage.write('a', fromBytes(Buffer.from('x')));
    expect(writing.http.requests).toHaveLength(2);
    const deleting = azureRig((__, count) => (count === 0 ? wrong : { status: 202 }));
    await deleting.storage.delete(['a']);
    expect(deleting.http.requests).toHaveLength(2);
  });

  it.each([
    broken,
    refusal(500, 'InternalError'),
    refusal(503, 'ServerBusy'),
    refusal(500, 'OperationTimedOut'),
    refusal(429, ''),
    { status: 502, body: '<html>a proxy</html>' },
    refusal(400, 'Md5Mismatch'),
  ])('are repeated up to three times after what may pass', async (failure) => {
    const fine = azureRig((_, count) => (count < 3 ? failure : head));
    expect((await fine.storage.stat('b'))?.sizeBytes).toBe(4);
    expect(fine.http.requests).toHaveLength(4);
    expect(fine.clock.sleeps).toHaveLength(3);
    expect(fine.clock.sleeps[2]).toBeGreaterThan(1_500);

    const { storage, http } = azureRig(() => failure);
    const error = await storage.stat('b').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StorageUnavailableError);
    expect(error).toMatchObject({ repeated: true });
    expect(http.requests).toHaveLength(4);
  });

  it('wait as long as they are told to', async () => {
    const answers = [refusal(503, 'ServerBusy', { 'retry-after': '7' }), head];
    const { storage, clock } = azureRig((_, count) => answers[count] ?? head);
    await storage.stat('b');
    expect(clock.sleeps).toEqual([7_000]);
  });

  it('give up at once where waiting does not help', async () => {
    for (const code of ['ENOTFOUND', 'CERT_HAS_EXPIRED']) {
      const { storage, http } = azureRig(() => new NetworkError('no', code));
      await expect(storage.stat('b')).rejects.toMatchObject({ kind: 'unavailable' });
      expect(http.requests).toHaveLength(1);
    }
  });

  it('have a deadline for the answer to what they sent', async () => {
    const { storage, http } = azureRig(() => ({ status: 201 }), { settings: { AZURE_TRY_TIMEOUT: '2' } });
    await storage.write('b', fromBytes(Buffer.from('x')));
    expect(http.requests[0]?.deadlines).toEqual({ answerMs: 120_000 });
  });

  it('correct the clock once when a signature is refused for it', async () => {
    const date = 'Sat, 21 Nov 2026 09:00:00 GMT';
    const wrong = refusal(403, 'AuthenticationFailed', { date });
    const { storage, http, logger } = azureRig((_, count) => (count === 0 ? wrong : head));
    await storage.stat('b');
    await storage.stat('c');
    expect(http.requests.map(({ headers }) => headers['x-ms-date'])).toEqual([
      'Sat, 21 Nov 2026 03:04:58 GMT',
      date,
      date,
    ]);
    expect(logger.records.filter(({ level }) => level === 'warn')).toHaveLength(1);

    const always = azureRig(() => wrong);
    await expect(always.storage.stat('b')).rejects.toMatchObject({ kind: 'forbidden' });
    expect(always.http.requests).toHaveLength(2);
  });

  it.each([
    ['AuthenticationFailed', 403, 'forbidden'],
    ['AuthorizationPermissionMismatch', 403, 'forbidden'],
    ['NoAuthenticationInformation', 401, 'forbidden'],
    ['PublicAccessNotPermitted', 409, 'forbidden'],
    ['BlobArchived', 409, 'forbidden'],
    ['BlobImmutableDueToPolicy', 409, 'forbidden'],
    ['LeaseIdMissing', 412, 'forbidden'],
    ['ContainerNotFound', 404, 'config'],
    ['ContainerBeingDeleted', 409, 'config'],
    ['ResourceNotFound', 404, 'config'],
    ['InvalidHeaderValue', 400, 'config'],
    ['InsufficientStorage', 507, 'cannotWrite'],
    // Nobody who knows the objects said so.
    ['', 404, 'unavailable'],
  ])('tell %s (%s) as %s, with a hint', async (code, status, kind) => {
    const { storage } = azureRig(() => refusal(status, code));
    const error: unknown = await storage.stat('b').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ kind });
    if (kind !== 'unavailable') expect((error as { hint: string }).hint).toMatch(/^[A-Z].*\.$/s);
    expect((error as Error).message).not.toContain('RequestId');
  });

  it('take only one answer for the absence of an object', async () => {
    const { storage } = azureRig(() => refusal(404, 'BlobNotFound'));
    expect(await storage.stat('b')).toBeUndefined();
    await expect(storage.read('b')).rejects.toThrow(ObjectNotFoundError);
  });

  it('never show a signature', async () => {
    const settings = { AZURE_STORAGE_ACCESS_KEY: '', AZURE_STORAGE_SAS_TOKEN: '?sv=1&sig=very%2Bsecret' };
    const script = [refusal(403, 'AuthenticationFailed'), broken, broken, broken, broken];
    const { storage, http, logger } = azureRig((_, count) => script[count] ?? head, { settings });
    const errors = [
      await storage.copy('b', 'c').catch((error: unknown) => error),
      await storage.copy('b', 'c').catch((error: unknown) => error),
    ];
    expect(http.requests[0]?.url.search).toBe('?sv=1&sig=very%2Bsecret');
    expect(errors).toMatchObject([{ kind: 'forbidden' }, { kind: 'unavailable' }]);
    expect(inspect([errors, logger.records], { depth: 20 })).not.toContain('secret');
  });

  it('sign the source of a copy, too', async () => {
    const settings = { AZURE_STORAGE_ACCESS_KEY: '', AZURE_STORAGE_SAS_TOKEN: 'sv=1&sig=x' };
    const { storage, http } = azureRig(
      (_, count) =>
        count === 0 ? head : { status: 202, headers: { 'x-ms-copy-id': '1', 'x-ms-copy-status': 'success' } },
      { settings },
    );
    await storage.copy('b', 'c');
    expect(http.requests[1]).toMatchObject({
      method: 'PUT',
      url: new URL('https://acc.blob.core.windows.net/box/a/c?sv=1&sig=x'),
      headers: { 'x-ms-copy-source': 'https://acc.blob.core.windows.net/box/a/b?sv=1&sig=x' },
    });
  });
});

describe('tokens', () => {
  const settings = { AZURE_STORAGE_ACCESS_KEY: '' };

  it('are asked for once for many requests, and again before they expire', async () => {
    let asked = 0;
    const rig = azureRig(() => head, {
      settings,
      askForToken: async () => {
        asked += 1;
        await Promise.resolve();
        return { token: `token ${asked}`, expiresOnTimestamp: rig.clock.now().getTime() + 3_600_000 };
      },
    });
    await Promise.all([rig.storage.stat('b'), rig.storage.stat('c')]);
    expect(asked).toBe(1);
    rig.clock.advance(3_400_000);
    await rig.storage.stat('d');
    expect(rig.http.requests.map(({ headers }) => headers['authorization'])).toEqual([
      'Bearer token 1',
      'Bearer token 1',
      'Bearer token 2',
    ]);
  });

  it('are replaced once when they are refused', async () => {
    let asked = 0;
    const askForToken = () =>
      Promise.resolve({ token: `${(asked += 1)}`, expiresOnTimestamp: Number.MAX_SAFE_INTEGER });
    const refused = refusal(401, 'InvalidAuthenticationInfo');
    const fine = azureRig((_, count) => (count === 0 ? refused : head), { settings, askForToken });
    await fine.storage.stat('b');
    expect(asked).toBe(2);
    const { storage, http } = azureRig(() => refused, { settings, askForToken });
    await expect(storage.stat('b')).rejects.toMatchObject({ kind: 'forbidden' });
    expect(http.requests).toHaveLength(2);
  });
});

describe('a listing', () => {
  const page = (content: string, marker = ''): string =>
    `\ufeff<?xml version="1.0"?><EnumerationResults><Blobs>${content}</Blobs><NextMarker>${marker}</NextMarker></EnumerationResults>`;
  const blob = (name: string, more = ''): string =>
    `<Blob>${name}<Properties><Last-Modified>Sat, 21 Nov 2026 03:04:58 GMT</Last-Modified><Content-Length>5</Content-Length>${more}</Properties></Blob>`;

  it('goes from page to page, and knows what is no object', async () => {
    const pages = [
      page(
        blob('<Name>a/x &amp; y</Name>') +
          blob('<Name>a/dir</Name>', '<ResourceType>directory</ResourceType>') +
          blob('<Name>a/</Name>') +
          '<BlobPrefix><Name>a/f/</Name></BlobPrefix>',
        'next!',
      ),
      page(blob('<Name Encoded="true">a/z%EF%BF%BE</Name>')),
    ];
    const { storage, http } = azureRig((_, count) => ({ status: 200, body: pages[count] ?? '' }));
    const found = [];
    for await (const entry of storage.list('')) found.push(entry);
    const object = { kind: 'object', sizeBytes: 5, modified: new Date('2026-11-21T03:04:58Z') };
    expect(found).toEqual([
      { ...object, key: 'x & y' },
      { kind: 'folder', key: 'f' },
      { ...object, key: 'z\ufffe' },
    ]);
    expect(http.requests.map(({ url }) => url.search)).toEqual([
      '?restype=container&comp=list&prefix=a%2F&delimiter=%2F',
      '?restype=container&comp=list&marker=next!&prefix=a%2F&delimiter=%2F',
    ]);
  });

  it('fails when it comes to no end', async () => {
    const { storage, http } = azureRig((_, count) => ({ status: 200, body: page('', count < 5 ? 'same' : '') }));
    await expect(storage.list('')[Symbol.asyncIterator]().next()).rejects.toThrow('it comes to no end');
    expect(http.requests).toHaveLength(2);
  });

  it('is asked for again when an answer is not whole', async () => {
    const bodies = [page(blob('<Name>a/x</Name>')).slice(0, 100), page(blob('<Name>a/x</Name>'))];
    const { storage, http } = azureRig((_, count) => ({ status: 200, body: bodies[count] ?? '' }));
    const found = [];
    for await (const { key } of storage.list('', { recursive: true })) found.push(key);
    expect(found).toEqual(['x']);
    expect(http.requests).toHaveLength(2);
  });
});
