/** Listings of a storage. */
import { ObjectNotFoundError } from '../errors.ts';
import { isKey } from '../key.ts';
import type { FolderInfo, Key, ListOptions, ObjectInfo } from '../storage.ts';
import { containerPages, type ListedObject } from './container-pages.ts';
import { eachOf } from './each-of.ts';
import { headObject } from './object-requests.ts';
import type { SwiftRequests } from './requests.ts';

/** Lists objects below a folder, in pages of `pageSize` entries, by default as many as the storage gives. */
export async function* listObjects(
  requests: SwiftRequests,
  folder: Key,
  { recursive = false, signal, pageSize }: ListOptions & { readonly pageSize?: number },
): AsyncIterable<ObjectInfo | FolderInfo> {
  const root = requests.nameOf('');
  const prefix = folder === '' ? root : `${requests.nameOf(folder)}/`;
  const { container } = requests.config;
  for await (const page of containerPages(requests, { container, prefix, byFolder: !recursive, pageSize, signal })) {
    const found: ObjectInfo[] = [];
    const unsure: ListedObject[] = [];
    for (const object of page.objects) {
      const key = object.name.slice(root.length);
      if (!object.name.startsWith(root) || !isKey(key)) continue;
      // Of an object that is all of a name's beginning, a listing tells the size of its own bytes, which is none.
      if (object.sizeBytes === 0) unsure.push(object);
      else found.push({ kind: 'object', key, sizeBytes: object.sizeBytes, modified: object.modified });
    }
    await eachOf(unsure, async ({ name }) => {
      const info = await lookedAt(requests, name.slice(root.length), signal);
      if (info !== undefined) found.push(info);
    });
    yield* found;
    for (const name of page.folders) {
      const key = name.slice(root.length).replace(/\/$/, '');
      if (name.startsWith(root) && isKey(key)) yield { kind: 'folder', key };
    }
  }
}

/** What is known of one object; undefined when there is none, or when it stands for a folder. */
export async function lookedAt(
  requests: SwiftRequests,
  key: Key,
  signal: AbortSignal | undefined,
): Promise<ObjectInfo | undefined> {
  try {
    const { isFolder, sizeBytes, modified } = await headObject(requests, key, { signal });
    return isFolder ? undefined : { kind: 'object', key, sizeBytes, modified };
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return undefined;
    throw error;
  }
}
