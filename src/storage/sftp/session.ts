/** The connection that all users of a storage share: opened when it is first needed, and again when it was lost. */
import { ArchiverError } from '../../errors.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import { orAborted } from '../or-aborted.ts';
import { createPatience, type Patience } from '../patience.ts';
import type { SftpConfig } from './config.ts';
import type { SftpConnection } from './connection.ts';

/** What a session depends on. */
export interface SessionOptions {
  readonly config: SftpConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Opens a connection, once. */
  readonly open: () => Promise<SftpConnection>;
}

/** Logins cost a server more than requests: some refuse whoever comes too often. */
const policy = { attempts: 10, firstDelayMs: 500, maxDelayMs: 15_000 };

/** A session; disposing ends its connection. */
export class SftpSession implements AsyncDisposable {
  readonly config: SftpConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly #open: () => Promise<SftpConnection>;
  readonly #patience: Patience;
  readonly #disposed = new AbortController();
  #current: SftpConnection | undefined;
  #opening: Promise<SftpConnection> | undefined;
  #rootSeen = false;

  constructor({ config, clock, logger, open }: SessionOptions) {
    this.config = config;
    this.clock = clock;
    this.logger = logger;
    this.#open = open;
    this.#patience = createPatience({ location: config.location, policy, clock, logger });
  }

  /**
   * A connection that was alive a moment ago.
   *
   * @throws StorageForbiddenError, ArchiverError (`config`) at once; StorageUnavailableError after some tries; the
   *   reason of the signal
   */
  async connection(signal?: AbortSignal): Promise<SftpConnection> {
    signal?.throwIfAborted();
    if (this.#current?.alive === true) return this.#current;
    this.#opening ??= this.#openPatiently().finally(() => {
      this.#opening = undefined;
    });
    return orAborted(this.#opening, signal);
  }

  /** Whether the folder of the storage was there before. */
  get hasSeenRoot(): boolean {
    return this.#rootSeen;
  }

  /** To be called when something was found in it. */
  noteRoot(): void {
    this.#rootSeen = true;
  }

  /** The same with one try, for clearing up after a failure. */
  async connectionAtOnce(): Promise<SftpConnection> {
    if (this.#current?.alive === true) return this.#current;
    this.#disposed.signal.throwIfAborted();
    return this.#keep(await this.#open());
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- nothing to wait for
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed.abort(new Error('the storage was closed'));
    this.#current?.end();
  }

  async #openPatiently(): Promise<SftpConnection> {
    const trying = this.#patience.begin('log in');
    for (;;) {
      this.#disposed.signal.throwIfAborted();
      try {
        const connection = this.#keep(await this.#open());
        this.#patience.noteAnswer();
        return connection;
      } catch (told) {
        const mayPass = told instanceof ArchiverError && told.kind === 'unavailable';
        await trying.pause({ told, mayPass }, this.#disposed.signal);
      }
    }
  }

  #keep(connection: SftpConnection): SftpConnection {
    if (this.#current?.alive === true) {
      connection.end();
      return this.#current;
    }
    this.#current = connection;
    if (this.#disposed.signal.aborted) connection.end();
    return connection;
  }
}
