import { describe, expect, it } from 'vitest';
import { ObjectNotFoundError } from '../../../../src/storage/errors.ts';
import type { HttpCall, ScriptedAnswer } from '../../../../testtools/services/http-script.ts';
import { openScriptedS3, refusal } from '../../../../testtools/services/scripted-s3.ts';

const gib = 1024 ** 3;

/** A server with one object of that size. */
function having(sizeBytes: number): (call: HttpCall) => ScriptedAnswer {
  return ({ method, path, query }) => {
    if (path === '/bucket/') return { status: 200 };
    if (method === 'HEAD') {
      if (path !== '/bucket/db/f/from & that') return { status: 404 };
      return { status: 200, headers: { 'content-length': String(sizeBytes), etag: '"1"' } };
    }
    if (query.has('uploads')) return { status: 200, body: '<R><UploadId>id</UploadId></R>' };
    const made = method === 'POST' ? 'CompleteMultipartUpload' : query.has('partNumber') ? 'CopyPart' : 'CopyObject';
    if (method !== 'DELETE') return { status: 200, body: `<${made}Result><ETag>"e"</ETag></${made}Result>` };
    return { status: 204 };
  };
}

describe('copying within S3', () => {
  it('lets the storage do it', async () => {
    await using s3 = await openScriptedS3(having(100));
    await s3.storage.copy('f/from & that', 'to');
    expect(s3.asked()).toEqual(['HEAD db/f/from & that', 'PUT db/to']);
    expect(s3.calls[1]?.headers).toMatchObject({
      'x-amz-copy-source': '/bucket/db/f/from%20%26%20that',
      'x-amz-copy-source-if-match': '"1"',
      'x-amz-storage-class': 'STANDARD',
    });
  });

  it('does nothing to an object that is its own copy', async () => {
    await using s3 = await openScriptedS3(having(100));
    await s3.storage.copy('f/from & that', 'f/from & that');
    expect(s3.asked()).toEqual(['HEAD db/f/from & that']);
  });

  it('copies what is longer than one request may copy in parts', async () => {
    await using s3 = await openScriptedS3(having(5 * gib + 1));
    await s3.storage.copy('f/from & that', 'to');
    const ranges = s3.calls.map(({ headers }) => headers['x-amz-copy-source-range']).filter((one) => one !== undefined);
    expect(ranges).toHaveLength(11);
    expect(ranges).toContain(`bytes=0-${gib / 2 - 1}`);
    expect(ranges).toContain(`bytes=${5 * gib}-${5 * gib}`);
    expect(s3.asked().at(-1)).toBe('POST db/to?uploadId');
  });

  it.each([
    ['nothing', ''],
    ['spaces', '   \n'],
    ['a page', '<html>Welcome</html>'],
  ])('takes no answer for success that consists of %s', async (_, body) => {
    for (const sizeBytes of [100, 5 * gib + 1]) {
      const server = having(sizeBytes);
      let strange = 0;
      await using s3 = await openScriptedS3((call) => {
        const answer = server(call);
        const isLast = call.method === (sizeBytes === 100 ? 'PUT' : 'POST') && !call.query.has('uploads');
        return isLast && (strange += 1) === 1 ? { status: 200, body } : answer;
      });
      await s3.storage.copy('f/from & that', 'to');
      expect(strange).toBe(2);
    }
  });

  it('leaves nothing when a part cannot be copied', async () => {
    const server = having(6 * gib);
    await using s3 = await openScriptedS3((call) =>
      call.query.get('partNumber') === '3' ? refusal(403, 'AccessDenied') : server(call),
    );
    await expect(s3.storage.copy('f/from & that', 'to')).rejects.toMatchObject({ kind: 'forbidden' });
    expect(s3.asked().at(-1)).toBe('DELETE db/to?uploadId');
  });

  it('notices an error behind the status 200, and a source that went away', async () => {
    const server = having(100);
    for (const [status, code, expected] of [
      [200, 'AccessDenied', { kind: 'forbidden' }],
      [404, 'NoSuchKey', { kind: 'missing', key: 'f/from & that' }],
    ] as const) {
      await using s3 = await openScriptedS3((call) => (call.method === 'PUT' ? refusal(status, code) : server(call)));
      await expect(s3.storage.copy('f/from & that', 'to')).rejects.toMatchObject(expected);
    }
    await using s3 = await openScriptedS3(server);
    await expect(s3.storage.copy('none', 'to')).rejects.toThrow(ObjectNotFoundError);
  });
});
