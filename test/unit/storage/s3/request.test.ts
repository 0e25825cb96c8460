import { describe, expect, it } from 'vitest';
import { rawSettings } from '../../../../src/config/setting.ts';
import { NetworkError, type HttpRequest } from '../../../../src/network/http.ts';
import { StorageForbiddenError, StorageUnavailableError } from '../../../../src/storage/errors.ts';
import { answerBehind } from '../../../../src/storage/s3/answer-error.ts';
import { s3Config } from '../../../../src/storage/s3/config.ts';
import { refreshed, type AwsCredentials, type CredentialSource } from '../../../../src/storage/s3/credentials.ts';
import { getObject, headObject, putObject, uploadPart } from '../../../../src/storage/s3/object-requests.ts';
import { S3Requests, type S3Request } from '../../../../src/storage/s3/request.ts';
import { fakeClock } from '../../../../testtools/fake-clock.ts';
import { recordingLogger } from '../../../../testtools/recording-logger.ts';
import { scriptedHttp, type ScriptedAnswer } from '../../../../testtools/scripted-http.ts';

const ok: ScriptedAnswer = { status: 200, headers: { etag: '"e"' } };
const reset = new NetworkError('the connection broke', 'ECONNRESET');

function refusal(status: number, code: string, headers: Readonly<Record<string, string>> = {}): ScriptedAnswer {
  return { status, headers, body: `<Error><Code>${code}</Code><Region>eu-west-1</Region></Error>` };
}

interface Rig {
  readonly script?: (request: HttpRequest, count: number) => ScriptedAnswer;
  readonly settings?: Readonly<Record<string, string>>;
  readonly source?: CredentialSource;
}

const fixed: CredentialSource = {
  get: () => Promise.resolve({ accessKeyId: 'id', secretAccessKey: 'secret' }),
  renew: () => false,
};

async function rigOf({ script = () => ok, settings = {}, source = fixed }: Rig) {
  const raw = rawSettings({ WALG_S3_PREFIX: 's3://bucket/p', AWS_REGION: 'us-east-1', ...settings });
  const logger = recordingLogger();
  const clock = fakeClock();
  const http = scriptedHttp(script);
  const config = await s3Config(raw, { logger });
  const requests = new S3Requests({ config, http, credentials: () => source, logger, clock });
  const warnings = (): readonly string[] =>
    logger.records.filter(({ level }) => level === 'warn').map(({ message }) => message);
  return { requests, http, clock, warnings, logger };
}

const ask: S3Request = { action: 'ask', method: 'GET', query: { x: 1 } };
/** The answers in turn, then success. */
const inTurn =
  (...answers: readonly ScriptedAnswer[]) =>
  (_: HttpRequest, count: number): ScriptedAnswer =>
    answers[count] ?? ok;

