/** Holds the bytes of a storage to a rate, both directions together (`WALG_NETWORK_RATE_LIMIT`). */
import { rateLimited, type RateLimiter } from '../bytes/rate-limiter.ts';
import type { Storage } from './storage.ts';

/** The same storage, whose reads and writes pass through the limiter. Copies within the storage are not limited. */
export function withRateLimit(storage: Storage, limiter: RateLimiter): Storage {
  const protection = storage.protection?.bind(storage);
  return {
    location: storage.location,
    isRemote: storage.isRemote,
    read: async (key, options) => rateLimited(limiter, options?.signal)(await storage.read(key, options)),
    write: (key, body, options) => storage.write(key, rateLimited(limiter, options?.signal)(body), options),
    stat: (key, options) => storage.stat(key, options),
    list: (prefix, options) => storage.list(prefix, options),
    delete: (keys, options) => storage.delete(keys, options),
    copy: (from, to, options) => storage.copy(from, to, options),
    removeLeftovers: (prefix, options) => storage.removeLeftovers(prefix, options),
    ...(protection !== undefined && { protection }),
    versions: storage.versions,
    [Symbol.asyncDispose]: () => storage[Symbol.asyncDispose](),
  };
}
