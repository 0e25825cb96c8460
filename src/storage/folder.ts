/** A storage seen from one of its folders: `WALG_STORAGE_PREFIX`. Adapters know nothing of it. */
import { checkKey, checkPrefix } from './key.ts';
import type { Abortable, FolderInfo, Key, ListOptions, ObjectInfo, ObjectVersionInfo, Storage } from './storage.ts';

/** A view whose root is the folder `folder` of `storage`; disposing of it disposes of the storage. */
export function inFolder(storage: Storage, folder: Key): Storage {
  checkKey(folder);
  const start = `${folder}/`;

  function outer(key: Key): Key {
    // Before it is joined: an empty key would otherwise name the folder itself.
    checkKey(key);
    return start + key;
  }

  function outerPrefix(prefix: Key): Key {
    checkPrefix(prefix);
    return prefix === '' ? folder : start + prefix;
  }

  function inner<T extends ObjectInfo | FolderInfo>(info: T): T {
    return { ...info, key: info.key.slice(start.length) };
  }

  async function* list(prefix: Key, options?: ListOptions): AsyncIterable<ObjectInfo | FolderInfo> {
    for await (const info of storage.list(outerPrefix(prefix), options)) yield inner(info);
  }

  const protection = storage.protection?.bind(storage);
  const { versions } = storage;
  const innerVersions = versions && {
    async *list(prefix: Key, options?: Abortable): AsyncIterable<ObjectVersionInfo> {
      for await (const info of versions.list(outerPrefix(prefix), options)) yield inner(info);
    },
    delete: async (key: Key, version: string, options?: Abortable) => versions.delete(outer(key), version, options),
  };
  return {
    location: `${storage.location.replace(/\/$/, '')}/${folder}`,
    isRemote: storage.isRemote,
    read: async (key, options) => storage.read(outer(key), options),
    write: async (key, body, options) => storage.write(outer(key), body, options),
    stat: async (key, options) => {
      const info = await storage.stat(outer(key), options);
      return info === undefined ? undefined : inner(info);
    },
    list,
    delete: async (keys, options) => storage.delete(keys.map(outer), options),
    copy: async (from, to, options) => storage.copy(outer(from), outer(to), options),
    removeLeftovers: async (prefix, options) => storage.removeLeftovers(outerPrefix(prefix), options),
    ...(protection !== undefined && { protection }),
    ...(innerVersions !== undefined && { versions: innerVersions }),
    [Symbol.asyncDispose]: () => storage[Symbol.asyncDispose](),
  };
}
