/** Azure Blob Storage (section 4 of `storages.md` in the specification): block blobs in a container. */
import type { ByteSource } from '../../bytes/stage.ts';
import { ObjectNotFoundError } from '../errors.ts';
import { checkKey, checkPrefix, InvalidKeyError } from '../key.ts';
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
import { headBlob } from './blob-requests.ts';
import { openObject } from './download.ts';
import { listObjects } from './listing.ts';
import type { AzureRequests } from './requests.ts';
import { writeObject } from './upload.ts';

/** A container, seen from the prefix of its configuration. Disposing closes the connections. */
export class AzureStorage implements Storage {
  readonly location: string;
  readonly isRemote = true;
  readonly #requests: AzureRequests;
  readonly #buffers: UploadBuffers;

  constructor(requests: AzureRequests, buffers: UploadBuffers) {
    this.location = requests.config.location;
    this.#requests = requests;
    this.#buffers = buffers;
  }

  async read(key: Key, options: ReadOptions = {}): Promise<ByteSource> {
    checkName(key);
    return openObject(this.#requests, key, options);
  }

  async write(key: Key, body: ByteSource, options: WriteOptions = {}): Promise<void> {
    checkName(key);
    await writeObject(this.#requests, key, body, { ...options, buffers: this.#buffers });
  }

  async stat(key: Key, { signal }: Abortable = {}): Promise<ObjectInfo | undefined> {
    checkName(key);
    try {
      const { isFolder, sizeBytes, modified } = await headBlob(this.#requests, key, { signal });
      return isFolder ? undefined : { kind: 'object', key, sizeBytes, modified };
    } catch (error) {
      if (error instanceof ObjectNotFoundError) return undefined;
      throw error;
    }
  }

  async *list(prefix: Key, options: ListOptions = {}): AsyncIterable<ObjectInfo | FolderInfo> {
    if (prefix !== '') checkName(prefix);
    yield* listObjects(this.#requests, prefix, options);
  }

  async delete(keys: readonly Key[], { signal }: Abortable = {}): Promise<void> {
    keys.forEach(checkName);
    signal?.throwIfAborted();
    if (keys.length === 0) return;
    const { deleteObjects } = await import('./deletion.ts');
    await deleteObjects(this.#requests, keys, { signal });
  }

  async copy(from: Key, to: Key, options: Abortable = {}): Promise<void> {
    checkName(from);
    checkName(to);
    const { copyObject } = await import('./copying.ts');
    await copyObject(this.#requests, from, to, options);
  }

  /** Blocks of uploads that were killed are removed by Azure, after a week. */
  removeLeftovers(prefix: Key): Promise<void> {
    return Promise.resolve().then(() => {
      checkPrefix(prefix);
    });
  }

  /** What the place tells of versions and locks. */
  async protection(options: Abortable = {}): Promise<Protection> {
    options.signal?.throwIfAborted();
    const { containerProtection } = await import('./protection.ts');
    return containerProtection(this.#requests, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#requests[Symbol.asyncDispose]();
  }
}

/** Azure takes a backslash for a slash, so that one object would have two keys. */
function checkName(key: Key): void {
  checkKey(key);
  if (key.includes('\\')) throw new InvalidKeyError(key, 'Azure cannot tell a backslash from a slash');
}