describe('a request to S3', () => {
  it.each([
    ['a broken connection', reset],
    ['500', refusal(500, 'InternalError')],
    ['503 SlowDown', refusal(503, 'SlowDown')],
    ['429', { status: 429 }],
    ['400 RequestTimeout', refusal(400, 'RequestTimeout')],
    ['400 BadDigest', refusal(400, 'BadDigest')],
    ['409', refusal(409, 'ConditionalRequestConflict')],
  ])('is repeated after %s', async (_, answer) => {
    const { requests, http } = await rigOf({ script: inTurn(answer, answer) });
    await requests.send(ask);
    expect(http.requests).toHaveLength(3);
  });

  it.each([
    ['403', refusal(403, 'AccessDenied')],
    ['404', refusal(404, 'NoSuchBucket')],
    ['400', refusal(400, 'InvalidRequest')],
    ['501', refusal(501, 'NotImplemented')],
    ['a wrong certificate', new NetworkError('no', 'DEPTH_ZERO_SELF_SIGNED_CERT')],
    ['a wrong name', new NetworkError('no', 'ENOTFOUND')],
  ])('is not repeated after %s', async (_, answer) => {
    const { requests, http } = await rigOf({ script: inTurn(answer) });
    await expect(requests.send(ask)).rejects.toThrow(/ask|bucket/);
    expect(http.requests).toHaveLength(1);
  });

  it('waits longer and longer, and as long as it is told', async () => {
    const told = { status: 503, headers: { 'retry-after': '7' } };
    const { requests, clock } = await rigOf({
      script: inTurn(reset, refusal(500, ''), refusal(503, 'SlowDown'), told),
    });
    await requests.send(ask);
    const [first = 0, second = 0, third = 0, fourth] = clock.sleeps;
    expect(first).toBeGreaterThanOrEqual(30);
    expect(first).toBeLessThanOrEqual(60);
    expect(second).toBeLessThanOrEqual(120);
    expect(third).toBeGreaterThanOrEqual(1_000);
    expect(third).toBeLessThanOrEqual(2_000);
    expect(fourth).toBe(7_000);
  });

  it('is not repeated more often than S3_MAX_RETRIES says', async () => {
    const { requests, http } = await rigOf({ script: () => refusal(500, ''), settings: { S3_MAX_RETRIES: '2' } });
    const error: unknown = await requests.send(ask).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ kind: 'unavailable', repeated: true });
    expect(String(error)).toContain('(3 tries)');
    expect(http.requests).toHaveLength(3);
  });

  it('ends soon at a storage that never answered, and after some minutes at another', async () => {
    const dead = await rigOf({ script: () => reset, settings: { S3_MAX_RETRIES: '1000' } });
    await expect(dead.requests.send(ask)).rejects.toBeInstanceOf(StorageUnavailableError);
    expect(dead.clock.sleeps.reduce((sum, ms) => sum + ms)).toBe(20_000);
    const busy = await rigOf({ script: () => refusal(503, 'SlowDown'), settings: { S3_MAX_RETRIES: '1000' } });
    await expect(busy.requests.send(ask)).rejects.toMatchObject({ repeated: true });
    expect(busy.clock.sleeps.reduce((sum, ms) => sum + ms)).toBe(180_000);
    const later = await rigOf({ script: () => ({ status: 503, headers: { 'retry-after': '9999' } }) });
    await expect(later.requests.send(ask)).rejects.toMatchObject({ repeated: true });
    expect(later.clock.sleeps).toEqual([]);
  });

  it('ends with the reason of its signal', async () => {
    const controller = new AbortController();
    const reason = new Error('called off');
    const { requests, http } = await rigOf({
      script: () => {
        controller.abort(reason);
        return reset;
      },
    });
    await expect(requests.send({ ...ask, signal: controller.signal })).rejects.toBe(reason);
    await expect(requests.send({ ...ask, signal: controller.signal })).rejects.toBe(reason);
    expect(http.requests).toHaveLength(1);
  });

  it('takes 200 with an error for what it is', async () => {
    const wrong = { status: 200, body: '<?xml version="1.0"?>\n<Error><Code>InternalError</Code></Error>' };
    const { requests } = await rigOf({ script: inTurn(wrong, { status: 200, body: '<Result>1</Result>' }) });
    expect((await requests.sendForText(ask)).text).toBe('<Result>1</Result>');
    const lasting = await rigOf({ script: () => ({ status: 200, body: '<Error><Code>AccessDenied</Code></Error>' }) });
    const error: unknown = await lasting.requests.sendForText(ask).catch((reason: unknown) => reason);
    expect(answerBehind(error)?.code).toBe('AccessDenied');
  });

  it('is told in the log, as loud as S3_LOG_LEVEL says, without secrets', async () => {
    for (const [text, level] of [
      ['', 'debug'],
      ['DEVEL', 'info'],
    ] as const) {
      const settings = { S3_LOG_LEVEL: text, S3_REQUEST_ADDITIONAL_HEADERS: '{"X-Token": "hunter2"}' };
      const { requests, logger } = await rigOf({ settings });
      await requests.send({ ...ask, query: { uploadId: 'hunter2' } });
      expect(logger.records).toMatchObject([{ level, message: 'S3 request', fields: { status: 200, method: 'GET' } }]);
      const told = logger.records.map(({ fields }) => Object.values(fields).join(' ')).join('\n');
      expect(told).not.toMatch(/hunter2|secret|Signature/);
    }
  });

  it('sends the token of Yandex Cloud beside the signature', async () => {
    const source = {
      ...fixed,
      get: () => Promise.resolve({ accessKeyId: 'a', secretAccessKey: 'b', sessionToken: 't' }),
    };
    const { requests, http } = await rigOf({ source, settings: { S3_USE_YC_SESSION_TOKEN: 'true' } });
    await requests.send(ask);
    expect(http.requests[0]?.headers).toMatchObject({ 'x-yacloud-subjecttoken': 't', 'x-amz-security-token': 't' });
  });
});

