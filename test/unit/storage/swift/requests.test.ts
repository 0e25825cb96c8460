import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { collect, fromBytes, type ByteSource } from '../../../../src/bytes/stage.ts';
import { NetworkError } from '../../../../src/network/http.ts';
import {
  ObjectExistsError,
  ObjectNotFoundError,
  StorageForbiddenError,
  StorageFullError,
  StorageUnavailableError,
} from '../../../../src/storage/errors.ts';
import { refusal, swiftRig, tokenAnswer } from '../../../../testtools/swift-storage.ts';

const head = {
  status: 200,
  headers: { 'content-length': '4', 'x-timestamp': '1795230298.12345', 'content-type': 'x/y' },
};
const broken = new NetworkError('the network is gone', 'ECONNRESET');
const md5Of = (text: string): string => createHash('md5').update(text).digest('hex');

describe('requests to Swift', () => {
  it('log in once and then carry the token', async () => {
    const { storage, asked, requests, logins } = swiftRig(() => head);
    const infos = await Promise.all([storage.stat('f/b c'), storage.stat('d?')]);
    expect(infos[0]).toEqual({
      kind: 'object',
      key: 'f/b c',
      sizeBytes: 4,
      modified: new Date('2026-11-21T03:04:58.123Z'),
    });
    expect(asked).toEqual(['HEAD box/a/f/b c', 'HEAD box/a/d?']);
    expect(logins).toHaveLength(1);
    expect(logins[0]?.headers).toMatchObject({ 'x-auth-user': 'me:tester', 'x-auth-key': 'hushhush' });
    expect(requests[0]?.headers).toMatchObject({ 'x-auth-token': 'token 1', 'user-agent': 'walvault' });
  });

  it('write a short object by one request, with its MD5', async () => {
    const { storage, asked, requests, logins } = swiftRig(() => ({ status: 201 }));
    await storage.write('b', fromBytes(Buffer.from('text')));
    expect(asked).toEqual(['PUT box/a/b']);
    expect(logins).toHaveLength(1);
    expect(requests[0]?.headers).toMatchObject({
      'content-length': '4',
      'content-type': 'application/octet-stream',
      etag: md5Of('text'),
    });
  });

  it.each([broken, ...[408, 409, 422, 429, 498, 500, 502, 503, 504].map((status) => refusal(status))])(
    'are repeated as often as the settings say after what may pass',
    async (failure) => {
      const settings = { GOSWIFT_RETRIES: '2' };
      const fine = swiftRig((_, __, count) => (count < 2 ? failure : head), { settings });
      expect((await fine.storage.stat('b'))?.sizeBytes).toBe(4);
      expect(fine.clock.sleeps).toHaveLength(2);
      const { storage, asked } = swiftRig(() => failure, { settings });
      const error: unknown = await storage.stat('b').catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(StorageUnavailableError);
      expect(error).toMatchObject({ repeated: true });
      expect(asked).toHaveLength(3);
    },
  );

  it('wait as long as they are told to, and give up at once where waiting does not help', async () => {
    const { storage, clock } = swiftRig((_, __, count) =>
      count === 0 ? refusal(503, '', { 'retry-after': '7' }) : head,
    );
    await storage.stat('b');
    expect(clock.sleeps).toEqual([7_000]);
    const other = swiftRig(() => new NetworkError('no', 'CERT_HAS_EXPIRED'));
    await expect(other.storage.stat('b')).rejects.toMatchObject({ kind: 'unavailable' });
    expect(other.asked).toHaveLength(1);
  });

  it('have the deadlines of the settings, and longer ones where the storage has much to do', async () => {
    const settings = { GOSWIFT_CONNECT_TIMEOUT: '3s', WALG_GOSWIFT_TIMEOUT: '1m30s', GOSWIFT_USER_AGENT: 'us' };
    const { storage, requests } = swiftRig((_, { method }) => (method === 'PUT' ? { status: 201 } : head), {
      settings,
    });
    await storage.stat('b');
    const deadlines = { connectMs: 3_000, answerMs: 90_000, idleMs: 90_000 };
    expect(requests[0]).toMatchObject({ deadlines, headers: { 'user-agent': 'us' } });
    await storage.copy('b', 'c');
    expect(requests.at(-1)?.deadlines?.answerMs).toBe(600_000);
  });

  it('are not answered by what is no Swift', async () => {
    const page = { status: 200, headers: { 'content-length': '4' }, body: 'page' };
    const settings = { GOSWIFT_RETRIES: '1' };
    const { storage, asked } = swiftRig(() => page, { settings });
    for (const act of [
      () => storage.read('b'),
      () => storage.stat('b'),
      () => storage.write('b', fromBytes(Buffer.from('x'))),
      () => storage.delete(['b']),
    ]) {
      await expect(act()).rejects.toMatchObject({ kind: 'unavailable' });
    }
    expect(asked).toHaveLength(8);
  });

  it('mean what their answers say', async () => {
    for (const [status, wanted] of [
      [401, StorageForbiddenError],
      [403, StorageForbiddenError],
      [413, StorageFullError],
      [507, StorageFullError],
    ] as const) {
      const { storage } = swiftRig(() => refusal(status));
      const error: unknown = await storage.write('b', fromBytes(Buffer.from('x'))).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(wanted);
      expect(inspect(error, { depth: 10, showHidden: true })).not.toMatch(/hushhush|token 1/);
    }
    for (const status of [301, 400, 404]) {
      const { storage } = swiftRig(() => refusal(status));
      await expect(storage.write('b', fromBytes(Buffer.from('x')))).rejects.toMatchObject({ kind: 'config' });
    }
  });
});

