/** A storage that fails as it is told: for tests of whoever uses one. */
import type { ByteSource } from '../src/bytes/stage.ts';
import { StorageUnavailableError } from '../src/storage/errors.ts';
import type { Key, Storage } from '../src/storage/storage.ts';

/** The methods of a storage that can be made to fail. */
export type StorageVerb = 'read' | 'write' | 'stat' | 'list' | 'delete' | 'copy' | 'removeLeftovers';

/** One call, as the plan of failures sees it. */
export interface StorageCall {
  readonly verb: StorageVerb;
  /** The key or prefix; of `delete` the first one, of `copy` the source. */
  readonly key: Key;
  /** Which call of this verb it is, from 1. */
  readonly count: number;
}

/** How a call fails. */
export interface Fault {
  /** Default: a `StorageUnavailableError`. */
  readonly error?: Error;
  /** Before anything is done (default), in the middle, or when all is done and only the answer is lost. */
  readonly when?: 'before' | 'midway' | 'after';
  /** With `midway`: after so many bytes of a body or entries of a listing. Default 0. */
  readonly after?: number;
}

/** A faulty storage, and what was asked of it. */
export interface FaultyStorage extends Storage {
  readonly calls: readonly StorageCall[];
}

/** Wraps a storage; `plan` is asked at every call how, if at all, it is to fail. */
export function faultyStorage(storage: Storage, plan: (call: StorageCall) => Fault | undefined): FaultyStorage {
  const calls: StorageCall[] = [];

  function note(verb: StorageVerb, key: Key): Fault | undefined {
    const call = { verb, key, count: calls.filter((earlier) => earlier.verb === verb).length + 1 };
    calls.push(call);
    return plan(call);
  }

  async function failing<T>(verb: StorageVerb, key: Key, act: (fault: Fault | undefined) => Promise<T>): Promise<T> {
    const fault = note(verb, key);
    if (fault !== undefined && (fault.when ?? 'before') === 'before') throw errorOf(fault);
    const result = await act(fault);
    // A body or a listing fails by itself, as it is read.
    if (fault?.when === 'after' || (fault?.when === 'midway' && verb !== 'read')) throw errorOf(fault);
    return result;
  }

  return {
    calls,
    location: storage.location,
    isRemote: storage.isRemote,
    read: (key, options) =>
      failing('read', key, async (fault) => breaking(await storage.read(key, options), fault, (chunk) => chunk.length)),
    write: (key, body, options) =>
      failing('write', key, (fault) =>
        storage.write(
          key,
          breaking(body, fault, (chunk) => chunk.length),
          options,
        ),
      ),
    stat: (key, options) => failing('stat', key, () => storage.stat(key, options)),
    async *list(prefix, options) {
      const fault = note('list', prefix);
      if (fault !== undefined && (fault.when ?? 'before') === 'before') throw errorOf(fault);
      yield* breaking(storage.list(prefix, options), fault, () => 1);
      if (fault?.when === 'after') throw errorOf(fault);
    },
    delete: (keys, options) => failing('delete', keys[0] ?? '', () => storage.delete(keys, options)),
    copy: (from, to, options) => failing('copy', from, () => storage.copy(from, to, options)),
    removeLeftovers: (prefix, options) =>
      failing('removeLeftovers', prefix, () => storage.removeLeftovers(prefix, options)),
    [Symbol.asyncDispose]: () => storage[Symbol.asyncDispose](),
  };
}

/** A body that gives `bytes` and then fails. */
export async function* brokenBody(bytes: Uint8Array, error: Error): ByteSource {
  yield await Promise.resolve(bytes);
  throw error;
}

async function* breaking<T>(
  source: AsyncIterable<T>,
  fault: Fault | undefined,
  sizeOf: (item: T) => number,
): AsyncGenerator<T, void> {
  let left = fault?.when === 'midway' ? (fault.after ?? 0) : Number.POSITIVE_INFINITY;
  for await (const item of source) {
    if (left <= 0 && fault !== undefined) throw errorOf(fault);
    yield item;
    left -= sizeOf(item);
  }
  if (fault?.when === 'midway') throw errorOf(fault);
}

function errorOf(fault: Fault): Error {
  return fault.error ?? new StorageUnavailableError('the storage was told to fail');
}