describe('what refusals teach', () => {
  it('is the region', async () => {
    const moved = refusal(301, 'PermanentRedirect', { 'x-amz-bucket-region': 'eu-west-1' });
    const { requests, http, warnings } = await rigOf({ script: inTurn(moved) });
    await requests.send(ask);
    await requests.send(ask);
    expect(http.requests.map(({ url }) => url.host)).toEqual([
      'bucket.s3.us-east-1.amazonaws.com',
      'bucket.s3.eu-west-1.amazonaws.com',
      'bucket.s3.eu-west-1.amazonaws.com',
    ]);
    expect(http.requests[1]?.headers['authorization']).toContain('/eu-west-1/s3/');
    expect(warnings()).toEqual(['the bucket is in another region: set AWS_REGION to it']);
  });

  it('is the region also for many requests at once', async () => {
    const script = ({ headers }: HttpRequest): ScriptedAnswer =>
      headers['authorization']?.includes('/eu-west-1/') === true ? ok : refusal(400, 'AuthorizationHeaderMalformed');
    const { requests, http, warnings } = await rigOf({ script });
    await Promise.all(Array.from({ length: 10 }, () => requests.send(ask)));
    expect(http.requests.length).toBeLessThanOrEqual(20);
    expect(warnings()).toHaveLength(1);
  });

  it('is asked for once where it is not set', async () => {
    const script = ({ url }: HttpRequest): ScriptedAnswer =>
      url.search === '?location='
        ? { status: 200, body: '<LocationConstraint xmlns="x">eu-south-2</LocationConstraint>' }
        : ok;
    const { requests, http } = await rigOf({ script, settings: { AWS_REGION: '' } });
    await Promise.all([requests.send(ask), requests.send(ask)]);
    expect(http.requests.map(({ url }) => url.href)).toEqual([
      'https://s3.us-east-1.amazonaws.com/bucket/?location=',
      'https://bucket.s3.eu-south-2.amazonaws.com/?x=1',
      'https://bucket.s3.eu-south-2.amazonaws.com/?x=1',
    ]);
  });

  it.each([
    ['', 'us-east-1'],
    ['<LocationConstraint/>', 'us-east-1'],
    ['<LocationConstraint>EU</LocationConstraint>', 'eu-west-1'],
  ])('is the region by old names: %j is %s', async (body, region) => {
    const script = ({ url }: HttpRequest): ScriptedAnswer => (url.search === '?location=' ? { status: 200, body } : ok);
    const { requests, http } = await rigOf({ script, settings: { AWS_REGION: '' } });
    await requests.send(ask);
    expect(http.requests[1]?.url.host).toBe(`bucket.s3.${region}.amazonaws.com`);
  });

  it('is the region where asking for it is forbidden', async () => {
    const script = ({ url }: HttpRequest): ScriptedAnswer =>
      url.search === '?location=' ? { status: 403, headers: { 'x-amz-bucket-region': 'ap-east-1' } } : ok;
    const { requests, http } = await rigOf({ script, settings: { AWS_REGION: '' } });
    await requests.send(ask);
    expect(http.requests[1]?.url.host).toBe('bucket.s3.ap-east-1.amazonaws.com');
  });

  it('is the time', async () => {
    const headers = { date: 'Sat, 21 Nov 2026 05:00:00 GMT' };
    for (const answer of [refusal(403, 'RequestTimeTooSkewed', headers), { status: 403, headers }]) {
      const { requests, http, warnings } = await rigOf({ script: inTurn(answer) });
      await requests.send(ask);
      expect(http.requests.map(({ headers }) => headers['x-amz-date'])).toEqual([
        '20261121T030458Z',
        '20261121T050000Z',
      ]);
      expect(warnings()).toEqual(['the clock of this machine is wrong']);
    }
    const always = await rigOf({ script: () => refusal(403, 'RequestTimeTooSkewed', headers) });
    await expect(always.requests.send(ask)).rejects.toBeInstanceOf(StorageForbiddenError);
    expect(always.http.requests).toHaveLength(2);
  });

  it('is that credentials have ended, once for all requests that meet that', async () => {
    let given = 0;
    const logger = recordingLogger();
    const source = refreshed(
      (): Promise<AwsCredentials> => Promise.resolve({ accessKeyId: `id${(given += 1)}`, secretAccessKey: 's' }),
      { logger },
    );
    const script = ({ headers }: HttpRequest): ScriptedAnswer =>
      headers['authorization']?.includes('id1/') === true ? refusal(400, 'ExpiredToken') : ok;
    const { requests } = await rigOf({ script, source });
    await Promise.all(Array.from({ length: 5 }, () => requests.send(ask)));
    expect(given).toBe(2);
    const lasting = await rigOf({ script: () => refusal(400, 'ExpiredToken') });
    await expect(lasting.requests.send(ask)).rejects.toMatchObject({ kind: 'forbidden', hint: /session token/ });
    expect(lasting.http.requests).toHaveLength(1);
  });
});

