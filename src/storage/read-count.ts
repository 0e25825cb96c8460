/** Tells how much is read of a storage. */
import { counted } from '../bytes/stage.ts';
import type { Storage } from './storage.ts';

/** The same storage; whatever is read of objects is told as it passes, as stored. */
export function withReadCount(storage: Storage, onBytes: (bytes: number) => void): Storage {
  const protection = storage.protection?.bind(storage);
  return {
    location: storage.location,
    isRemote: storage.isRemote,
    read: async (key, options) => counted(onBytes)(await storage.read(key, options)),
    write: (key, body, options) => storage.write(key, body, options),
    stat: (key, options) => storage.stat(key, options),
    list: (prefix, options) => storage.list(prefix, options),
    delete: (keys, options) => storage.delete(keys, options),
    copy: (from, to, options) => storage.copy(from, to, options),
    removeLeftovers: (prefix, options) => storage.removeLeftovers(prefix, options),
    ...(protection !== undefined && { protection }),
    members: storage.members,
    copies: storage.copies,
    versions: storage.versions,
    [Symbol.asyncDispose]: () => storage[Symbol.asyncDispose](),
  };
}
