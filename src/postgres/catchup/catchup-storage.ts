/**
 * Catchups are laid out like backups, in another folder: to what reads and writes backups, this shows them as such. Only
 * objects below `basebackups_005` can be seen through it, and they are in `catchup_005`.
 */
import { backupsFolder, catchupsFolder } from '../../catalog/layout.ts';
import type { Key, NamedStorage, Storage, WriteOptions } from '../../storage/storage.ts';

/** Where an object of a catchup is: `basebackups_005/x` → `catchup_005/x`. */
export function catchupKeyOf(key: Key): Key {
  return moved(key, backupsFolder, catchupsFolder);
}

/** Where it is shown: `catchup_005/x` → `basebackups_005/x`. */
export function backupKeyOf(key: Key): Key {
  return moved(key, catchupsFolder, backupsFolder);
}

function moved(key: Key, from: string, to: string): Key {
  return key === from || key.startsWith(`${from}/`) ? to + key.slice(from.length) : key;
}

/** The storage, with catchups in the place of backups. Not to be disposed of on its own. */
export function asCatchups(storage: Storage): Storage {
  const shownAll = (all: readonly NamedStorage[] | undefined): readonly NamedStorage[] | undefined =>
    all?.map((one) => ({
      name: one.name,
      storage: asCatchups(one.storage),
      get isAlive() {
        return one.isAlive;
      },
    }));
  return {
    location: storage.location,
    isRemote: storage.isRemote,
    get members() {
      return shownAll(storage.members);
    },
    get copies() {
      return shownAll(storage.copies);
    },
    read: (key, options) => storage.read(catchupKeyOf(key), options),
    write: (key, body, options) => storage.write(catchupKeyOf(key), body, movedOptions(options)),
    async stat(key, options) {
      const info = await storage.stat(catchupKeyOf(key), options);
      return info === undefined ? undefined : { ...info, key };
    },
    async *list(prefix, options) {
      for await (const info of storage.list(catchupKeyOf(prefix), options)) {
        yield { ...info, key: backupKeyOf(info.key) };
      }
    },
    delete: (keys, options) => storage.delete(keys.map(catchupKeyOf), options),
    copy: (from, to, options) => storage.copy(catchupKeyOf(from), catchupKeyOf(to), options),
    removeLeftovers: (prefix, options) => storage.removeLeftovers(catchupKeyOf(prefix), options),
    [Symbol.asyncDispose]: () => storage[Symbol.asyncDispose](),
  };
}

function movedOptions(options: WriteOptions | undefined): WriteOptions | undefined {
  if (options?.completes === undefined) return options;
  return {
    ...options,
    completes: options.completes.map(({ key, sizeBytes }) => ({ key: catchupKeyOf(key), sizeBytes })),
  };
}