describe('the address that a source names', () => {
  const settings = {
    AWS_ENDPOINT: 'https://s3.example.com',
    S3_ENDPOINT_SOURCE: 'http://balancer/next',
    S3_ENDPOINT_PORT: '8443',
    S3_ENDPOINT_PROTOCOL: 'http',
  };

  it('is where requests go, which still name the endpoint', async () => {
    const script = ({ url }: HttpRequest): ScriptedAnswer =>
      url.hostname === 'balancer' ? { status: 200, body: '10.0.0.7\n' } : ok;
    const { requests, http } = await rigOf({ script, settings });
    await requests.send(ask);
    await requests.send(ask);
    expect(http.requests.map(({ url, via }) => [url.href, via])).toEqual([
      ['http://balancer/next', undefined],
      ['http://bucket.s3.example.com/?x=1', { host: '10.0.0.7', port: 8443 }],
      ['http://balancer/next', undefined],
      ['http://bucket.s3.example.com/?x=1', { host: '10.0.0.7', port: 8443 }],
    ]);
    expect(http.requests[1]?.headers['host']).toBe('bucket.s3.example.com');
  });

  it.each([
    ['breaks', reset],
    ['refuses', { status: 500, body: '10.0.0.7' }],
    ['talks nonsense', { status: 200, body: '<html>no</html>' }],
  ])('is not used when the source %s', async (_, answer) => {
    const script = ({ url }: HttpRequest): ScriptedAnswer => (url.hostname === 'balancer' ? answer : ok);
    const { requests, http } = await rigOf({ script, settings });
    await requests.send(ask);
    expect([http.requests[1]?.url.href, http.requests[1]?.via]).toEqual([
      'https://bucket.s3.example.com/?x=1',
      undefined,
    ]);
  });
});

