/** A storage that is opened when it is needed: one of several, of which one may be away without ending the run. */
import type { FolderInfo, ObjectInfo, ObjectVersionInfo, Storage } from './storage.ts';
import { deleteVersion, versionsBelow } from './versions.ts';

/**
 * Opens at the first call, and tries again at the next one when that failed; what the opening throws, the call throws.
 *
 * @param location for messages until it is open
 */
export function openedLater(location: string, open: () => Promise<Storage>): Storage {
  let opening: Promise<Storage> | undefined;
  let opened: Storage | undefined;

  function storage(): Promise<Storage> {
    opening ??= open().then(
      (storage) => (opened = storage),
      (error: unknown) => {
        opening = undefined;
        throw error;
      },
    );
    return opening;
  }

  return {
    get location() {
      return opened?.location ?? location;
    },
    isRemote: true,
    read: async (key, options) => (await storage()).read(key, options),
    write: async (key, body, options) => (await storage()).write(key, body, options),
    stat: async (key, options) => (await storage()).stat(key, options),
    async *list(prefix, options): AsyncIterable<ObjectInfo | FolderInfo> {
      yield* (await storage()).list(prefix, options);
    },
    delete: async (keys, options) => (await storage()).delete(keys, options),
    copy: async (from, to, options) => (await storage()).copy(from, to, options),
    removeLeftovers: async (prefix, options) => (await storage()).removeLeftovers(prefix, options),
    protection: async (options) => (await (await storage()).protection?.(options)) ?? {},
    versions: {
      async *list(prefix, options): AsyncIterable<ObjectVersionInfo> {
        yield* versionsBelow(await storage(), prefix, options);
      },
      delete: async (key, version, options) => deleteVersion(await storage(), key, version, options),
    },
    async [Symbol.asyncDispose]() {
      await (await opening?.catch(() => undefined))?.[Symbol.asyncDispose]();
    },
  };
}
