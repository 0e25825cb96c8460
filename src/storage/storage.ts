/**
 * A place for objects: immutable named bytes under flat, '/'-separated keys. Adapters implement this interface and
 * nothing else; `testtools/storage-contract.ts` says in tests what it promises. Retries and limits are decorators
 * (`retry.ts`, `rate-limit.ts`). See `docs/writing-a-storage.md`.
 */
import type { ByteSource } from '../bytes/stage.ts';

/** '/'-separated, no leading or trailing slash, no empty, `.` or `..` component: `wal_005/000000010000000000000001.lz4`. */
export type Key = string;

/** An object as a listing or a stat sees it. */
export interface ObjectInfo {
  readonly kind: 'object';
  readonly key: Key;
  readonly sizeBytes: number;
  /** When the object was last written, as the storage recorded it. */
  readonly modified: Date;
  /** Modification time in nanoseconds since 1970 where the storage knows it that exactly. */
  readonly modifiedNs?: bigint;
}

/** An object that was stored. */
export type StoredObject = Pick<ObjectInfo, 'key' | 'sizeBytes'>;

/** A common prefix in a one-level listing, without its trailing slash. Storages with real folders may show empty ones. */
export interface FolderInfo {
  readonly kind: 'folder';
  readonly key: Key;
}

/** What a place does so that objects are not lost, beside keeping them. What it would not tell is undefined. */
export interface Protection {
  /** What is replaced or deleted stays as an older version. `suspended`: what was kept before still is. */
  readonly versions?: 'on' | 'off' | 'suspended' | undefined;
  /** Objects cannot be deleted for a while: none, those that say so, or all new ones. */
  readonly lock?: 'off' | 'on demand' | 'always' | undefined;
  /** In words: `GOVERNANCE, 30 days`. */
  readonly lockText?: string | undefined;
}

/** A version of an object as a listing of versions sees it. */
export interface ObjectVersionInfo extends ObjectInfo {
  /** What the place calls it; undefined where it keeps no versions. */
  readonly version: string | undefined;
  /** `deletion`: not bytes, but a mark that the object was deleted. */
  readonly state: 'latest' | 'older' | 'deletion';
}

/** The older versions that a place keeps of its objects. */
export interface ObjectVersions {
  /** All versions of everything below a folder, in any order; where none are kept, the objects. */
  list(prefix: Key, options?: Abortable): AsyncIterable<ObjectVersionInfo>;
  /** Removes one version for good; one that is not there is no error. */
  delete(key: Key, version: string, options?: Abortable): Promise<void>;
}

/** Something that can be called off. */
export interface Abortable {
  readonly signal?: AbortSignal | undefined;
}

/** Options of {@link Storage.read}: a part of the object. */
export interface ReadOptions extends Abortable {
  /** The first byte wanted, counted from 0; default 0. At the end of the object or beyond it there is nothing to read. */
  readonly start?: number;
  /** At most so many bytes, from 1; default: all that follow. */
  readonly bytes?: number;
}

/** Options of {@link Storage.write}. */
export interface WriteOptions extends Abortable {
  /** Fail with `ObjectExistsError`, atomically, when there is such an object already. Default: replace it. */
  readonly ifAbsent?: boolean;
  /** Exact permission bits for storages that have them (file, SFTP); default 0o666 less the umask. */
  readonly mode?: number;
  /**
   * Objects that this one completes: where there are several storages, it is written to none that lacks one of them. A
   * single storage takes no notice.
   */
  readonly completes?: readonly StoredObject[];
}

/** Options of {@link Storage.list}. */
export interface ListOptions extends Abortable {
  /** List everything below, objects only. Default: one level, with folders. */
  readonly recursive?: boolean;
}

/** A storage among several. */
export interface NamedStorage {
  /** In lower case. */
  readonly name: string;
  readonly storage: Storage;
  /** It answered when it was asked last. */
  readonly isAlive: boolean;
}

/**
 * A storage. All methods may be called at the same time, any number of times.
 *
 * Errors: `ObjectNotFoundError`, `ObjectExistsError`, `StorageForbiddenError`, `StorageUnavailableError`,
 * `StorageFullError` (see `errors.ts`), `InvalidKeyError` (`key.ts`) before anything is touched; nothing else is to be told
 * apart. Errors of a body, and the reason of an aborted signal, pass through unchanged.
 */
export interface Storage extends AsyncDisposable {
  /** For messages: where this is, without credentials. */
  readonly location: string;
  /** Asking it something costs a round trip and maybe money: what a write finds out by itself is not asked before. */
  readonly isRemote?: boolean | undefined;
  /**
   * The storages that this is the union of, where what belongs together lies in one of them: those to ask first come
   * first. Undefined: this is one place, or its parts are copies of one another.
   */
  readonly members?: readonly NamedStorage[] | undefined;
  /** The storages of which each is to hold all of this one. Undefined: it is one place, or a union. */
  readonly copies?: readonly NamedStorage[] | undefined;
  /**
   * Opens an object, to be read once; rejects with `ObjectNotFoundError` at once, before the first byte. That means that the
   * storage answered so: where it could not be asked, the error is another.
   */
  read(key: Key, options?: ReadOptions): Promise<ByteSource>;
  /**
   * Writes a whole object or nothing: if the body throws, or this does, no object has changed and nothing is left.
   * When it resolves, or rejects with `ObjectExistsError`, the object is durable. Never retried by a decorator, since `body` can be read only once.
   */
  write(key: Key, body: ByteSource, options?: WriteOptions): Promise<void>;
  /** What is known of one object; undefined when there is none (a folder is none). */
  stat(key: Key, options?: Abortable): Promise<ObjectInfo | undefined>;
  /** Lists what is below the folder `prefix` ('' = root), in any order. A missing folder is an empty one. */
  list(prefix: Key, options?: ListOptions): AsyncIterable<ObjectInfo | FolderInfo>;
  /** Removes objects; missing ones are no error. */
  delete(keys: readonly Key[], options?: Abortable): Promise<void>;
  /** Copies within the storage, whole or not at all; the target is replaced. */
  copy(from: Key, to: Key, options?: Abortable): Promise<void>;
  /**
   * Removes what killed processes left half-written below `prefix` and no listing shows. Storages without such
   * leftovers have nothing to do.
   */
  removeLeftovers(prefix: Key, options?: Abortable): Promise<void>;
  /** What the place does beside, for `doctor`; only where there is something to ask. A refusal to tell is no error. */
  protection?(options?: Abortable): Promise<Protection>;
  /** Only where the place may keep versions of objects. */
  readonly versions?: ObjectVersions | undefined;
}
