import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { HttpCall, ScriptedAnswer } from '../../../../testtools/services/http-script.ts';
import { openScriptedS3, refusal } from '../../../../testtools/services/scripted-s3.ts';

const unversioned = { S3_ENABLE_VERSIONING: 'disabled' };
const keys = ['f/a', 'f/b & c', 'g/d'];
const done: ScriptedAnswer = { status: 200, body: '<DeleteResult xmlns="x"/>' };
const asksFor = ({ body }: HttpCall): readonly string[] =>
  [...body.toString().matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key]) => key ?? '');
const isBatch = ({ method, query }: HttpCall): boolean => method === 'POST' && query.has('delete');

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('deleting from S3', () => {
  it('is one request for many objects, with what old storages demand of it', async () => {
    await using s3 = await openScriptedS3(() => done, unversioned);
    await s3.storage.delete(keys);
    expect(s3.asked()).toEqual(['POST ?delete']);
    const [call] = s3.calls;
    expect(call?.headers['content-md5']).toBe(
      createHash('md5')
        .update(call?.body ?? '')
        .digest('base64'),
    );
    expect(call?.body.toString()).toContain('<Key>db/f/b &amp; c</Key></Object>');
    expect(call?.body.toString()).not.toContain('VersionId');
  });

  it('keeps to the size of batches, and takes single requests for single objects', async () => {
    await using s3 = await openScriptedS3((call) => (isBatch(call) ? done : { status: 204 }), {
      ...unversioned,
      S3_DELETE_BATCH_SIZE: '2',
    });
    await s3.storage.delete(keys);
    await s3.storage.delete([]);
    expect(s3.asked()).toEqual(['POST ?delete', 'DELETE db/g/d']);
  });

  it('tells what could not be deleted, though the answer is 200', async () => {
    const error = '<Error><Key>db/f/b &amp; c</Key><Code>AccessDenied</Code><Message>locked</Message></Error>';
    const unknown = '<Error><Key>db/f/a</Key><Code>NoSuchKey</Code></Error>';
    await using s3 = await openScriptedS3(
      () => ({ status: 200, body: `<DeleteResult>${unknown}${error}</DeleteResult>` }),
      unversioned,
    );
    await expect(s3.storage.delete(keys)).rejects.toMatchObject({
      kind: 'forbidden',
      message: expect.stringContaining('"f/b & c"') as string,
    });
  });

  it('asks again for what may pass, and only for that', async () => {
    await using s3 = await openScriptedS3(
      (call) =>
        asksFor(call).length === 1
          ? done
          : {
              status: 200,
              body: '<DeleteResult><Error><Key>db/g/d</Key><Code>InternalError</Code></Error></DeleteResult>',
            },
      unversioned,
    );
    await s3.storage.delete(keys);
    expect(s3.calls.map(asksFor).at(-1)).toEqual(['db/g/d']);
    expect(s3.calls).toHaveLength(2);
  });

  it('asks again for all of them when it cannot be told what an error is about', async () => {
    let count = 0;
    await using s3 = await openScriptedS3(() => {
      count += 1;
      if (count > 1) return done;
      return { status: 200, body: '<DeleteResult><Error><Code>InternalError</Code></Error></DeleteResult>' };
    }, unversioned);
    await s3.storage.delete(keys);
    expect(s3.calls.map((call) => asksFor(call).length)).toEqual([3, 3]);
  });

  it('does not take the page of a proxy for an answer', async () => {
    for (const body of ['<!DOCTYPE html><html><body>log in</body></html>', '', '<DeleteResultElse/>']) {
      await using s3 = await openScriptedS3(() => ({ status: 200, body }), { ...unversioned, S3_MAX_RETRIES: '0' });
      await expect(s3.storage.delete(keys)).rejects.toMatchObject({ kind: 'unavailable' });
    }
  });

  it('takes nothing from the environment or files of AWS', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL_S3', 'http://127.0.0.1:9');
    vi.stubEnv('AWS_RETRY_MODE', 'no such mode');
    vi.stubEnv('AWS_MAX_ATTEMPTS', 'many');
    vi.stubEnv('AWS_REQUEST_CHECKSUM_CALCULATION', 'sometimes');
    vi.stubEnv('AWS_CONFIG_FILE', '/dev/full');
    await using s3 = await openScriptedS3(() => done, unversioned);
    await s3.storage.delete(keys);
    expect(Object.keys(s3.calls[0]?.headers ?? {}).filter((name) => /sdk|user-agent/.test(name))).toEqual([]);
  });

  it.each([
    [501, 'NotImplemented'],
    [405, 'MethodNotAllowed'],
    [400, 'InvalidRequest'],
  ])('goes one by one after %d %s, from then on', async (status, code) => {
    await using s3 = await openScriptedS3(
      (call) =>
        isBatch(call) ? refusal(status, code) : call.path.endsWith('g/d') ? refusal(404, 'NoSuchKey') : { status: 204 },
      unversioned,
    );
    await s3.storage.delete(keys);
    await s3.storage.delete(keys);
    expect(s3.asked().filter((one) => one === 'POST ?delete')).toHaveLength(1);
    expect(s3.asked().filter((one) => one.startsWith('DELETE '))).toHaveLength(6);
  });

  it('does not go one by one where deleting is forbidden', async () => {
    await using s3 = await openScriptedS3(() => refusal(403, 'AccessDenied'), unversioned);
    await expect(s3.storage.delete(keys)).rejects.toMatchObject({ kind: 'forbidden' });
    expect(s3.calls).toHaveLength(1);
  });
});

