/** Objects in a bucket of S3 or a compatible store. Small objects are one request, and only their code is loaded at once. */
import type { ByteSource } from '../../bytes/stage.ts';
import { systemClock, type Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import { ObjectExistsError } from '../errors.ts';
import { checkKey, checkPrefix } from '../key.ts';
import { openPartReader } from '../part-reader.ts';
import type {
  Abortable,
  FolderInfo,
  Key,
  ListOptions,
  ObjectInfo,
  ObjectVersionInfo,
  ObjectVersions,
  Protection,
  ReadOptions,
  Storage,
  WriteOptions,
} from '../storage.ts';
import type { UploadBuffers } from '../upload-buffers.ts';
import { answerBehind } from './answer-error.ts';
import type { S3Deletion } from './deletion.ts';
import { openDownload } from './download.ts';
import type { MultipartUpload } from './multipart.ts';
import { headObject, putObject, type PutOptions, type UploadedPart } from './object-requests.ts';
import type { S3Requests } from './request.ts';

/** What a storage is made of. */
export interface S3StorageOptions {
  readonly requests: S3Requests;
  readonly buffers: UploadBuffers;
  /** Parts of one object in flight at most, from 1. */
  readonly concurrency: number;
  readonly logger: Logger;
  readonly clock?: Clock;
}

/** The storage below the prefix of `requests`; it disposes of them. Requests are repeated by themselves. */
export class S3Storage implements Storage {
  readonly location: string;
  readonly isRemote = true;
  readonly #requests: S3Requests;
  readonly #options: S3StorageOptions;
  #deletion: Promise<S3Deletion> | undefined;
  #lacksConditions = false;

  constructor(options: S3StorageOptions) {
    this.#options = options;
    this.#requests = options.requests;
    this.location = options.requests.config.location;
  }

  async read(key: Key, options: ReadOptions = {}): Promise<ByteSource> {
    checkKey(key);
    options.signal?.throwIfAborted();
    const { logger, clock = systemClock } = this.#options;
    return openDownload(this.#requests, key, { ...options, logger, clock });
  }

  async write(key: Key, body: ByteSource, { ifAbsent = false, signal }: WriteOptions = {}): Promise<void> {
    checkKey(key);
    signal?.throwIfAborted();
    const controller = new AbortController();
    const callOff = (): void => {
      controller.abort(signal?.reason);
    };
    signal?.addEventListener('abort', callOff, { once: true });
    try {
      await this.#write(key, body, { ifAbsent, controller });
    } finally {
      signal?.removeEventListener('abort', callOff);
    }
  }

  async stat(key: Key, { signal }: Abortable = {}): Promise<ObjectInfo | undefined> {
    checkKey(key);
    signal?.throwIfAborted();
    const head = await headObject(this.#requests, key, { signal });
    return head === undefined ? undefined : { kind: 'object', key, sizeBytes: head.sizeBytes, modified: head.modified };
  }

  async *list(prefix: Key, options: ListOptions = {}): AsyncIterable<ObjectInfo | FolderInfo> {
    checkPrefix(prefix);
    options.signal?.throwIfAborted();
    const { listObjects } = await import('./listing.ts');
    yield* listObjects(this.#requests, prefix, options);
  }

  async delete(keys: readonly Key[], { signal }: Abortable = {}): Promise<void> {
    for (const key of keys) checkKey(key);
    signal?.throwIfAborted();
    this.#deletion ??= import('./deletion.ts').then(
      ({ S3Deletion: Deletion }) => new Deletion(this.#requests, this.#options.logger),
    );
    await (await this.#deletion).delete(keys, { signal });
  }

  async copy(from: Key, to: Key, { signal }: Abortable = {}): Promise<void> {
    checkKey(from);
    checkKey(to);
    signal?.throwIfAborted();
    const { copyObject } = await import('./copying.ts');
    await copyObject(this.#requests, from, to, { signal });
  }

  async removeLeftovers(prefix: Key, { signal }: Abortable = {}): Promise<void> {
    checkPrefix(prefix);
    signal?.throwIfAborted();
    const { discardOldUploads } = await import('./leftovers.ts');
    const { logger, clock = systemClock } = this.#options;
    await discardOldUploads(this.#requests, prefix, { signal, logger, clock });
  }

  async protection({ signal }: Abortable = {}): Promise<Protection> {
    signal?.throwIfAborted();
    const { bucketProtection } = await import('./protection.ts');
    return bucketProtection(this.#requests, { signal });
  }

  readonly versions: ObjectVersions = {
    list: (prefix, options) => this.#listVersions(prefix, options),
    delete: async (key, version, { signal } = {}) => {
      checkKey(key);
      const { deleteVersion } = await import('./versions.ts');
      await deleteVersion(this.#requests, { key, versionId: version }, { signal });
    },
  };

  async *#listVersions(prefix: Key, { signal }: Abortable = {}): AsyncGenerator<ObjectVersionInfo> {
    checkPrefix(prefix);
    const { listVersions } = await import('./versions.ts');
    yield* listVersions(this.#requests, prefix, { signal, logger: this.#options.logger });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#requests[Symbol.asyncDispose]();
  }

  async #write(
    key: Key,
    body: ByteSource,
    { ifAbsent, controller }: { readonly ifAbsent: boolean; readonly controller: AbortController },
  ): Promise<void> {
    const { signal } = controller;
    const { buffers, concurrency, logger } = this.#options;
    using memory = buffers.open(this.#requests.config.objects.partBytes);
    await using reader = openPartReader(body, signal);
    const first = await memory.part(signal);
    await reader.fill(first);
    if (await reader.atEnd()) {
      signal.throwIfAborted();
      await this.#unlessThere(key, { ifAbsent, signal }, (options) =>
        putObject(this.#requests, key, first.chunks, options),
      );
      return;
    }
    // A storage may not know conditions for objects of parts, and gigabytes would be sent for nothing.
    if (ifAbsent) await this.#refuseIfThere(key, signal);
    const [{ uploadInParts }, { completeMultipart }] = await Promise.all([
      import('./upload.ts'),
      import('./multipart.ts'),
    ]);
    const complete = async (
      requests: S3Requests,
      upload: MultipartUpload,
      parts: readonly UploadedPart[],
    ): Promise<void> => {
      if (ifAbsent) await this.#refuseIfThere(key, signal);
      await this.#unlessThere(key, { ifAbsent, signal }, (options) =>
        completeMultipart(requests, upload, parts, options),
      );
    };
    await uploadInParts(this.#requests, key, { reader, first, memory, concurrency, controller, logger, complete });
  }

  /** Where a storage lacks conditional writes, looks first; then of two at the same time the later one wins. */
  async #unlessThere(
    key: Key,
    { ifAbsent, signal }: { readonly ifAbsent: boolean; readonly signal: AbortSignal },
    write: (options: PutOptions) => Promise<unknown>,
  ): Promise<void> {
    if (ifAbsent && !this.#lacksConditions) {
      try {
        await write({ ifAbsent, signal });
        return;
      } catch (error) {
        const answer = answerBehind(error);
        if (answer?.status !== 501 && answer?.code !== 'NotImplemented') throw error;
        this.#lacksConditions = true;
        this.#options.logger.debug('the storage lacks conditional writes', { reason: answer.message });
      }
    }
    if (ifAbsent) await this.#refuseIfThere(key, signal);
    await write({ signal });
  }

  async #refuseIfThere(key: Key, signal: AbortSignal): Promise<void> {
    if ((await headObject(this.#requests, key, { signal })) !== undefined) {
      throw new ObjectExistsError(key, this.location);
    }
  }
}
