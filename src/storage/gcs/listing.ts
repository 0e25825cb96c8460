/** Listing objects, in pages of a thousand. */
import { StorageUnavailableError } from '../errors.ts';
import { isKey } from '../key.ts';
import type { FolderInfo, Key, ListOptions, ObjectInfo } from '../storage.ts';
import { infoFields, infoOf, type GcsObject } from './object-resource.ts';
import type { GcsRequests } from './requests.ts';

/** What WAL-G leaves of an upload that was killed: `wal_005/NAME_chunks/chunk3`, `…/composite32`. */
const temporary = /(?:^|\/)[^/]+_chunks\/(?:chunk|composite)\d+$/;

const pageSize = 1_000;

/** One page. */
interface Page {
  readonly items: readonly Partial<GcsObject>[];
  readonly prefixes: readonly string[];
  readonly nextPageToken: string;
}

/** Lists what is below a folder, but for the temporary objects of WAL-G. */
export async function* listObjects(
  requests: GcsRequests,
  prefix: Key,
  options: ListOptions = {},
): AsyncGenerator<ObjectInfo | FolderInfo, void> {
  for await (const info of everything(requests, prefix, options)) {
    if (info.kind === 'folder' || !temporary.test(info.key)) yield info;
  }
}

/** Lists the temporary objects of WAL-G below a folder. */
export async function* listTemporaries(
  requests: GcsRequests,
  prefix: Key,
  { signal }: ListOptions = {},
): AsyncGenerator<ObjectInfo, void> {
  for await (const info of everything(requests, prefix, { signal, recursive: true })) {
    if (info.kind === 'object' && temporary.test(info.key)) yield info;
  }
}

async function* everything(
  requests: GcsRequests,
  prefix: Key,
  { signal, recursive = false }: ListOptions,
): AsyncGenerator<ObjectInfo | FolderInfo, void> {
  const { start } = requests.config;
  const below = prefix === '' ? '' : `${prefix}/`;
  let pageToken: string | undefined;
  do {
    signal?.throwIfAborted();
    const page: Partial<Page> = await requests.sendForJson<Page>({
      action: `list "${prefix}"`,
      method: 'GET',
      to: requests.objectsPath(),
      query: {
        prefix: start + below === '' ? undefined : start + below,
        delimiter: recursive ? undefined : '/',
        maxResults: pageSize,
        pageToken,
        fields: `items(${infoFields}),prefixes,nextPageToken`,
      },
      signal,
    });
    for (const item of page.items ?? []) {
      const key = (item.name ?? '').slice(start.length);
      // Placeholders that consoles make for folders, and names that no key can have.
      if (isKey(key)) yield infoOf(key, item);
    }
    for (const folder of page.prefixes ?? []) {
      const key = folder.slice(start.length, -1);
      if (isKey(key)) yield { kind: 'folder', key };
    }
    const next = page.nextPageToken;
    if (next !== undefined && next !== '' && next === pageToken) {
      throw new StorageUnavailableError(`cannot list "${prefix}" in ${requests.config.location}: it comes to no end`);
    }
    pageToken = next;
  } while (pageToken !== undefined && pageToken !== '');
}
