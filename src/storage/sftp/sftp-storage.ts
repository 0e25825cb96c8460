/**
 * Objects as files on a server, over SFTP (`storages.md` 6 of the specification; the protocol is
 * draft-ietf-secsh-filexfer-02, as OpenSSH extends it). What is kept, and how, is the same as in a file storage.
 */
import type { ByteSource } from '../../bytes/stage.ts';
import { isAbandoned } from '../../platform/temp-name.ts';
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
import { copyObject } from './copying.ts';
import { openObject } from './download.ts';
import { listObjects, listTemporaries, statObject } from './listing.ts';
import { removeObjects } from './removal.ts';
import type { SftpSession } from './session.ts';
import { writeObject } from './upload.ts';

/** The storage of a session; disposing of it ends its connection. */
export class SftpStorage implements Storage {
  readonly location: string;
  readonly isRemote = true;
  readonly #session: SftpSession;
  readonly #aheadBytes: number;

  /** @param aheadBytes at most so many of one object are on their way to the server */
  constructor(session: SftpSession, aheadBytes: number) {
    this.location = session.config.location;
    this.#session = session;
    this.#aheadBytes = aheadBytes;
  }

  async read(key: Key, options: ReadOptions = {}): Promise<ByteSource> {
    checkKey(key);
    return openObject(this.#session, key, options);
  }

  async write(key: Key, body: ByteSource, options: WriteOptions = {}): Promise<void> {
    checkKey(key);
    options.signal?.throwIfAborted();
    await writeObject(this.#session, key, body, { ...options, aheadBytes: this.#aheadBytes });
  }

  async stat(key: Key, { signal }: Abortable = {}): Promise<ObjectInfo | undefined> {
    checkKey(key);
    return statObject(this.#session, key, signal);
  }

  async *list(prefix: Key, options: ListOptions = {}): AsyncGenerator<ObjectInfo | FolderInfo, void> {
    checkPrefix(prefix);
    yield* listObjects(this.#session, prefix, options);
  }

  async delete(keys: readonly Key[], options: Abortable = {}): Promise<void> {
    for (const key of keys) checkKey(key);
    options.signal?.throwIfAborted();
    await removeObjects(this.#session, keys, options);
  }

  async copy(from: Key, to: Key, { signal }: Abortable = {}): Promise<void> {
    checkKey(from);
    checkKey(to);
    await copyObject(this.#session, from, to, { signal, aheadBytes: this.#aheadBytes });
  }

  async removeLeftovers(prefix: Key, options: Abortable = {}): Promise<void> {
    checkPrefix(prefix);
    const now = this.#session.clock.now();
    const keys: Key[] = [];
    for await (const { key, modified } of listTemporaries(this.#session, prefix, options)) {
      if (isAbandoned(key, modified, now)) keys.push(key);
    }
    await removeObjects(this.#session, keys, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]();
  }
}
