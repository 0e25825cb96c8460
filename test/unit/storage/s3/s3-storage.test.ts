import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { collect, fromBytes, type ByteSource } from '../../../../src/bytes/stage.ts';
import { ObjectExistsError } from '../../../../src/storage/errors.ts';
import type { HttpCall, ScriptedAnswer } from '../../../../testtools/services/http-script.ts';
import { openScriptedS3, refusal } from '../../../../testtools/services/scripted-s3.ts';

const part = Buffer.alloc(5 * 1024 * 1024, 7);
const ok: ScriptedAnswer = { status: 200 };
const unfound: ScriptedAnswer = { status: 404 };
const small = (): ByteSource => fromBytes(Buffer.from('content'));
const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex');

/** Two parts and a bit. */
async function* big(): ByteSource {
  yield await Promise.resolve(part);
  yield part;
  yield Buffer.from('end');
}

/** Answers as a good server does, to uploads. */
function good({ method, path, query, body }: HttpCall): ScriptedAnswer {
  if (path === '/bucket/') return ok;
  if (method === 'POST' && query.has('uploads')) return { status: 200, body: '<R><UploadId>id&amp;1</UploadId></R>' };
  if (method === 'PUT') return { status: 200, headers: { etag: `"${md5(body)}"` } };
  if (method === 'POST') return { status: 200, body: '<CompleteMultipartUploadResult/>' };
  return method === 'DELETE' ? { status: 204 } : unfound;
}

const makerOf = ({ headers }: HttpCall): Record<string, string> => ({
  'x-amz-meta-walvault-write': String(headers['x-amz-meta-walvault-write']),
});

const isCompletion = ({ method, query }: HttpCall): boolean => method === 'POST' && query.has('uploadId');

