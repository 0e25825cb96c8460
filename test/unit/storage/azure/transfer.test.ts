import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { collect, fromBytes, type ByteSource } from '../../../../src/bytes/stage.ts';
import { NetworkError, type HttpRequest } from '../../../../src/network/http.ts';
import { ObjectExistsError, StorageUnavailableError } from '../../../../src/storage/errors.ts';
import { ObjectChangedError } from '../../../../src/storage/resume.ts';
import { azureRig, refusal } from '../../../../testtools/azure-storage.ts';
import { breaking } from '../../../../testtools/byte-sources.ts';
import type { ScriptedAnswer } from '../../../../testtools/scripted-http.ts';

const mib = 1024 ** 2;
const broken = new NetworkError('the network is gone', 'ECONNRESET');
const made = { status: 201 };

/** What was sent, in short: `PUT block 1048576`. */
function sentOf({ method, url, body }: HttpRequest): string {
  const length = Array.isArray(body) ? (body as Uint8Array[]).reduce((sum, chunk) => sum + chunk.length, 0) : 0;
  return `${method} ${url.searchParams.get('comp') ?? 'blob'} ${length}`;
}

async function* pieces(bytes: Uint8Array): ByteSource {
  for (let at = 0; at < bytes.length; at += 300_000) yield await Promise.resolve(bytes.subarray(at, at + 300_000));
}

