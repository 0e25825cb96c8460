/** Several storages as one: reads come from the first that has an object, listings are merged (`storages.md` 9.2). */
import { messageOf } from '../../errors.ts';
import type { Logger } from '../../platform/logger.ts';
import { ObjectExistsError, ObjectNotFoundError } from '../errors.ts';
import type { Abortable, FolderInfo, Key, NamedStorage, ObjectInfo, Storage } from '../storage.ts';

/** What a union is made of. */
export interface UnionOptions {
  /** Those that are alive first, in the order of their names; asked for anew at every call. */
  readonly members: () => readonly NamedStorage[];
  /**
   * `all`: an object is missing when every storage said so, also one that seems to be dead. `alive`: dead ones are not
   * asked, for whoever only wants to avoid double work.
   */
  readonly absence: 'all' | 'alive';
  /** What to throw when none is alive. */
  readonly noneAlive: () => Error;
  readonly logger: Logger;
}

/** Joins storages. Disposing of it disposes of them. */
export function unionOf({ members, absence, noneAlive, logger }: UnionOptions): Storage {
  const warned = new Set<string>();

  function alive(): readonly NamedStorage[] {
    const found = members().filter(({ isAlive }) => isAlive);
    if (found.length === 0) throw noneAlive();
    return found;
  }

  function asked(): readonly NamedStorage[] {
    return absence === 'all' ? members() : alive();
  }

  /** Of the first member that has it; undefined when all answered that they do not. */
  async function firstWith<T>(
    signal: AbortSignal | undefined,
    ask: (storage: Storage) => Promise<T | undefined>,
  ): Promise<T | undefined> {
    const failures: unknown[] = [];
    for (const { name, storage } of asked()) {
      signal?.throwIfAborted();
      try {
        const answer = await ask(storage);
        if (answer !== undefined) return answer;
      } catch (error) {
        if (signal?.aborted === true || isCallersFault(error)) throw error;
        failures.push(error);
        logger.debug('storage did not answer, asking the next one', { storage: name, reason: messageOf(error) });
      }
    }
    if (failures.length > 0) throw failures[0];
    return undefined;
  }

  async function holders(key: Key, options: Abortable | undefined): Promise<readonly Storage[]> {
    const infos = await Promise.all(
      asked().map(async ({ storage }) => ((await storage.stat(key, options)) === undefined ? [] : [storage])),
    );
    return infos.flat();
  }

  /** Whoever fails is asked again before the failure is told (`open.ts`). */
  function isAliveNow(name: string): boolean {
    return members().some((one) => one.name === name && one.isAlive);
  }

  function warnOfDead(): void {
    for (const { name, isAlive } of members()) {
      if (isAlive || warned.has(name)) continue;
      warned.add(name);
      logger.warn('storage is not alive: what only it holds is not listed', { storage: name });
    }
  }

  const location = (): string =>
    members()
      .map(({ storage }) => storage.location)
      .join(', ');

  async function stat(key: Key, options?: Abortable): Promise<ObjectInfo | undefined> {
    return firstWith(options?.signal, (storage) => storage.stat(key, options));
  }

  return {
    get location() {
      return location();
    },
    isRemote: true,
    get members() {
      return members();
    },
    async read(key, options) {
      const source = await firstWith(options?.signal, (storage) =>
        storage.read(key, options).catch((error: unknown) => {
          if (error instanceof ObjectNotFoundError) return undefined;
          throw error;
        }),
      );
      if (source === undefined) throw new ObjectNotFoundError(key, location());
      return source;
    },
    async write(key, body, options) {
      const [first] = alive();
      const holder = await firstWith(options?.signal, async (storage) =>
        (await storage.stat(key, options)) === undefined ? undefined : storage,
      );
      if (holder !== undefined && options?.ifAbsent === true) throw new ObjectExistsError(key, holder.location);
      await (holder ?? first?.storage)?.write(key, body, options);
    },
    stat,
    async *list(prefix, options): AsyncIterable<ObjectInfo | FolderInfo> {
      const given = new Set<Key>();
      for (const { name, storage } of alive()) {
        try {
          for await (const info of storage.list(prefix, options)) {
            // A folder may have the name of an object elsewhere.
            const entry = info.kind === 'folder' ? `${info.key}/` : info.key;
            if (given.has(entry)) continue;
            given.add(entry);
            yield info;
          }
        } catch (error) {
          if (isAliveNow(name)) throw error;
        }
      }
      alive();
      warnOfDead();
    },
    async delete(keys, options) {
      await everywhere(members(), (storage) => storage.delete(keys, options));
    },
    async copy(from, to, options) {
      const sources = await holders(from, options);
      if (sources.length === 0) throw new ObjectNotFoundError(from, location());
      await Promise.all(sources.map((storage) => storage.copy(from, to, options)));
    },
    async removeLeftovers(prefix, options) {
      await everywhere(alive(), (storage) => storage.removeLeftovers(prefix, options));
    },
    async [Symbol.asyncDispose]() {
      await everywhere(members(), async (storage) => storage[Symbol.asyncDispose]());
    },
  };
}

/** All are done before the first failure is told. */
async function everywhere(members: readonly NamedStorage[], act: (storage: Storage) => Promise<void>): Promise<void> {
  const results = await Promise.allSettled(members.map(({ storage }) => act(storage)));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

function isCallersFault(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'kind' in error && error.kind === 'usage';
}
