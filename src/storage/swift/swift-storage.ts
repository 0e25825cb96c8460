/**
 * OpenStack Swift (section 7 of `storages.md` in the specification): objects in a container, long ones as segments in
 * another, with a list of them under the name of the object.
 */
import type { ByteSource } from '../../bytes/stage.ts';
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
import type { UploadBuffers } from '../upload-buffers.ts';
import { openObject } from './download.ts';
import type { SwiftRequests } from './requests.ts';
import { writeObject } from './upload.ts';

/** A container, seen from the prefix of its configuration. Disposing closes the connections. */
export class SwiftStorage implements Storage {
  readonly location: string;
  readonly isRemote = true;
  readonly #requests: SwiftRequests;
  readonly #buffers: UploadBuffers;

  constructor(requests: SwiftRequests, buffers: UploadBuffers) {
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
    await writeObject(this.#requests, key, body, { ...options, buffers: this.#buffers });
  }

  async stat(key: Key, { signal }: Abortable = {}): Promise<ObjectInfo | undefined> {
    checkKey(key);
    const { lookedAt } = await import('./listing.ts');
    return lookedAt(this.#requests, key, signal);
  }

  async *list(prefix: Key, options: ListOptions = {}): AsyncIterable<ObjectInfo | FolderInfo> {
    checkPrefix(prefix);
    const { listObjects } = await import('./listing.ts');
    yield* listObjects(this.#requests, prefix, options);
  }

  async delete(keys: readonly Key[], options: Abortable = {}): Promise<void> {
    keys.forEach(checkKey);
    options.signal?.throwIfAborted();
    const { deleteObjects } = await import('./removal.ts');
    await deleteObjects(this.#requests, keys, options);
  }

  async copy(from: Key, to: Key, options: Abortable = {}): Promise<void> {
    checkKey(from);
    checkKey(to);
    const { copyObject } = await import('./copying.ts');
    await copyObject(this.#requests, from, to, options);
  }

  async removeLeftovers(prefix: Key, options: Abortable = {}): Promise<void> {
    checkPrefix(prefix);
    const { removeOldSegments } = await import('./leftovers.ts');
    await removeOldSegments(this.#requests, prefix, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#requests[Symbol.asyncDispose]();
  }
}