describe('writing to Azure', () => {
  const settings = { AZURE_BUFFER_SIZE: String(mib) };

  it('takes one request for what is shorter than a block, checked by its MD5', async () => {
    const { storage, http } = azureRig(() => made, { settings });
    await storage.write('b', pieces(Buffer.alloc(mib, 1)));
    expect(http.requests.map(sentOf)).toEqual([`PUT blob ${mib}`]);
    expect(http.requests[0]?.headers).toMatchObject({
      'x-ms-blob-type': 'BlockBlob',
      'content-length': String(mib),
      'content-md5': createHash('md5').update(Buffer.alloc(mib, 1)).digest('base64'),
    });
    expect(http.requests[0]?.headers).not.toHaveProperty('if-none-match');
  });

  it('sends longer ones as blocks whose names have one length, also those of WAL-G', async () => {
    const { storage, http } = azureRig(() => made, { settings });
    await storage.write('b', pieces(Buffer.alloc(3 * mib + 7, 1)));
    const blocks = http.requests.slice(0, -1);
    expect(blocks.map(sentOf).sort()).toEqual(['PUT block 7', ...Array<string>(3).fill(`PUT block ${mib}`)].sort());
    const list = Buffer.concat([...(http.requests.at(-1)?.body as Uint8Array[])]).toString();
    const ids = [...list.matchAll(/<Latest>(.*?)<\/Latest>/g)].map(([, id]) => id ?? '');
    expect(ids.every((id) => Buffer.from(id, 'base64').length === 64)).toBe(true);
    expect(new Set(blocks.map(({ url }) => url.searchParams.get('blockid')))).toEqual(new Set(ids));
  });

  it.each([
    [{}, false],
    [{ AZURE_ENDPOINT: 'http://127.0.0.1:1/acc' }, true],
    [{ AZURE_ENDPOINT: 'http://127.0.0.1:1/acc', AZURE_BLOCK_MD5: 'never' }, false],
    [{ AZURE_BLOCK_MD5: 'always' }, true],
  ])('protects blocks by an MD5 where nothing else does, or as told: %j', async (more, isChecked) => {
    const { storage, http } = azureRig(() => made, { settings: { ...settings, ...more } });
    await storage.write('b', pieces(Buffer.alloc(2 * mib)));
    const blocks = http.requests.filter((request) => sentOf(request).includes(' block '));
    expect(blocks.map(({ headers }) => 'content-md5' in headers)).toEqual([isChecked, isChecked]);
  });

  it('repeats a block that it still holds', async () => {
    let failures = 0;
    const { storage, http } = azureRig(
      ({ url }) => (url.searchParams.get('comp') === 'block' && (failures += 1) % 2 === 1 ? broken : made),
      { settings },
    );
    await storage.write('b', pieces(Buffer.alloc(2 * mib, 1)));
    expect(http.requests.filter((request) => sentOf(request).includes(' block ')).length).toBeGreaterThanOrEqual(3);
  });

  it('makes no object when a block cannot be sent', async () => {
    const { storage, http } = azureRig(({ url }) => (url.searchParams.get('comp') === 'block' ? broken : made), {
      settings,
    });
    let closed = false;
    async function* body(): ByteSource {
      try {
        for (;;) yield await Promise.resolve(Buffer.alloc(mib));
      } finally {
        closed = true;
      }
    }
    await expect(storage.write('b', body())).rejects.toThrow(StorageUnavailableError);
    expect(closed).toBe(true);
    expect(http.requests.some((request) => sentOf(request).includes('blocklist'))).toBe(false);
  });

  it('lets the whole upload be tried again when somebody else took the blocks away', async () => {
    const { storage, http } = azureRig(
      ({ url }) => (url.searchParams.get('comp') === 'blocklist' ? refusal(400, 'InvalidBlockList') : made),
      { settings },
    );
    const failure = { kind: 'unavailable', repeated: false };
    await expect(storage.write('b', pieces(Buffer.alloc(2 * mib)))).rejects.toMatchObject(failure);
    expect(http.requests).toHaveLength(3);
  });

  it.each([
    ['one request', mib],
    ['blocks', 2 * mib],
  ])('knows its own object when the answer to the creation got lost: %s', async (_, size) => {
    for (const own of [true, false]) {
      let maker = '';
      let created = false;
      const script = ({ method, url, headers }: HttpRequest): ScriptedAnswer => {
        if (method === 'HEAD') {
          return created
            ? { status: 200, headers: { 'x-ms-meta-walvaultwrite': maker } }
            : refusal(404, 'BlobNotFound');
        }
        if (url.searchParams.get('comp') === 'block') return made;
        expect(headers['if-none-match']).toBe('*');
        if (created) return refusal(409, 'BlobAlreadyExists');
        created = true;
        maker = own ? (headers['x-ms-meta-walvaultwrite'] ?? '') : 'somebody else';
        return broken;
      };
      const written = azureRig(script, { settings }).storage.write('b', pieces(Buffer.alloc(size)), { ifAbsent: true });
      if (own) await written;
      else await expect(written).rejects.toThrow(ObjectExistsError);
    }
  });

  it('sends no blocks when the object to be created is there already', async () => {
    const { storage, http } = azureRig(() => ({ status: 200 }), { settings });
    const written = storage.write('b', pieces(Buffer.alloc(5 * mib)), { ifAbsent: true });
    await expect(written).rejects.toThrow(ObjectExistsError);
    expect(http.requests.map(({ method }) => method)).toEqual(['HEAD']);
  });
});

