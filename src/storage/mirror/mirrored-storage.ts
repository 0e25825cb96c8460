/**
 * Several storages that hold the same. A write goes to all at once and counts when the quorum has it; a read comes from the
 * first that has the object. What a mirror misses is told, and made up for by `mirror sync` (`catalog/mirror-sync/`).
 */
import { systemClock, type Clock } from '../../platform/clock.ts';
import type { ByteSource } from '../../bytes/stage.ts';
import { ObjectNotFoundError } from '../errors.ts';
import { checkKey, checkPrefix } from '../key.ts';
import type {
  Abortable,
  FolderInfo,
  Key,
  ListOptions,
  NamedStorage,
  ObjectInfo,
  ReadOptions,
  Storage,
  WriteOptions,
} from '../storage.ts';
import type { Mirror, MirrorFailure, Mirrors } from './mirror.ts';
import { copyAcross } from './same-content.ts';
import { writeToMirrors } from './write.ts';

/** How mirrors are used. */
export interface MirroredOptions {
  readonly mirrors: Mirrors;
  /**
   * How many must say that an object is missing. Readers: all, since recovery ends on the strength of it. Whoever writes,
   * and only avoids to do something twice: the quorum.
   */
  readonly absence: 'all' | 'quorum';
  readonly patienceMs: number;
  readonly clock?: Clock;
}

/** Joins mirrors. Disposing of it disposes of them. */
export function createMirroredStorage(options: MirroredOptions): Storage {
  return new MirroredStorage(options);
}

class MirroredStorage implements Storage {
  readonly isRemote = true;
  readonly #mirrors: Mirrors;
  readonly #absence: MirroredOptions['absence'];
  readonly #patienceMs: number;
  readonly #clock: Clock;

  constructor({ mirrors, absence, patienceMs, clock = systemClock }: MirroredOptions) {
    this.#mirrors = mirrors;
    this.#absence = absence;
    this.#patienceMs = patienceMs;
    this.#clock = clock;
  }

  get location(): string {
    return this.#mirrors.location;
  }

