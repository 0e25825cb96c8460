/** Objects in memory: for tests, and the shortest example of an adapter. */
import type { ByteSource } from '../../bytes/stage.ts';
import { collect } from '../../bytes/stage.ts';
import { systemClock, type Clock } from '../../platform/clock.ts';
import { ObjectExistsError, ObjectNotFoundError } from '../errors.ts';
import { checkKey, checkPrefix } from '../key.ts';
import type {
  Abortable,
  FolderInfo,
  Key,
  ListOptions,
  ObjectInfo,
  ReadOptions,
  Storage,
  WriteOptions,
} from '../storage.ts';

interface StoredObject {
  readonly bytes: Buffer;
  readonly modified: Date;
}

const chunkBytes = 64 * 1024;

/** A storage that ends with the process. */
export function createMemoryStorage(clock: Clock = systemClock): Storage {
  return new MemoryStorage(clock);
}

class MemoryStorage implements Storage {
  readonly location = 'memory';
  readonly #clock: Clock;
  readonly #objects = new Map<Key, StoredObject>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- nothing to wait for
  async read(key: Key, { signal, start = 0, bytes = Number.POSITIVE_INFINITY }: ReadOptions = {}): Promise<ByteSource> {
    checkKey(key);
    signal?.throwIfAborted();
    return chunksOf(this.#existing(key).bytes.subarray(start, start + bytes), signal);
  }

  async write(key: Key, body: ByteSource, { signal, ifAbsent = false }: WriteOptions = {}): Promise<void> {
    checkKey(key);
    signal?.throwIfAborted();
    if (ifAbsent) this.#refuseExisting(key);
    const bytes = await collect(abortable(body, signal));
    signal?.throwIfAborted();
    if (ifAbsent) this.#refuseExisting(key);
    this.#objects.set(key, { bytes, modified: this.#clock.now() });
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- nothing to wait for
  async stat(key: Key, { signal }: Abortable = {}): Promise<ObjectInfo | undefined> {
    checkKey(key);
    signal?.throwIfAborted();
    const object = this.#objects.get(key);
    return object === undefined ? undefined : infoOf(key, object);
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- nothing to wait for
  async *list(
    prefix: Key,
    { signal, recursive = false }: ListOptions = {},
  ): AsyncGenerator<ObjectInfo | FolderInfo, void> {
    checkPrefix(prefix);
    const start = prefix === '' ? '' : `${prefix}/`;
    const folders = new Set<Key>();
    for (const [key, object] of [...this.#objects]) {
      signal?.throwIfAborted();
      if (!key.startsWith(start)) continue;
      const slash = key.indexOf('/', start.length);
      if (recursive || slash === -1) {
        yield infoOf(key, object);
        continue;
      }
      const folder = key.slice(0, slash);
      if (folders.has(folder)) continue;
      folders.add(folder);
      yield { kind: 'folder', key: folder };
    }
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- nothing to wait for
  async delete(keys: readonly Key[], { signal }: Abortable = {}): Promise<void> {
    for (const key of keys) checkKey(key);
    signal?.throwIfAborted();
    for (const key of keys) this.#objects.delete(key);
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- nothing to wait for
  async copy(from: Key, to: Key, { signal }: Abortable = {}): Promise<void> {
    checkKey(from);
    checkKey(to);
    signal?.throwIfAborted();
    this.#objects.set(to, { bytes: this.#existing(from).bytes, modified: this.#clock.now() });
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- a write that is cut short leaves nothing
  async removeLeftovers(prefix: Key): Promise<void> {
    checkPrefix(prefix);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Objects stay: a test looks at them after the program under test has closed its storage.
  }

  #existing(key: Key): StoredObject {
    const object = this.#objects.get(key);
    if (object === undefined) throw new ObjectNotFoundError(key, this.location);
    return object;
  }

  #refuseExisting(key: Key): void {
    if (this.#objects.has(key)) throw new ObjectExistsError(key, this.location);
  }
}

function infoOf(key: Key, { bytes, modified }: StoredObject): ObjectInfo {
  return { kind: 'object', key, sizeBytes: bytes.length, modified };
}

async function* abortable(source: ByteSource, signal: AbortSignal | undefined): ByteSource {
  for await (const chunk of source) {
    signal?.throwIfAborted();
    yield chunk;
  }
}

/** Lends one buffer again and again, as the adapters for bulk do, so that tests find out who keeps a chunk. */
// eslint-disable-next-line @typescript-eslint/require-await -- nothing to wait for
async function* chunksOf(bytes: Buffer, signal: AbortSignal | undefined): ByteSource {
  const lent = Buffer.alloc(Math.min(chunkBytes, bytes.length));
  for (let at = 0; at < bytes.length; at += lent.length) {
    signal?.throwIfAborted();
    const length = bytes.copy(lent, 0, at);
    yield lent.subarray(0, length);
  }
}
