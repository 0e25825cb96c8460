/** Listings of a container. */
import { StorageUnavailableError } from '../errors.ts';
import { elementsOf, textOf } from '../xml.ts';
import { isKey } from '../key.ts';
import type { FolderInfo, Key, ListOptions, ObjectInfo } from '../storage.ts';
import type { AzureRequests } from './requests.ts';

/** Lists objects below a folder, in pages of `pageSize` entries, by default as many as Azure gives. */
export async function* listObjects(
  requests: AzureRequests,
  folder: Key,
  { recursive = false, signal, pageSize }: ListOptions & { readonly pageSize?: number },
): AsyncIterable<ObjectInfo | FolderInfo> {
  const root = requests.nameOf('');
  const prefix = folder === '' ? root : `${requests.nameOf(folder)}/`;
  let marker: string | undefined;
  do {
    const page = await requests.sendForXml(
      {
        ...{ action: `list "${folder}"`, method: 'GET', signal },
        query: {
          ...{ restype: 'container', comp: 'list', marker },
          prefix: prefix === '' ? undefined : prefix,
          maxresults: pageSize?.toString(),
          delimiter: recursive ? undefined : '/',
        },
      },
      'EnumerationResults',
    );
    for (const blob of elementsOf(page, 'Blob')) {
      const key = nameIn(blob).slice(root.length);
      // Placeholders of folders, and the folders that some accounts really have, are no objects.
      if (isKey(key) && textOf(blob, 'ResourceType') !== 'directory') yield objectOf(key, blob);
    }
    for (const found of elementsOf(page, 'BlobPrefix')) {
      const key = nameIn(found).slice(root.length).replace(/\/$/, '');
      if (isKey(key)) yield { kind: 'folder', key };
    }
    const next = textOf(page, 'NextMarker');
    if (next !== undefined && next !== '' && next === marker) {
      throw new StorageUnavailableError(`cannot list "${folder}" in ${requests.config.location}: it comes to no end`);
    }
    marker = next;
  } while (marker !== undefined && marker !== '');
}

function objectOf(key: Key, blob: string): ObjectInfo {
  return {
    kind: 'object',
    key,
    sizeBytes: Number(textOf(blob, 'Content-Length')),
    modified: new Date(textOf(blob, 'Last-Modified') ?? 0),
  };
}

/** Names that XML cannot hold come percent-encoded. */
function nameIn(element: string): string {
  const name = textOf(element, 'Name') ?? '';
  return /<Name\s+Encoded="true"/i.test(element) ? decodeURIComponent(name) : name;
}