describe('what is not there', () => {
  it('is missing only where there is the container, which is asked about once', async () => {
    const none = swiftRig(() => refusal(404));
    await expect(none.storage.read('b')).rejects.toMatchObject({ kind: 'config' });
    await expect(none.storage.stat('b')).rejects.toMatchObject({ kind: 'config' });

    const { storage, asked } = swiftRig((words) => (words === 'HEAD box' ? { status: 204 } : refusal(404)));
    await expect(storage.read('b')).rejects.toThrow(ObjectNotFoundError);
    expect(await storage.stat('b')).toBeUndefined();
    expect(asked).toEqual(['GET box/a/b', 'HEAD box', 'HEAD box/a/b']);
  });

  it('is not missing when nobody could be asked about the container', async () => {
    const { storage } = swiftRig((words) => (words === 'HEAD box' ? refusal(503) : refusal(404)));
    await expect(storage.read('b')).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('is missing for who may read objects and not ask about their container', async () => {
    const { storage } = swiftRig((words) => (words === 'HEAD box' ? refusal(403) : refusal(404)));
    await expect(storage.read('b')).rejects.toThrow(ObjectNotFoundError);
  });

  it('may be what only stands for a folder', async () => {
    const headers = { 'content-length': '0', 'content-type': 'application/directory', etag: md5Of('') };
    const { storage } = swiftRig(() => ({ status: 200, headers }));
    expect(await storage.stat('f')).toBeUndefined();
    await expect(storage.read('f')).rejects.toThrow(ObjectNotFoundError);
  });
});

describe('the login', () => {
  it('is made again once for all requests whose token was refused', async () => {
    const { storage, logins, asked } = swiftRig((_, { headers }) =>
      headers['x-auth-token'] === 'token 1' ? refusal(401) : head,
    );
    await Promise.all([storage.stat('b'), storage.stat('c'), storage.stat('d')]);
    expect(logins).toHaveLength(2);
    expect(asked).toHaveLength(6);
  });

  it('is not made again and again', async () => {
    const { storage, logins } = swiftRig(() => refusal(401));
    await expect(storage.stat('b')).rejects.toThrow(StorageForbiddenError);
    expect(logins).toHaveLength(2);
  });

  it('is made again before the token ends', async () => {
    const { storage, logins, clock } = swiftRig(() => head, {
      login: (_, count) => tokenAnswer(count, { 'x-auth-token-expires': '3600' }),
    });
    await storage.stat('b');
    clock.advance(3_500_000);
    await storage.stat('b');
    expect(logins).toHaveLength(1);
    clock.advance(50_000);
    await storage.stat('b');
    expect(logins).toHaveLength(2);
  });

  it('is repeated after what may pass', async () => {
    const answers = [broken, refusal(503), tokenAnswer(0)];
    const { storage, logins } = swiftRig(() => head, { login: (_, count) => answers[count] ?? tokenAnswer(0) });
    await storage.stat('b');
    expect(logins).toHaveLength(3);
    const dead = swiftRig(() => head, { login: () => broken, settings: { GOSWIFT_RETRIES: '1' } });
    await expect(dead.storage.stat('b')).rejects.toMatchObject({ kind: 'unavailable', repeated: true });
    expect(dead.logins).toHaveLength(2);
  });

  it('goes on for others when one of those who wait for it is called off', async () => {
    const controller = new AbortController();
    const reason = new Error('called off');
    const { storage, logins } = swiftRig(() => head);
    const first = storage.stat('b', { signal: controller.signal });
    const second = storage.stat('c');
    controller.abort(reason);
    await expect(first).rejects.toBe(reason);
    expect((await second)?.sizeBytes).toBe(4);
    expect(logins).toHaveLength(1);
  });
});

describe('creating what is absent', () => {
  const word = 'x-object-meta-walvault-write';
  it('knows its own object when the answer got lost, and another from it', async () => {
    let written = '';
    const rig = (maker: (own: string) => string): ReturnType<typeof swiftRig> =>
      swiftRig((words, { headers }, count) => {
        if (words.startsWith('HEAD')) return { status: 200, headers: { etag: 'x', [word]: maker(written) } };
        written = headers[word] ?? '';
        expect(headers['if-none-match']).toBe('*');
        return count === 0 ? broken : refusal(412);
      });
    await rig((own) => own).storage.write('b', fromBytes(Buffer.from('x')), { ifAbsent: true });
    await expect(
      rig(() => 'another').storage.write('b', fromBytes(Buffer.from('x')), { ifAbsent: true }),
    ).rejects.toThrow(ObjectExistsError);
  });

  it('has failed when a newer object was there', async () => {
    const script = (words: string) => (words.startsWith('HEAD') ? head : { status: 202 });
    await expect(swiftRig(script).storage.write('b', fromBytes(Buffer.from('x')), { ifAbsent: true })).rejects.toThrow(
      ObjectExistsError,
    );
    await swiftRig(script).storage.write('b', fromBytes(Buffer.from('x')));
  });
});

describe('reading', () => {
  const content = 'some text';
  const plain = { 'content-length': String(content.length), etag: md5Of(content) };

  async function* cut(text: string): ByteSource {
    yield Buffer.from(text);
    await Promise.resolve();
    throw broken;
  }

  it('goes on where it broke off, with the same object', async () => {
    const { storage, requests } = swiftRig((_, __, count) =>
      count === 0
        ? { status: 200, headers: plain, body: cut('some') }
        : { status: 206, headers: { ...plain, 'content-length': '5' }, body: ' text' },
    );
    expect((await collect(await storage.read('b'))).toString()).toBe(content);
    expect(requests[1]?.headers).toMatchObject({ range: 'bytes=4-', 'if-match': md5Of(content) });
  });

  it('does not go on with another object', async () => {
    const { storage } = swiftRig((_, __, count) =>
      count === 0 ? { status: 200, headers: plain, body: cut('some') } : refusal(412),
    );
    await expect(collect(await storage.read('b'))).rejects.toThrow('object changed');
  });

  it('checks the MD5 of plain objects, and not of large ones', async () => {
    const wrong = { status: 200, headers: plain, body: 'same size' };
    await expect(collect(await swiftRig(() => wrong).storage.read('b'))).rejects.toThrow('MD5');
    for (const large of [{ 'x-static-large-object': 'True' }, { 'x-object-manifest': 'c/s' }]) {
      const headers = { ...plain, etag: `"${md5Of('other')}"`, ...large };
      const { storage } = swiftRig(() => ({ ...wrong, headers }));
      expect((await collect(await storage.read('b'))).toString()).toBe('same size');
    }
  });
});

describe('listing', () => {
  it('ends with an empty page only, and not with one that tells nothing', async () => {
    const entry = (name: string) => ({
      name,
      bytes: 3,
      last_modified: '2026-11-21T03:04:58.378999',
      content_type: 'x',
    });
    const pages = [[entry('a/b'), { subdir: 'a/c/' }], [entry('a/d')], []];
    const { storage, asked } = swiftRig((_, __, count) => ({ status: 200, body: JSON.stringify(pages[count]) }));
    const found: unknown[] = [];
    for await (const info of storage.list('')) found.push(info);
    const modified = new Date('2026-11-21T03:04:58.378Z');
    expect(found).toEqual([
      { kind: 'object', key: 'b', sizeBytes: 3, modified },
      { kind: 'folder', key: 'c' },
      { kind: 'object', key: 'd', sizeBytes: 3, modified },
    ]);
    expect(asked.map((words) => new URLSearchParams(words.split('?')[1]).get('marker'))).toEqual([null, 'a/c/', 'a/d']);

    for (const body of ['[{"name":"a/b"', '{}', '']) {
      const { storage: other } = swiftRig(() => ({ status: 200, body }));
      await expect(other.list('')[Symbol.asyncIterator]().next()).rejects.toMatchObject({ kind: 'unavailable' });
    }
  });

  it('does not go round in circles', async () => {
    const { storage } = swiftRig(() => ({ status: 200, body: JSON.stringify([{ name: 'a/b', bytes: 1 }]) }));
    const all = async (): Promise<void> => {
      for await (const info of storage.list('')) expect(info.key).toBe('b');
    };
    await expect(all()).rejects.toMatchObject({ kind: 'unavailable' });
  });
});
