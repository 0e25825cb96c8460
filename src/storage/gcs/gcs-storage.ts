/**
 * Objects in Google Cloud Storage (`storages.md` 3 of the specification), by its JSON interface over our own HTTP client.
 * Its description: https://cloud.google.com/storage/docs/json_api/v1
 */
import type { ByteSource } from '../../bytes/stage.ts';
import { ObjectNotFoundError } from '../errors.ts';
import { checkKey, checkPrefix } from '../key.ts';
import type {
  Abortable,
  FolderInfo,
  Key,
  ListOptions,
  ObjectInfo,
  Protection,
  ReadOptions,
  Storage,
  WriteOptions,
} from '../storage.ts';
import type { UploadBuffers } from '../upload-buffers.ts';
import { openObject } from './download.ts';
import { listObjects, listTemporaries } from './listing.ts';
import { infoFields, infoOf, type GcsObject } from './object-resource.ts';
import type { GcsRequests } from './requests.ts';
import { writeObject } from './upload.ts';

/** Younger temporary objects may belong to a WAL-G that is at work. */
const leftoverMs = 24 * 3_600_000;

/** The storage that these requests speak to; disposing of it closes their connections. */
export class GcsStorage implements Storage {
  readonly location: string;
  readonly isRemote = true;
  readonly #requests: GcsRequests;
  readonly #buffers: UploadBuffers;

  constructor(requests: GcsRequests, buffers: UploadBuffers) {
    this.location = requests.config.location;
    this.#requests = requests;
    this.#buffers = buffers;
  }

  async read(key: Key, options: ReadOptions = {}): Promise<ByteSource> {
    checkKey(key);
    return openObject(this.#requests, key, options);
  }

  async write(key: Key, body: ByteSource, options: WriteOptions = {}): Promise<void> {
    checkKey(key);
    options.signal?.throwIfAborted();
    await writeObject(this.#requests, this.#buffers, key, body, options);
  }

  async stat(key: Key, { signal }: Abortable = {}): Promise<ObjectInfo | undefined> {
    checkKey(key);
    try {
      const object = await this.#requests.sendForJson<GcsObject>({
        action: `look for "${key}"`,
        method: 'GET',
        to: this.#requests.pathOf(key),
        query: { fields: infoFields },
        headers: this.#requests.customerKeyHeaders(),
        key,
        signal,
      });
      return infoOf(key, object);
    } catch (error) {
      if (error instanceof ObjectNotFoundError) return undefined;
      throw error;
    }
  }

  async *list(prefix: Key, options: ListOptions = {}): AsyncGenerator<ObjectInfo | FolderInfo, void> {
    checkPrefix(prefix);
    yield* listObjects(this.#requests, prefix, options);
  }

  async delete(keys: readonly Key[], { signal }: Abortable = {}): Promise<void> {
    for (const key of keys) checkKey(key);
    signal?.throwIfAborted();
    if (keys.length === 0) return;
    const { removeObjects } = await import('./removal.ts');
    await removeObjects(this.#requests, keys, { signal });
  }

  async copy(from: Key, to: Key, { signal }: Abortable = {}): Promise<void> {
    checkKey(from);
    checkKey(to);
    const { copyObject } = await import('./copying.ts');
    await copyObject(this.#requests, from, to, { signal });
  }

  /** Uploads of our own that were killed are no objects, and Google forgets them; this is about those of WAL-G. */
  async removeLeftovers(prefix: Key, { signal }: Abortable = {}): Promise<void> {
    checkPrefix(prefix);
    const before = this.#requests.clock.now().getTime() - leftoverMs;
    const keys: Key[] = [];
    for await (const { key, modified } of listTemporaries(this.#requests, prefix, { signal })) {
      if (modified.getTime() < before) keys.push(key);
    }
    await this.delete(keys, { signal });
  }

  /** What the place tells of versions and locks. */
  async protection(options: Abortable = {}): Promise<Protection> {
    options.signal?.throwIfAborted();
    const { bucketProtection } = await import('./protection.ts');
    return bucketProtection(this.#requests, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#requests[Symbol.asyncDispose]();
  }
}
