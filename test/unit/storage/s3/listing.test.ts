import { describe, expect, it } from 'vitest';
import type { FolderInfo, ListOptions, ObjectInfo } from '../../../../src/storage/storage.ts';
import { openScriptedS3, refusal, type ScriptedS3 } from '../../../../testtools/services/scripted-s3.ts';

async function all(
  { storage }: ScriptedS3,
  prefix: string,
  options?: ListOptions,
): Promise<(ObjectInfo | FolderInfo)[]> {
  const found: (ObjectInfo | FolderInfo)[] = [];
  for await (const info of storage.list(prefix, options)) found.push(info);
  return found;
}

const object = (key: string): string =>
  `<Contents><Key>${key}</Key><LastModified>2026-01-02T03:04:05.678Z</LastModified><Size>9</Size><Owner><ID>x</ID></Owner></Contents>`;
const page = (body: string, next = ''): string =>
  `<?xml version="1.0"?><ListBucketResult><Prefix>db/</Prefix>${body}<IsTruncated>${next !== ''}</IsTruncated>${next}</ListBucketResult>`;

describe('a listing of S3', () => {
  it('gives objects and folders of all pages, without placeholders and what is no key', async () => {
    await using s3 = await openScriptedS3(({ query }) => ({
      status: 200,
      body:
        query.get('continuation-token') === 'next&1'
          ? page(`${object('db/f/&#x26;b')}<CommonPrefixes><Prefix>db/f/h/</Prefix></CommonPrefixes>`)
          : page(
              `${object('db/f/')}${object('db/f/a')}${object('db/f//x')}<CommonPrefixes><Prefix>db/f/g/</Prefix></CommonPrefixes>
               <CommonPrefixes><Prefix>db/f//</Prefix></CommonPrefixes>`,
              '<NextContinuationToken>next&amp;1</NextContinuationToken>',
            ),
    }));
    const modified = new Date('2026-01-02T03:04:05Z');
    expect(await all(s3, 'f')).toEqual([
      { kind: 'object', key: 'f/a', sizeBytes: 9, modified },
      { kind: 'folder', key: 'f/g' },
      { kind: 'object', key: 'f/&b', sizeBytes: 9, modified },
      { kind: 'folder', key: 'f/h' },
    ]);
    expect(Object.fromEntries(s3.calls[0]?.query ?? [])).toEqual({ 'list-type': '2', prefix: 'db/f/', delimiter: '/' });
  });

  it('goes on by the last name where the old request tells no next one', async () => {
    await using s3 = await openScriptedS3(
      ({ query }) => ({
        status: 200,
        body: query.has('marker') ? page(object('db/c')) : page(object('db/b') + object('db/a'), ' '),
      }),
      { S3_USE_LIST_OBJECTS_V1: 'true' },
    );
    expect((await all(s3, '', { recursive: true })).map(({ key }) => key)).toEqual(['b', 'a', 'c']);
    expect(s3.calls.map(({ query }) => query.get('marker'))).toEqual([null, 'db/a']);
  });

  it('ends when it comes to no end', async () => {
    await using s3 = await openScriptedS3(() => ({
      status: 200,
      body: page(object('db/a'), '<NextContinuationToken>same</NextContinuationToken>'),
    }));
    await expect(all(s3, '')).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('does not take the page of a proxy, or nothing at all, for an empty archive', async () => {
    for (const body of ['<!DOCTYPE html><html><body>log in</body></html>', '']) {
      await using s3 = await openScriptedS3(() => ({ status: 200, body }), { S3_MAX_RETRIES: '0' });
      await expect(all(s3, 'f')).rejects.toMatchObject({ kind: 'unavailable' });
    }
  });

  it('takes what some compatibles say of empty folders for that, and nothing else', async () => {
    await using empty = await openScriptedS3(() => refusal(404, 'NoSuchKey'));
    expect(await all(empty, 'f')).toEqual([]);
    await using gone = await openScriptedS3(() => refusal(404, 'NoSuchBucket'));
    await expect(all(gone, 'f')).rejects.toMatchObject({ kind: 'config' });
    await using web = await openScriptedS3(() => ({ status: 404, body: '<html>not found</html>' }));
    await expect(all(web, 'f')).rejects.toThrow();
  });
});