describe('reading from Azure', () => {
  const bytes = randomBytes(100_000);
  const md5 = createHash('md5').update(bytes).digest('base64');
  const head = { etag: '"0x1"', 'content-length': String(bytes.length), 'content-md5': md5 };

  /** Serves the bytes; the bodies break off after so many, in this order, and then no more. */
  function serving(breaks: readonly number[]) {
    let count = 0;
    return ({ headers }: HttpRequest): ScriptedAnswer => {
      const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(headers['x-ms-range'] ?? '') ?? [];
      const part = bytes.subarray(Number(from ?? 0), to === undefined || to === '' ? undefined : Number(to) + 1);
      const length = breaks[count];
      count += 1;
      return {
        status: from === undefined ? 200 : 206,
        headers: { ...head, 'content-length': String(part.length), 'content-md5': from === undefined ? md5 : '' },
        body: length === undefined ? part : breaking(part.subarray(0, length), broken),
      };
    };
  }

  it('goes on where it was, with the same object', async () => {
    const { storage, http } = azureRig(serving([30_000, 20_000]));
    expect((await collect(await storage.read('b'))).equals(bytes)).toBe(true);
    expect(http.requests.map(({ headers }) => [headers['x-ms-range'], headers['if-match']])).toEqual([
      [undefined, undefined],
      ['bytes=30000-', '"0x1"'],
      ['bytes=50000-', '"0x1"'],
    ]);
  });

  it('goes on in the middle of a part', async () => {
    const { storage, http } = azureRig(serving([500]));
    const part = await collect(await storage.read('b', { start: 1_000, bytes: 5_000 }));
    expect(part.equals(bytes.subarray(1_000, 6_000))).toBe(true);
    expect(http.requests.map(({ headers }) => headers['x-ms-range'])).toEqual(['bytes=1000-5999', 'bytes=1500-5999']);
  });

  it('does not go on with another object', async () => {
    for (const answer of [refusal(412, 'ConditionNotMet'), refusal(404, 'BlobNotFound')]) {
      const { storage } = azureRig((request, count) => (count === 0 ? serving([30_000])(request) : answer));
      await expect(collect(await storage.read('b'))).rejects.toThrow(ObjectChangedError);
    }
  });

  it('finds out about bytes that are wrong', async () => {
    const { storage } = azureRig(() => ({ status: 200, headers: head, body: Buffer.alloc(bytes.length) }));
    await expect(collect(await storage.read('b'))).rejects.toThrow('not those of its MD5');
  });

  it('refuses the whole where a part was asked for', async () => {
    const { storage } = azureRig(() => ({ status: 200, headers: head, body: bytes }));
    await expect(storage.read('b', { start: 5 })).rejects.toThrow(StorageUnavailableError);
  });

  it('has nothing to give beyond the end', async () => {
    const { storage } = azureRig(() => refusal(416, 'InvalidRange'));
    expect(await collect(await storage.read('b', { start: 5 }))).toHaveLength(0);
  });

  it('does not take a folder of an account that has them for an object', async () => {
    const { storage } = azureRig(() => ({ status: 200, headers: { 'x-ms-meta-hdi_isfolder': 'true' } }));
    expect(await storage.stat('b')).toBeUndefined();
    await expect(storage.read('b')).rejects.toMatchObject({ kind: 'missing' });
  });
});

describe('copying within Azure', () => {
  const copying = (status: string) => ({ status: 202, headers: { 'x-ms-copy-id': '1', 'x-ms-copy-status': status } });

  it('waits until it is done', async () => {
    const answers = [{ status: 200, headers: { etag: '"1"' } }, ...['pending', 'pending', 'success'].map(copying)];
    const { storage, clock, http } = azureRig((_, count) => answers[count] ?? made);
    await storage.copy('b', 'c');
    expect(clock.sleeps).toEqual([100, 200]);
    expect(http.requests[1]?.headers['x-ms-source-if-match']).toBe('"1"');
  });

  it('leaves nothing when it is called off', async () => {
    const controller = new AbortController();
    const reason = new Error('called off');
    const { storage, http } = azureRig(({ method, url }, count) => {
      if (count === 2) controller.abort(reason);
      if (url.searchParams.get('comp') === 'copy') return { status: 204 };
      if (method === 'DELETE') return { status: 202 };
      return count === 0 ? { status: 200 } : copying('pending');
    });
    await expect(storage.copy('b', 'c', { signal: controller.signal })).rejects.toBe(reason);
    expect(http.requests.slice(3).map((request) => sentOf(request))).toEqual(['PUT copy 0', 'DELETE blob 0']);
  });

  it('fails when it was done to nobody', async () => {
    const answers = [{ status: 200 }, copying('pending'), copying('failed')];
    const { storage } = azureRig((_, count) => answers[count] ?? made);
    await expect(storage.copy('b', 'c')).rejects.toThrow('the copy is "failed"');
  });
});

describe('names', () => {
  it('have no backslash, which Azure takes for a slash', async () => {
    const { storage, http } = azureRig(() => made);
    await expect(storage.write('a\\b', fromBytes(Buffer.from('x')))).rejects.toMatchObject({ kind: 'usage' });
    expect(http.requests).toEqual([]);
  });
});