describe('an upload to S3', () => {
  it('is one request for a small object', async () => {
    await using s3 = await openScriptedS3(good);
    await s3.storage.write('a b', small());
    expect(s3.asked()).toEqual(['PUT db/a b']);
    expect(s3.calls[0]?.headers).toMatchObject({ 'x-amz-storage-class': 'STANDARD', 'content-length': '7' });
  });

  it('is one request also with the condition that there is none', async () => {
    await using s3 = await openScriptedS3(good);
    await s3.storage.write('a', small(), { ifAbsent: true });
    expect(s3.asked()).toEqual(['PUT db/a']);
    expect(s3.calls[0]?.headers['if-none-match']).toBe('*');
  });

  it('sends parts of a longer one, and says in order what they are', async () => {
    await using s3 = await openScriptedS3(good);
    await s3.storage.write('a', big());
    const parts = [
      'PUT db/a?partNumber=1&uploadId',
      'PUT db/a?partNumber=2&uploadId',
      'PUT db/a?partNumber=3&uploadId',
    ];
    expect(s3.asked()[0]).toBe('POST db/a?uploads');
    expect(s3.asked().slice(1, 4).sort()).toEqual(parts);
    expect(s3.asked().slice(4)).toEqual(['POST db/a?uploadId']);
    expect(s3.calls.every(({ query }) => (query.get('uploadId') ?? 'id&1') === 'id&1')).toBe(true);
    const numbers = [...(s3.calls.at(-1)?.body.toString() ?? '').matchAll(/<PartNumber>(\d)</g)].map(([, one]) => one);
    expect(numbers).toEqual(['1', '2', '3']);
  });

  it('tells the checksum of parts, signed or not, unless the storage refuses it', async () => {
    const never = { S3_PAYLOAD_SIGNING: 'never' };
    const locked = { S3_RETENTION_PERIOD: '60' };
    for (const [settings, algorithm, md5Too] of [
      [{}, 'CRC32', false],
      [{ S3_CHECKSUMS: 'when_required' }, undefined, false],
      [never, 'CRC32', false],
      [{ ...never, S3_CHECKSUMS: 'when_required' }, undefined, false],
      [locked, 'CRC32', true],
      [{ ...locked, S3_CHECKSUMS: 'when_required' }, undefined, true],
    ] as const) {
      await using s3 = await openScriptedS3(good, settings);
      await s3.storage.write('a', big());
      expect(s3.calls[0]?.headers['x-amz-checksum-algorithm']).toBe(algorithm);
      expect(s3.calls[1]?.headers['x-amz-checksum-crc32'] !== undefined).toBe(algorithm !== undefined);
      expect(s3.calls[1]?.headers['content-md5'] !== undefined).toBe(md5Too);
    }
  });

  it.each([
    [
      'a part is refused',
      (call: HttpCall) => call.query.get('partNumber') === '2' && refusal(403, 'AccessDenied'),
      'forbidden',
    ],
    ['its completion is refused', (call: HttpCall) => isCompletion(call) && refusal(400, 'InvalidPart'), 'config'],
    [
      'its completion is refused with the status 200',
      (call: HttpCall) => isCompletion(call) && { status: 200, body: '\n <Error><Code>AccessDenied</Code></Error>' },
      'forbidden',
    ],
  ])('leaves no parts when %s', async (_, fault, kind) => {
    await using s3 = await openScriptedS3((call) => fault(call) || good(call));
    await expect(s3.storage.write('a', big())).rejects.toMatchObject({ kind });
    expect(s3.asked()).toContain('DELETE db/a?uploadId');
  });

  it('ends when a part is refused while the body is silent', async () => {
    await using s3 = await openScriptedS3((call) =>
      call.query.has('partNumber') ? refusal(403, 'AccessDenied') : good(call),
    );
    async function* silent(): ByteSource {
      yield part;
      yield part;
      await new Promise(() => undefined);
    }
    await expect(s3.storage.write('a', silent())).rejects.toMatchObject({ kind: 'forbidden' });
    expect(s3.asked()).toContain('DELETE db/a?uploadId');
  });

  it('ends when it is called off while the body is silent', async () => {
    await using s3 = await openScriptedS3(good);
    const controller = new AbortController();
    const reason = new Error('called off');
    async function* silent(): ByteSource {
      yield await Promise.resolve(part);
      setTimeout(() => {
        controller.abort(reason);
      }, 20);
      await new Promise(() => undefined);
    }
    await expect(s3.storage.write('a', silent(), { signal: controller.signal })).rejects.toBe(reason);
    expect(s3.asked()).toEqual([]);
  });

  it('repeats a part that got lost, and one that was asked for less often', async () => {
    const seen = new Map<string, number>();
    await using s3 = await openScriptedS3((call) => {
      const number = call.query.get('partNumber') ?? '';
      seen.set(number, (seen.get(number) ?? 0) + 1);
      if (number === '1' && seen.get(number) === 1) return 'drop';
      return number === '2' && (seen.get(number) ?? 0) < 3 ? refusal(503, 'SlowDown') : good(call);
    });
    await s3.storage.write('a', big());
    expect([seen.get('1'), seen.get('2'), seen.get('3')]).toEqual([2, 3, 1]);
    expect(s3.asked().at(-1)).toBe('POST db/a?uploadId');
  });

  it('knows its object when the answer to its completion was lost', async () => {
    let completions = 0;
    let made: Record<string, string> = {};
    await using s3 = await openScriptedS3((call) => {
      if (call.query.has('uploads')) made = makerOf(call);
      if (isCompletion(call)) return (completions += 1) === 1 ? 'drop' : refusal(404, 'NoSuchUpload');
      return call.method === 'HEAD' ? { status: 200, headers: made } : good(call);
    });
    await s3.storage.write('a', big());
    expect(s3.asked().slice(-2)).toEqual(['POST db/a?uploadId', 'HEAD db/a']);
  });

  it('knows its object when the answer to the only request was lost', async () => {
    let made: Record<string, string> | undefined;
    await using s3 = await openScriptedS3((call) => {
      if (call.method === 'HEAD') return { status: 200, headers: made ?? {} };
      if (made !== undefined) return refusal(412, 'PreconditionFailed');
      made = makerOf(call);
      return 'drop';
    });
    await s3.storage.write('a', small(), { ifAbsent: true });
    expect(s3.asked()).toEqual(['PUT db/a', 'PUT db/a', 'HEAD db/a']);
    await expect(s3.storage.write('a', small(), { ifAbsent: true })).rejects.toThrow(ObjectExistsError);
  });

  it("does not take another's object for its own", async () => {
    await using s3 = await openScriptedS3((call) => {
      if (isCompletion(call)) return refusal(404, 'NoSuchUpload');
      return call.method === 'HEAD' ? { status: 200, headers: { 'x-amz-meta-walvault-write': 'other' } } : good(call);
    });
    await expect(s3.storage.write('a', big())).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('does not send a long object for nothing when there is one', async () => {
    await using s3 = await openScriptedS3((call) => (call.method === 'HEAD' ? ok : good(call)));
    await expect(s3.storage.write('a', big(), { ifAbsent: true })).rejects.toThrow(ObjectExistsError);
    expect(s3.asked()).toEqual(['HEAD db/a']);
  });

  it('completes only where there is no object, and discards its parts otherwise', async () => {
    await using s3 = await openScriptedS3((call) =>
      isCompletion(call) && call.headers['if-none-match'] === '*' ? refusal(412, 'PreconditionFailed') : good(call),
    );
    await expect(s3.storage.write('a', big(), { ifAbsent: true })).rejects.toThrow(ObjectExistsError);
    expect(s3.asked().at(-1)).toBe('DELETE db/a?uploadId');
  });

  it('looks first where a storage lacks conditions, and remembers that', async () => {
    const there = new Set(['/bucket/db/old']);
    await using s3 = await openScriptedS3((call) => {
      if (call.headers['if-none-match'] !== undefined) return refusal(501, 'NotImplemented');
      return call.method === 'HEAD' && there.has(call.path) ? ok : good(call);
    });
    await s3.storage.write('a', small(), { ifAbsent: true });
    await s3.storage.write('b', small(), { ifAbsent: true });
    await expect(s3.storage.write('old', small(), { ifAbsent: true })).rejects.toThrow(ObjectExistsError);
    const looks = ['HEAD db/a', 'PUT db/a', 'HEAD db/b', 'PUT db/b', 'HEAD db/old'];
    expect(s3.asked().filter((one) => one !== 'HEAD ')).toEqual(['PUT db/a', ...looks]);
  });

  it('holds no more parts than it may', async () => {
    let [running, most] = [0, 0];
    await using s3 = await openScriptedS3(
      async (call) => {
        if (!call.query.has('partNumber')) return good(call);
        running += 1;
        most = Math.max(most, running);
        await new Promise((resolve) => setTimeout(resolve, 20));
        running -= 1;
        return good(call);
      },
      { WALG_MEMORY_LIMIT: '16mb', WALG_UPLOAD_CONCURRENCY: '8' },
    );
    async function* long(): ByteSource {
      for (let index = 0; index < 8; index += 1) yield await Promise.resolve(part);
    }
    await s3.storage.write('a', long());
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(3);
  });
});

describe('a download from S3', () => {
  const whole = Buffer.alloc(300_000, 'abcdefgh');

  it('is one request', async () => {
    await using s3 = await openScriptedS3(() => ({ status: 200, headers: { etag: '"1"' }, body: whole }));
    expect((await collect(await s3.storage.read('a'))).equals(whole)).toBe(true);
    expect(s3.asked()).toEqual(['GET db/a']);
  });

  it('goes on where it broke off, with the same object', async () => {
    await using s3 = await openScriptedS3(({ headers }) => {
      const start = Number(/^bytes=(\d+)-/.exec(String(headers['range'] ?? ''))?.[1] ?? 0);
      const cut = start === 0 ? { cutAt: 100_000 } : {};
      const range = start === 0 ? {} : { 'content-range': `bytes ${start}-299999/300000` };
      return {
        status: start === 0 ? 200 : 206,
        headers: { etag: '"1"', ...range },
        body: whole.subarray(start),
        ...cut,
      };
    });
    expect((await collect(await s3.storage.read('a'))).equals(whole)).toBe(true);
    expect(s3.calls[1]?.headers).toMatchObject({
      'if-match': '"1"',
      range: expect.stringMatching(/^bytes=\d+-299999$/) as string,
    });
  });

  it('does not go on with another object', async () => {
    await using s3 = await openScriptedS3(({ headers }) =>
      headers['if-match'] === undefined
        ? { status: 200, headers: { etag: '"1"' }, body: whole, cutAt: 100_000 }
        : refusal(412, 'PreconditionFailed'),
    );
    const reading = collect(await s3.storage.read('a'));
    await expect(reading).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('changed') as string,
    });
  });

  it('checks the checksum that the storage tells', async () => {
    await using s3 = await openScriptedS3(() => ({
      status: 200,
      headers: { 'x-amz-checksum-crc32': 'AAAAAA==' },
      body: whole,
    }));
    await expect(collect(await s3.storage.read('a'))).rejects.toThrow('checksum');
  });
});
