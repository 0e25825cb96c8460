/** A command that the shell runs in a process group of its own, and what becomes of it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import type { ByteSource } from '../bytes/stage.ts';
import { codeOf, messageOf } from '../errors.ts';
import type { Logger } from '../platform/logger.ts';
import { systemClock } from '../platform/clock.ts';
import { CommandFailedError, commandName } from './command-failed.ts';

/** What every command is run with. */
export interface ShellOptions {
  /** The setting or option that it is from, for messages: its text may hold passwords, and is never shown. */
  readonly from: string;
  /** Variables beside those of this process. Not for secrets: they are seen in the list of processes. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Lines of its standard error go here, at debug level. */
  readonly logger: Logger;
  /** Ends the whole process group. */
  readonly signal: AbortSignal;
}

/** Which of its streams are read and fed. */
export interface CommandStreams {
  readonly stdin: 'ignore' | 'pipe';
  /** 2: to our standard error. */
  readonly stdout: 'ignore' | 'pipe' | 2;
}

const tailBytes = 8192;
const graceMs = 10_000;

/** Finds the shell without looking at our own environment, and adds variables. */
const starter = 'command=$1; shift; for pair do export "$pair"; done; exec "${SHELL:-/bin/sh}" -c "$command"';
/** Node lets us see how an input ends only where it might be read from, which of descriptor 0 it never is. */
const inputDescriptor = 3;
const fedStarter = `exec <&${inputDescriptor} ${inputDescriptor}<&-; ${starter}`;

/** Starts one. Whoever does calls its `end`, whatever happens. */
export function startCommand(
  command: string,
  options: ShellOptions,
  { stdin, stdout }: CommandStreams,
): RunningCommand {
  const pairs = Object.entries(options.environment ?? {}).map(([name, value]) => `${name}=${value}`);
  const isFed = stdin === 'pipe';
  const child = spawn('/bin/sh', ['-c', isFed ? fedStarter : starter, 'sh', command, ...pairs], {
    stdio: ['ignore', stdout, 'pipe', stdin],
    detached: true,
  });
  return new RunningCommand(command, child, options);
}

