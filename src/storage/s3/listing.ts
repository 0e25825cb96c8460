/** Listings of a bucket: ListObjectsV2, or the old ListObjects. Nothing relies on their order. */
import { ArchiverError } from '../../errors.ts';
import { isKey } from '../key.ts';
import type { FolderInfo, Key, ListOptions, ObjectInfo } from '../storage.ts';
import { answerBehind } from './answer-error.ts';
import type { S3Requests } from './request.ts';
import { elementsOf, textOf } from '../xml.ts';

/** Lists what is below a folder. What is no key in the sense of storages, such as a folder's own placeholder, is left out. */
export async function* listObjects(
  requests: S3Requests,
  folder: Key,
  { recursive = false, signal }: ListOptions = {},
): AsyncGenerator<ObjectInfo | FolderInfo, void, undefined> {
  const start = startOf(requests, folder);
  const inner = (text: string | undefined): Key | undefined => {
    const key = text?.slice(requests.inBucket('').length);
    return key === undefined || text?.startsWith(start) !== true || !isKey(key) ? undefined : key;
  };
  for await (const page of pages(requests, { folder, start, recursive, signal })) {
    for (const entry of elementsOf(page, 'Contents')) {
      const key = inner(textOf(entry, 'Key'));
      if (key === undefined) continue;
      yield { kind: 'object', key, sizeBytes: Number(textOf(entry, 'Size')), modified: modifiedOf(entry) };
    }
    for (const entry of recursive ? [] : elementsOf(page, 'CommonPrefixes')) {
      const key = inner(textOf(entry, 'Prefix')?.replace(/\/$/, ''));
      if (key !== undefined) yield { kind: 'folder', key };
    }
  }
}

/** Of both kinds of listing. */
const root = 'ListBucketResult';

/** Asks for one object below the prefix, by the old request that every compatible has. @throws when listing is refused */
export async function checkListing(
  requests: S3Requests,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<void> {
  await requests.sendForText({
    action: 'list',
    method: 'GET',
    query: { prefix: startOf(requests, ''), 'max-keys': 1 },
    root,
    signal,
  });
}

/** How the keys below a folder begin, as the bucket knows them; '' for all of the bucket. */
export function startOf(requests: S3Requests, folder: Key): string {
  const outer = folder === '' ? requests.config.prefix : requests.inBucket(folder);
  return outer === '' ? '' : `${outer}/`;
}

/** To the second, as the other requests tell it: one object has one time. */
export function modifiedOf(entry: string): Date {
  const time = Date.parse(textOf(entry, 'LastModified') ?? '');
  return new Date(Number.isNaN(time) ? 0 : Math.floor(time / 1_000) * 1_000);
}

interface Listing {
  readonly folder: Key;
  readonly start: string;
  readonly recursive: boolean;
  readonly signal: AbortSignal | undefined;
}

async function* pages(
  requests: S3Requests,
  { folder, start, recursive, signal }: Listing,
): AsyncGenerator<string, void, undefined> {
  const { listV1 } = requests.config.objects;
  const common = { prefix: start, ...(!recursive && { delimiter: '/' }) };
  for (let from: string | undefined; ;) {
    const query = listV1 ? { ...common, marker: from } : { ...common, 'list-type': 2, 'continuation-token': from };
    let page: string;
    try {
      page = (await requests.sendForText({ action: `list "${folder}"`, method: 'GET', query, root, signal })).text;
    } catch (error) {
      // Some compatibles know no empty folders.
      if (/^(NoSuchKey|NotFound)$/.test(answerBehind(error)?.code ?? '')) return;
      throw error;
    }
    yield page;
    if (textOf(page, 'IsTruncated')?.trim() !== 'true') return;
    const next = listV1 ? (textOf(page, 'NextMarker') ?? lastOf(page)) : textOf(page, 'NextContinuationToken');
    if (next === undefined || next === '' || next === from) {
      throw new ArchiverError(
        'unavailable',
        `cannot list "${folder}" in ${requests.config.location}: it comes to no end`,
      );
    }
    from = next;
  }
}

/** The old request tells where the next page begins only with a delimiter, and some compatibles never. */
function lastOf(page: string): string | undefined {
  const keys = elementsOf(page, 'Contents').map((entry) => textOf(entry, 'Key') ?? '');
  const folders = elementsOf(page, 'CommonPrefixes').map((entry) => textOf(entry, 'Prefix') ?? '');
  return [keys.at(-1) ?? '', folders.at(-1) ?? ''].sort().at(-1);
}
