/**
 * One connection to a server: the SSH of `ssh2` with the subsystem for files. Every request has a deadline, and ends with
 * an error when the connection does: left alone, `ssh2` may forget those.
 */
import type { Socket } from 'node:net';
import type { Client, ClientErrorExtensions, SFTPWrapper } from 'ssh2';
import { messageOf } from '../../errors.ts';
import type { Clock } from '../../platform/clock.ts';
import { ConnectionLostError, SftpStatusError } from './status-error.ts';

/** What a request calls when it was answered. */
export type Answer<T> = (error?: Error | null, value?: T) => void;

/** What may be asked of a server besides the protocol itself. */
export type Extension =
  'copy-data' | 'fsync@openssh.com' | 'hardlink@openssh.com' | 'posix-rename@openssh.com' | 'statvfs@openssh.com';

/** How patient a connection is. */
export interface ConnectionOptions {
  /** For messages. */
  readonly location: string;
  /** Longest silence while something is asked. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** What a connection is made of. */
export interface LoggedIn {
  readonly client: Client;
  readonly sftp: SFTPWrapper;
  readonly socket: Pick<Socket, 'cork' | 'uncork' | 'destroy'>;
}

interface Pending {
  readonly sinceMs: number;
  readonly limitMs: number;
  fail(error: Error): void;
}

/** Requests are small, so that the answers to others come soon, and large enough to cost little each. */
const wantedRequestBytes = 128 * 1024;
/** A request fits into packets of SSH, which are 32 KiB: each costs as much as the bytes in it. */
const aroundBytes = 512;
/** What servers take that say nothing of their limits: 34,000 bytes with everything around. */
const commonRequestBytes = 32 * 1024;

/** A connection that is logged in. */
export class SftpConnection {
  /** How much fits into one request for reading or writing. */
  readonly requestBytes: number;
  /** Renaming onto an existing file fails for sure, whoever else creates one. */
  readonly renamesExclusively: boolean;
  readonly #client: Client;
  readonly #sftp: SFTPWrapper;
  readonly #socket: LoggedIn['socket'];
  #isGathering = false;
  readonly #options: ConnectionOptions;
  readonly #extensions: Readonly<Record<string, unknown>>;
  readonly #pending = new Set<Pending>();
  #answeredMs: number;
  #watch: NodeJS.Timeout | undefined;
  #lost: ConnectionLostError | undefined;

  constructor({ client, sftp, socket }: LoggedIn, options: ConnectionOptions) {
    this.#client = client;
    this.#sftp = sftp;
    this.#socket = socket;
    this.#options = options;
    this.#answeredMs = options.clock.monotonicMs();
    const told = untyped(sftp);
    this.#extensions = told._extensions ?? {};
    const mostBytes = Math.min(told._maxWriteLen ?? commonRequestBytes, told._maxReadLen ?? commonRequestBytes);
    this.requestBytes = Math.min(wantedRequestBytes, mostBytes) - aroundBytes;
    this.renamesExclusively = told._isOpenSSH === true;
    client.on('error', (error: Error & ClientErrorExtensions) => {
      this.#lose(messageOf(error), error);
    });
    sftp.on('error', (error: Error) => {
      this.#lose(messageOf(error), error);
    });
    const ended = (): void => {
      this.#lose('the server ended it');
    };
    client.on('end', ended).on('close', ended);
    sftp.on('end', ended).on('close', ended);
  }

  get alive(): boolean {
    return this.#lost === undefined;
  }

  /** Whether the server knows an extension of the protocol. */
  supports(extension: Extension): boolean {
    return this.#extensions[extension] !== undefined;
  }

  /**
   * Asks one thing.
   *
   * @param send sends the request, and gives the answer on
   * @param limitMs longest silence of the server; default that of the connection
   * @throws what the server answered, as SftpStatusError; ConnectionLostError
   */
  async ask<T = void>(send: (sftp: SFTPWrapper, answer: Answer<T>) => void, limitMs?: number): Promise<T> {
    if (this.#lost !== undefined) throw this.#lost;
    return new Promise<T>((resolve, reject) => {
      const pending: Pending = {
        sinceMs: this.#options.clock.monotonicMs(),
        limitMs: limitMs ?? this.#options.timeoutMs,
        fail: reject,
      };
      this.#pending.add(pending);
      this.#watch ??= this.#startWatch();
      const answered: Answer<T> = (error, value) => {
        if (!this.#pending.delete(pending)) return;
        this.#answeredMs = this.#options.clock.monotonicMs();
        if (error === undefined || error === null) resolve(value as T);
        else reject(this.#told(error));
      };
      try {
        this.#gather();
        send(this.#sftp, answered);
      } catch (error) {
        answered(error as Error);
      }
    });
  }

  /** Ends it; what is still asked fails. */
  end(): void {
    this.#lose('it was closed');
  }

  /** What is sent in one turn goes to the system in one call: ssh2 makes three writes of each packet. */
  #gather(): void {
    if (this.#isGathering) return;
    this.#isGathering = true;
    this.#socket.cork();
    process.nextTick(() => {
      this.#isGathering = false;
      this.#socket.uncork();
    });
  }

  /** Without a code it is not the server's answer. */
  #told(error: Error): Error {
    if ('code' in error && typeof error.code === 'number') {
      return new SftpStatusError(error.code, error.message, { cause: error });
    }
    return this.#lost ?? this.#lostBy(messageOf(error), error);
  }

  #startWatch(): NodeJS.Timeout {
    const everyMs = Math.min(1_000, this.#options.timeoutMs / 4);
    return setInterval(() => {
      const now = this.#options.clock.monotonicMs();
      for (const { sinceMs, limitMs } of this.#pending) {
        if (now - Math.max(sinceMs, this.#answeredMs) < limitMs) continue;
        this.#lose(`no answer for ${Math.round(limitMs / 1_000)} s`);
        return;
      }
      if (this.#pending.size > 0) return;
      clearInterval(this.#watch);
      this.#watch = undefined;
    }, everyMs);
  }

  #lose(reason: string, cause?: Error): void {
    if (this.#lost !== undefined) return;
    const lost = this.#lostBy(reason, cause);
    this.#lost = lost;
    clearInterval(this.#watch);
    this.#client.end();
    this.#socket.destroy();
    for (const pending of this.#pending) pending.fail(lost);
    this.#pending.clear();
  }

  #lostBy(reason: string, cause?: Error): ConnectionLostError {
    return new ConnectionLostError(`the connection to ${this.#options.location} was lost: ${reason}`, {
      cause,
      hint: 'Check the network between here and the server, and the log of sshd.',
    });
  }
}

/** What ssh2 knows and does not tell: extensions and limits. Should it keep them elsewhere one day, the safe ways are taken. */
interface Untyped {
  readonly _extensions?: Readonly<Record<string, unknown>>;
  readonly _isOpenSSH?: boolean;
  readonly _maxReadLen?: number;
  readonly _maxWriteLen?: number;
}

function untyped(sftp: SFTPWrapper): Untyped {
  return sftp as unknown as Untyped;
}