  get copies(): readonly NamedStorage[] {
    return this.#mirrors.all.map((one) => ({
      name: one.name,
      storage: this.#noticing(one),
      isAlive: !this.#mirrors.wasAway(one),
    }));
  }

  async read(key: Key, options: ReadOptions = {}): Promise<ByteSource> {
    checkKey(key);
    const found = await this.#firstWith(options, async (mirror) => {
      try {
        return this.#watched(mirror, await mirror.storage.read(key, options));
      } catch (error) {
        if (error instanceof ObjectNotFoundError) return undefined;
        throw error;
      }
    });
    if (found === undefined) throw new ObjectNotFoundError(key, this.location);
    return found;
  }

  async write(key: Key, body: ByteSource, options: WriteOptions = {}): Promise<void> {
    checkKey(key);
    options.signal?.throwIfAborted();
    const { completes = [] } = options;
    for (const one of completes) checkKey(one.key);
    await writeToMirrors(this.#mirrors, key, body, { ...options, patienceMs: this.#patienceMs, clock: this.#clock });
  }

  async stat(key: Key, options: Abortable = {}): Promise<ObjectInfo | undefined> {
    checkKey(key);
    return this.#firstWith(options, ({ storage }) => storage.stat(key, options));
  }

  /** What one that does not answer holds is not listed, and a warning says so. */
  async *list(prefix: Key, options: ListOptions = {}): AsyncIterable<ObjectInfo | FolderInfo> {
    checkPrefix(prefix);
    const given = new Set<Key>();
    const failures: MirrorFailure[] = [];
    const mirrors = this.#mirrors.inOrder();
    for (const mirror of mirrors) {
      const entries = mirror.storage.list(prefix, options)[Symbol.asyncIterator]();
      let isOpen = true;
      try {
        for (;;) {
          isOpen = false;
          const next = await entries.next();
          if (next.done === true) break;
          isOpen = true;
          const entry = next.value.kind === 'folder' ? `${next.value.key}/` : next.value.key;
          if (given.has(entry)) continue;
          given.add(entry);
          yield next.value;
        }
      } catch (error) {
        // Only what the storage threw: whoever reads the list may throw as well.
        if (isOpen || options.signal?.aborted === true) throw error;
        failures.push({ mirror, error });
      } finally {
        if (isOpen) await entries.return?.();
      }
    }
    const [first] = failures;
    if (first !== undefined && failures.length === mirrors.length) throw first.error;
    for (const failure of failures) this.#mirrors.missed(failure);
  }

  async delete(keys: readonly Key[], options: Abortable = {}): Promise<void> {
    for (const key of keys) checkKey(key);
    options.signal?.throwIfAborted();
    const { done, failures } = await this.#everywhere(options, ({ storage }) => storage.delete(keys, options));
    this.#mirrors.judge(`delete ${keys.length} objects`, done, failures);
  }

  async copy(from: Key, to: Key, options: Abortable = {}): Promise<void> {
    checkKey(from);
    checkKey(to);
    options.signal?.throwIfAborted();
    const { done, failures } = await this.#everywhere(options, ({ storage }) => storage.copy(from, to, options));
    const absent = failures.filter(({ error }) => error instanceof ObjectNotFoundError);
    const [holder] = done;
    if (holder === undefined && absent.length >= this.#neededForAbsence()) {
      throw new ObjectNotFoundError(from, this.location);
    }
    const others = failures.filter((failure) => holder === undefined || !absent.includes(failure));
    for (const { mirror } of absent) {
      // It lacks the original, and gets the copy all the same.
      const copying = holder && copyAcross(to, holder.storage, mirror.storage, options).then(() => done.push(mirror));
      await copying?.catch((error: unknown) => others.push({ mirror, error }));
    }
    options.signal?.throwIfAborted();
    this.#mirrors.judge(`copy "${from}"`, done, others);
  }

  async removeLeftovers(prefix: Key, options: Abortable = {}): Promise<void> {
    checkPrefix(prefix);
    const { done, failures } = await this.#everywhere(options, ({ storage }) =>
      storage.removeLeftovers(prefix, options),
    );
    this.#mirrors.judge('remove what was left half-written', done, failures);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#mirrors.all.map(({ storage }) => storage[Symbol.asyncDispose]()));
  }

  /** Of the first mirror that has it. @throws the first failure when an answer is missing that is needed to say "none" */
  async #firstWith<T>({ signal }: Abortable, ask: (mirror: Mirror) => Promise<T | undefined>): Promise<T | undefined> {
    const needed = this.#neededForAbsence();
    const failures: unknown[] = [];
    let answers = 0;
    for (const mirror of this.#mirrors.inOrder()) {
      signal?.throwIfAborted();
      // Enough have said no; the rest was away lately.
      if (answers >= needed && this.#mirrors.wasAway(mirror)) continue;
      try {
        const answer = await ask(mirror);
        if (answer !== undefined) return answer;
        answers += 1;
      } catch (error) {
        signal?.throwIfAborted();
        this.#mirrors.silent(mirror, error);
        failures.push(error);
      }
    }
    if (answers < needed && failures.length > 0) throw failures[0];
    return undefined;
  }

  /** A mirror that is being caught up must get what is pushed meanwhile. */
  #noticing(mirror: Mirror): Storage {
    const { storage } = mirror;
    const present = (): void => {
      this.#mirrors.present(mirror);
    };
    async function* list(prefix: Key, options?: ListOptions): AsyncIterable<ObjectInfo | FolderInfo> {
      for await (const info of storage.list(prefix, options)) {
        present();
        yield info;
      }
      present();
    }
    return Object.create(storage, { list: { value: list } }) as Storage;
  }

  #neededForAbsence(): number {
    return this.#absence === 'all' ? this.#mirrors.all.length : this.#mirrors.quorum;
  }

  async #everywhere(
    { signal }: Abortable,
    act: (mirror: Mirror) => Promise<void>,
  ): Promise<{ readonly done: Mirror[]; readonly failures: readonly MirrorFailure[] }> {
    const done: Mirror[] = [];
    const failures: MirrorFailure[] = [];
    await Promise.all(
      this.#mirrors.all.map(async (mirror) => {
        try {
          await act(mirror);
          done.push(mirror);
        } catch (error) {
          failures.push({ mirror, error });
        }
      }),
    );
    signal?.throwIfAborted();
    return { done, failures };
  }

  /** One that breaks off in the middle is not asked first the next time. */
  async *#watched(mirror: Mirror, source: ByteSource): ByteSource {
    const chunks = source[Symbol.asyncIterator]();
    let isOpen = true;
    try {
      for (;;) {
        isOpen = false;
        const next = await chunks.next().catch((error: unknown) => {
          this.#mirrors.silent(mirror, error);
          throw error;
        });
        if (next.done === true) return;
        isOpen = true;
        yield next.value;
      }
    } finally {
      if (isOpen) await chunks.return?.();
    }
  }
}
