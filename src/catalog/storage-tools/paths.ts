/** Paths as users write them on the command line, and what they mean in a storage. */
import { checkKey, checkPrefix } from '../../storage/key.ts';
import { ObjectNotFoundError } from '../../storage/errors.ts';
import type { Abortable, FolderInfo, Key, ObjectInfo, Storage } from '../../storage/storage.ts';
import { globMatcher } from '../glob.ts';

/** A path, and whether its end says that it is a folder. */
export interface StoragePath {
  /** '' is the root. */
  readonly key: Key;
  readonly isFolder: boolean;
}

/** Reads a path; slashes at its ends are of no matter but that one at the end names a folder. @throws InvalidKeyError */
export function parsePath(text: string): StoragePath {
  const key = text.replace(/^(?:\.?\/+)+|\/+$/g, '').replace(/^\.$/, '');
  checkPrefix(key);
  return { key, isFolder: key === '' || text.endsWith('/') };
}

/** The same for what must be an object. @throws InvalidKeyError */
export function parseObjectPath(text: string): Key {
  const { key } = parsePath(text);
  checkKey(key);
  return key;
}

const special = /[*?[\\]/;

/**
 * The objects and folders that a pattern names, component by component; only folders that can hold one are listed.
 *
 * @throws ArchiverError (kind `usage`) for a malformed pattern
 */
export async function expandGlob(
  storage: Storage,
  pattern: string,
  options: Abortable,
): Promise<readonly (ObjectInfo | FolderInfo)[]> {
  const components = pattern.replace(/^\/+|\/+$/g, '').split('/');
  const found: (ObjectInfo | FolderInfo)[] = [];

  async function walk(folder: Key, depth: number): Promise<void> {
    const component = components[depth] ?? '';
    const isLast = depth === components.length - 1;
    const start = folder === '' ? '' : `${folder}/`;
    if (!special.test(component) && !isLast) {
      await walk(`${start}${component}`, depth + 1);
      return;
    }
    const matches = special.test(component) ? globMatcher(component) : (name: string) => name === component;
    const here: (ObjectInfo | FolderInfo)[] = [];
    for await (const item of storage.list(folder, options)) {
      if (matches(item.key.slice(start.length))) here.push(item);
    }
    for (const item of here.sort((a, b) => (a.key < b.key ? -1 : 1))) {
      if (isLast) found.push(item);
      else if (item.kind === 'folder') await walk(item.key, depth + 1);
    }
  }

  await walk('', 0);
  return found;
}

/** Whether there is anything below a folder. */
export async function hasObjects(storage: Storage, folder: Key, options: Abortable): Promise<boolean> {
  const items = storage.list(folder, options)[Symbol.asyncIterator]();
  const { done } = await items.next();
  await items.return?.();
  return done !== true;
}

/** All objects below a folder, or below several things that a pattern named. */
export async function objectsBelow(
  storage: Storage,
  items: Iterable<ObjectInfo | FolderInfo>,
  options: Abortable,
): Promise<readonly ObjectInfo[]> {
  const objects: ObjectInfo[] = [];
  for (const item of items) {
    if (item.kind === 'object') objects.push(item);
    else {
      for await (const one of storage.list(item.key, { ...options, recursive: true })) {
        if (one.kind === 'object') objects.push(one);
      }
    }
  }
  return objects;
}

/**
 * The objects that a path names: itself, whether it is there or not, or with `isGlob` all that match it.
 *
 * @throws ObjectNotFoundError when none matches; InvalidKeyError
 */
export async function objectKeys(
  storage: Storage,
  path: string,
  { isGlob, signal }: Abortable & { readonly isGlob: boolean },
): Promise<readonly Key[]> {
  if (!isGlob) return [parseObjectPath(path)];
  const found = await expandGlob(storage, path, { signal });
  const keys = found.flatMap(({ kind, key }) => (kind === 'object' ? [key] : []));
  if (keys.length === 0) throw new ObjectNotFoundError(path, storage.location);
  return keys;
}