describe('a wait for credentials', () => {
  it('ends when the request is called off', async () => {
    const { requests } = await rigOf({
      source: { get: () => new Promise<never>(() => undefined), renew: () => false },
    });
    const signal = AbortSignal.timeout(50);
    await expect(requests.send({ ...ask, signal })).rejects.toMatchObject({ name: 'TimeoutError' });
  });
});

describe('verbs about objects', () => {
  it('do not take a missing bucket for a missing object', async () => {
    const none = await rigOf({ script: () => ({ status: 404 }) });
    await expect(headObject(none.requests, 'a')).rejects.toMatchObject({ kind: 'config', message: /no such bucket/ });
    const bucket = await rigOf({ script: ({ url }) => (url.pathname === '/' ? ok : { status: 404 }) });
    expect(await headObject(bucket.requests, 'a')).toBeUndefined();
    expect(await headObject(bucket.requests, 'b')).toBeUndefined();
    expect(bucket.http.requests).toHaveLength(3);
    await expect(getObject(none.requests, 'a')).rejects.toMatchObject({ kind: 'config', message: /no such bucket/ });
    await expect(getObject(bucket.requests, 'a')).rejects.toMatchObject({ kind: 'missing' });
    const secret = await rigOf({ script: ({ url }) => ({ status: url.pathname === '/' ? 403 : 404 }) });
    expect(await headObject(secret.requests, 'a')).toBeUndefined();
  });

  it('tell what a part of an object is a part of', async () => {
    const headers = {
      'content-range': 'bytes 5-7/100',
      'content-length': '3',
      etag: '"e"',
      'last-modified': 'Sat, 21 Nov 2026 05:00:00 GMT',
    };
    const { requests } = await rigOf({ script: () => ({ status: 206, headers, body: 'abc' }) });
    const opened = await getObject(requests, 'a', { start: 5, bytes: 3 });
    expect(opened?.head).toMatchObject({ etag: '"e"', sizeBytes: 100, crc32: undefined });
    const beyond = await rigOf({ script: () => refusal(416, 'InvalidRange') });
    expect(await getObject(beyond.requests, 'a', { start: 200 })).toBeUndefined();
  });

  it('refuse the whole where a part was asked for', async () => {
    const { requests } = await rigOf({
      script: () => ({ status: 200, headers: { 'content-length': '3' }, body: 'abc' }),
    });
    await expect(getObject(requests, 'a', { start: 1 })).rejects.toMatchObject({ kind: 'config' });
    await expect(getObject(requests, 'a', { bytes: 2 })).rejects.toMatchObject({ kind: 'config' });
    expect((await getObject(requests, 'a', { bytes: 3 }))?.head.sizeBytes).toBe(3);
  });

  it.each([
    ['an error', '<?xml version="1.0"?>\n<Error><Code>InternalError</Code></Error>'],
    ['a page of something in between', '<html>Welcome</html>'],
    ['nothing', ''],
  ])('take no answer for success that names no entity tag and tells %s', async (_, body) => {
    const { requests, http } = await rigOf({ script: inTurn({ status: 200, body }, ok, { status: 200, body }, ok) });
    await putObject(requests, 'a', [Buffer.from('x')]);
    const part = await uploadPart(requests, 'a', [Buffer.from('x')], { uploadId: 'u', partNumber: 1 });
    expect(part.etag).toBe('"e"');
    expect(http.requests).toHaveLength(4);
  });

  it('send a held body again', async () => {
    const { requests, http } = await rigOf({ script: inTurn(reset, refusal(503, 'SlowDown')) });
    await putObject(requests, 'a', [Buffer.from('x'), Buffer.from('y')]);
    expect(http.requests.map(({ body }) => Buffer.concat(body as Uint8Array[]).toString())).toEqual(['xy', 'xy', 'xy']);
  });
});
