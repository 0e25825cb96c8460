/** Versions of objects, of any storage: where none are kept, each object is its only one. */
import { ArchiverError } from '../errors.ts';
import type { Abortable, Key, ObjectVersionInfo, Storage } from './storage.ts';

/** All versions of everything below a folder, in any order. */
export async function* versionsBelow(
  storage: Storage,
  prefix: Key,
  options: Abortable = {},
): AsyncGenerator<ObjectVersionInfo> {
  if (storage.versions !== undefined) {
    yield* storage.versions.list(prefix, options);
    return;
  }
  for await (const item of storage.list(prefix, { ...options, recursive: true })) {
    if (item.kind === 'object') yield { ...item, version: undefined, state: 'latest' };
  }
}

/** Removes one version for good. @throws ArchiverError (kind `usage`) where none are kept */
export async function deleteVersion(
  storage: Storage,
  key: Key,
  version: string,
  options: Abortable = {},
): Promise<void> {
  if (storage.versions === undefined) {
    throw new ArchiverError('usage', `no versions of objects are kept in ${storage.location}`, {
      hint: 'Leave --version-id out to delete the object.',
    });
  }
  await storage.versions.delete(key, version, options);
}