/** A command that runs, or has run. */
export class RunningCommand {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #signal: AbortSignal;
  readonly #ended: Promise<void>;
  readonly #logger: Logger;
  readonly #onAbort = () => {
    this.#terminate();
  };
  #late: NodeJS.Timeout | undefined;
  #input: Socket | undefined;
  #isInputBroken = false;
  #tail = Buffer.alloc(0);
  #isOver = false;
  #startFailure: Error | undefined;

  constructor(command: string, child: ChildProcess, { from, logger, signal }: ShellOptions) {
    this.#name = commandName(from, command);
    this.#logger = logger;
    this.#child = child;
    this.#signal = signal;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#ended = promise;
    const over = (): void => {
      this.#isOver = true;
      if (child.exitCode !== 0 || signal.aborted) this.#dropOutput();
      resolve(undefined);
    };
    child.once('error', (error) => {
      this.#startFailure = error;
      if (child.pid === undefined) over();
    });
    // Not `close`: what the command left running may hold its output open for ever.
    child.once('exit', over);
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#tail = Buffer.concat([this.#tail, chunk]).subarray(-tailBytes);
      logger.debug('command says', { text: chunk.toString().trimEnd() });
    });
    signal.addEventListener('abort', this.#onAbort, { once: true });
    const input = child.stdio[inputDescriptor];
    if (!(input instanceof Socket)) return;
    this.#input = input;
    // It comes as well when the other end is closed with bytes in between that nobody has read.
    input.on('error', () => {
      this.#isInputBroken = true;
    });
    input.resume();
  }

  /** Its standard output, to the end; of a command that fails, as long as it runs. */
  async *output(): ByteSource {
    const { stdout } = this.#child;
    if (stdout === null) throw new TypeError('standard output was not asked for');
    const waiting = setInterval(() => {
      if (!this.#isOver || stdout.readableLength > 0) return;
      clearInterval(waiting);
      this.#logger.warn(`${this.#name} has ended; waiting for what it left running, which holds its output open`);
    }, graceMs);
    try {
      yield* stdout as AsyncIterable<Uint8Array>;
    } catch (error) {
      await this.succeeded();
      throw error;
    } finally {
      clearInterval(waiting);
    }
  }

  /** Waits until the bytes are handed over, as they are lent. @returns whether somebody reads on */
  write(bytes: Uint8Array): Promise<boolean> {
    return this.#toInput((stdin, done) => stdin.write(bytes, done));
  }

  closeInput(): Promise<boolean> {
    return this.#toInput((stdin, done) => stdin.end(done));
  }

  #toInput(act: (stdin: Socket, done: (error?: Error | null) => void) => void): Promise<boolean> {
    const stdin = this.#input;
    if (stdin === undefined || this.#isOver) return Promise.resolve(false);
    return new Promise((resolve) => {
      act(stdin, (error) => {
        resolve(error === undefined || error === null);
      });
      // Somebody else may hold the reading end open.
      void this.#ended.then(() => {
        resolve(false);
      });
    });
  }

  /** Resolves when it has ended with status 0. */
  async succeeded(): Promise<void> {
    await this.#ended;
    this.#signal.throwIfAborted();
    if (this.#startFailure !== undefined) throw this.failed(`cannot be run (${messageOf(this.#startFailure)})`);
    const { exitCode, signalCode } = this.#child;
    if (exitCode === 0) return;
    await this.#restOfStderr();
    throw this.failed(signalCode === null ? `failed with status ${exitCode}` : `was ended by ${signalCode}`);
  }

  failed(how: string): CommandFailedError {
    const status = this.#child.exitCode;
    // Nothing that would make a terminal do something.
    const tail = this.#tail
      .toString()
      .replaceAll(/[^\P{Cc}\n\t]/gu, '')
      .trim();
    return new CommandFailedError(this.#name, how, { tail, ...(status === null ? {} : { status }) });
  }

  /** Ends it, if it runs, and waits for that; then also what it has left running in the background. */
  async end(): Promise<void> {
    this.#signal.removeEventListener('abort', this.#onAbort);
    if (!this.#isOver) {
      this.#terminate();
      await this.#ended;
    }
    clearTimeout(this.#late);
    this.#kill('SIGKILL');
    this.#input?.destroy();
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
  }

  /** Whether it, or what it has left running, read all of its input; to be asked when it has ended. */
  async readEverything(): Promise<boolean> {
    if (this.#input?.closed === false) await soon(this.#input, 'close');
    return !this.#isInputBroken;
  }

  /** What it wrote last may come after the news of its end. */
  async #restOfStderr(): Promise<void> {
    const { stderr } = this.#child;
    if (stderr?.readableEnded === false) await soon(stderr, 'end');
  }

  /** What does not heed the signal is killed a while later. */
  #terminate(): void {
    this.#kill('SIGTERM');
    this.#late ??= setTimeout(() => {
      this.#kill('SIGKILL');
    }, graceMs);
    if (this.#isOver) this.#dropOutput();
  }

  /** It counts no more, and what the command left running may hold it open for ever. */
  #dropOutput(): void {
    this.#child.stdout?.destroy();
  }

  #kill(name: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, name);
    } catch (error) {
      // No process of the group is left, or none that is ours.
      if (codeOf(error) !== 'ESRCH' && codeOf(error) !== 'EPERM') throw error;
    }
  }
}

async function soon(stream: Readable, event: string): Promise<void> {
  const wait = new AbortController();
  await Promise.race([
    new Promise((resolve) => stream.once(event, resolve)),
    systemClock.sleep(1000, wait.signal).catch(() => undefined),
  ]);
  wait.abort();
}