describe('deleting from S3 where versions are kept', () => {
  const version = (key: string, id: string, name = 'Version'): string =>
    `<${name}><Key>${key}</Key><VersionId>${id}</VersionId><IsLatest>true</IsLatest></${name}>`;

  function versioned({ query, method }: HttpCall): ScriptedAnswer {
    if (query.has('versioning')) {
      return { status: 200, body: '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>' };
    }
    if (method === 'POST' || method === 'DELETE') return done;
    const prefix = query.get('prefix') ?? '';
    if (!query.has('key-marker') && prefix === 'db/f/') {
      const entries = version('db/f/a', '1') + version('db/f/x', '9') + version('db/f/a', '2', 'DeleteMarker');
      const next = '<NextKeyMarker>db/f/a</NextKeyMarker><NextVersionIdMarker>2</NextVersionIdMarker>';
      return {
        status: 200,
        body: `<ListVersionsResult><IsTruncated>true</IsTruncated>${next}${entries}</ListVersionsResult>`,
      };
    }
    const entries = prefix === 'db/f/' ? version('db/f/b & c'.replace('&', '&amp;'), '3') : version('db/g/d', 'null');
    return { status: 200, body: `<ListVersionsResult><IsTruncated>false</IsTruncated>${entries}</ListVersionsResult>` };
  }

  it('deletes versions and markers of these objects alone, and asks once whether there are some', async () => {
    await using s3 = await openScriptedS3(versioned);
    await s3.storage.delete(keys);
    const batches = s3.calls.filter(isBatch).map(({ body }) => body.toString());
    const objects = [...(batches[0] ?? '').matchAll(/<Key>([^<]*)<\/Key><VersionId>([^<]*)</g)].map(
      ([, ...both]) => both,
    );
    expect(objects).toEqual([
      ['db/f/a', '1'],
      ['db/f/a', '2'],
      ['db/f/b &amp; c', '3'],
    ]);
    expect(s3.asked().at(-1)).toBe('DELETE db/g/d?versionId');
    await s3.storage.delete(['g/d']);
    expect(s3.asked().filter((one) => one === 'GET ?versioning')).toHaveLength(1);
  });

  it('asks for no versions where that is said, refused or not known', async () => {
    for (const [settings, answer] of [
      [{ S3_ENABLE_VERSIONING: 'disabled' }, done],
      [{}, { status: 200, body: '<VersioningConfiguration/>' }],
      [{}, refusal(403, 'AccessDenied')],
      [{}, refusal(501, 'NotImplemented')],
      [{}, refusal(404, 'NoSuchKey')],
    ] as const) {
      await using s3 = await openScriptedS3((call) => (call.query.has('versioning') ? answer : done), settings);
      await s3.storage.delete(keys);
      expect(s3.asked().filter((one) => one.includes('versions'))).toEqual([]);
      expect(s3.asked().at(-1)).toBe('POST ?delete');
    }
  });
});
