/**
 * Objects as files below one directory (`storages.md` 5 of the specification). It works with synchronous calls, which
 * cost a fraction of the asynchronous ones, and gives way to the event loop now and then; only flushes wait off it.
 */
import { closeSync, lstatSync, rmdirSync, unlinkSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import type { ByteSource } from '../../bytes/stage.ts';
import { createTurns } from '../../bytes/turns.ts';
import { ArchiverError } from '../../errors.ts';
import { systemClock, type Clock } from '../../platform/clock.ts';
import { ObjectNotFoundError } from '../errors.ts';
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
import { listObjects, listTemporaries } from './list.ts';
import { openObject, statObject } from './read.ts';
import { FileRoot } from './root.ts';
import { asking, unlessAbsent } from './system-error.ts';
import { isAbandoned } from '../../platform/temp-name.ts';
import { copyObject, writeObject } from './write.ts';

/** Options of {@link openFileStorage}. */
export interface FileStorageOptions {
  /** `WALG_FILE_PREFIX`: an absolute directory, also in WAL-E's form `file://localhost/…`. */
  readonly prefix: string;
  readonly clock?: Clock;
}

/**
 * Opens the storage in an existing directory.
 *
 * @throws ArchiverError (`config`) when the directory is missing or not given as an absolute path
 */
export function openFileStorage({ prefix, clock = systemClock }: FileStorageOptions): Storage {
  const path = prefix.replace(/^file:\/\/localhost/, '');
  if (!isAbsolute(path)) {
    throw new ArchiverError('config', `storage root is not an absolute path: "${prefix}"`, {
      hint: 'Set WALG_FILE_PREFIX to an absolute directory such as "/var/backups/postgres".',
    });
  }
  return new FileStorage(new FileRoot(path), clock);
}

class FileStorage implements Storage {
  readonly location: string;
  readonly #root: FileRoot;
  readonly #clock: Clock;
  readonly #descriptors = new Set<number>();

  constructor(root: FileRoot, clock: Clock) {
    this.location = root.location;
    this.#root = root;
    this.#clock = clock;
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- the work is synchronous
  async read(key: Key, options: ReadOptions = {}): Promise<ByteSource> {
    checkKey(key);
    options.signal?.throwIfAborted();
    return openObject(this.#root, key, options, this.#descriptors);
  }

  async write(key: Key, body: ByteSource, options: WriteOptions = {}): Promise<void> {
    checkKey(key);
    options.signal?.throwIfAborted();
    await writeObject({ ...options, root: this.#root, clock: this.#clock, key }, body);
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- the work is synchronous
  async stat(key: Key, { signal }: Abortable = {}): Promise<ObjectInfo | undefined> {
    checkKey(key);
    signal?.throwIfAborted();
    return asking(`look for "${key}" in ${this.location}`, () => statObject(this.#root, key));
  }

  async *list(prefix: Key, options: ListOptions = {}): AsyncIterable<ObjectInfo | FolderInfo> {
    checkPrefix(prefix);
    yield* listObjects(this.#root, prefix, options);
  }

  async delete(keys: readonly Key[], { signal }: Abortable = {}): Promise<void> {
    for (const key of keys) checkKey(key);
    const turn = createTurns();
    for (const key of keys) {
      signal?.throwIfAborted();
      asking(`delete "${key}" in ${this.location}`, () => this.#deleteObject(key));
      const turned = turn();
      if (turned !== undefined) await turned;
    }
  }

  async copy(from: Key, to: Key, options: Abortable = {}): Promise<void> {
    checkKey(from);
    checkKey(to);
    options.signal?.throwIfAborted();
    const action = `read "${from}" in ${this.location}`;
    if (asking(action, () => statObject(this.#root, from)) === undefined) {
      throw new ObjectNotFoundError(from, this.location);
    }
    const source = asking(action, () => this.#root.existing(from));
    if (source === undefined) throw new ObjectNotFoundError(from, this.location);
    if (from !== to) await copyObject({ ...options, root: this.#root, clock: this.#clock, key: to }, source);
  }

  async removeLeftovers(prefix: Key, { signal }: Abortable = {}): Promise<void> {
    checkPrefix(prefix);
    const now = this.#clock.now();
    for await (const { key, path, modified } of listTemporaries(this.#root, prefix, signal)) {
      if (!isAbandoned(key, modified, now)) continue;
      asking(`delete "${key}" in ${this.location}`, () => {
        unlessAbsent(() => unlinkSync(path));
        this.#removeEmptyFolders(key);
      });
    }
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- nothing to wait for
  async [Symbol.asyncDispose](): Promise<void> {
    for (const descriptor of this.#descriptors) closeSync(descriptor);
    this.#descriptors.clear();
  }

  #deleteObject(key: Key): void {
    const place = this.#root.place(key);
    if (place !== undefined) {
      // lstat first: unlink of a folder, which is no object, fails differently from system to system.
      const stats = unlessAbsent(() => lstatSync(place.path));
      if (stats !== undefined && !stats.isDirectory()) unlessAbsent(() => unlinkSync(place.path));
    }
    this.#removeEmptyFolders(key);
  }

  #removeEmptyFolders(key: Key): void {
    for (const folder of this.#root.removableFolders(key)) {
      try {
        rmdirSync(folder);
      } catch {
        return;
      }
    }
  }
}
