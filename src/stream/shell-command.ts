/**
 * Commands of the settings, run by the shell as WAL-G does (`$SHELL -c`, else `/bin/sh -c`), each in a process group of its
 * own, so that a whole pipeline can be ended: whatever becomes of us, none of it goes on.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { ByteSource } from '../bytes/stage.ts';
import { ArchiverError, codeOf, messageOf } from '../errors.ts';
import type { Logger } from '../platform/logger.ts';
import { systemClock } from '../platform/clock.ts';

/** What every command is run with. */
export interface ShellOptions {
  /** Variables beside those of this process. Not for secrets: they are seen in the list of processes. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Lines of its standard error go here, at debug level. */
  readonly logger: Logger;
  /** Ends the whole process group. */
  readonly signal: AbortSignal;
}

/** Options of a command whose output is not the point. */
export interface ConsumerOptions extends ShellOptions {
  /** Its standard output: thrown away (default), or to our standard error. */
  readonly stdout?: 'ignore' | 'stderr';
}

/** A command that failed, with what it said last. */
export class CommandFailedError extends ArchiverError {
  /** Undefined when it was ended by a signal, or never ran. */
  readonly status: number | undefined;
  readonly stderrTail: string;
  constructor(command: string, how: string, { status, tail }: { readonly status?: number; readonly tail: string }) {
    const said = tail === '' ? '' : `: ${tail}`;
    super('unavailable', `command ${how}: ${JSON.stringify(shortened(command))}${said}`, {
      hint: 'What it printed on its standard error is above; run it by hand to see more.',
    });
    this.status = status;
    this.stderrTail = tail;
  }
}

const tailBytes = 8192;
const graceMs = 10_000;
const shownCharacters = 300;

/** Finds the shell without looking at our own environment, and adds variables. */
const starter = 'command=$1; shift; for pair do export "$pair"; done; exec "${SHELL:-/bin/sh}" -c "$command"';

/**
 * The standard output of a command. It runs from the first chunk asked for; the bytes end only when it has ended with status
 * 0, so that what is stored of the output of a command that failed is never completed. Stopping early ends the command.
 *
 * @throws CommandFailedError; the reason of the signal
 */
export async function* runProducer(command: string, options: ShellOptions): ByteSource {
  options.signal.throwIfAborted();
  const child = start(command, options, ['ignore', 'pipe', 'pipe']);
  try {
    yield* child.stdout as AsyncIterable<Uint8Array>;
    await child.succeeded();
  } finally {
    await child.end();
  }
}

/**
 * Feeds a command's standard input, and waits until it has ended. When the source fails, the command is ended before its
 * input is: it never takes a part for the whole.
 *
 * @throws CommandFailedError, also when it ended well without having read everything; what the source throws; the reason of
 *   the signal
 */
export async function runConsumer(command: string, source: ByteSource, options: ConsumerOptions): Promise<void> {
  options.signal.throwIfAborted();
  const child = start(command, options, ['pipe', stdoutOf(options), 'pipe']);
  try {
    let isBroken = false;
    for await (const chunk of source) {
      options.signal.throwIfAborted();
      isBroken = !(await child.write(chunk));
      if (isBroken) break;
    }
    if (!isBroken) isBroken = !(await child.closeInput());
    await child.succeeded();
    if (isBroken) throw child.failed('ended before it had read everything');
  } finally {
    await child.end();
  }
}

/** Runs a command without input. @throws CommandFailedError; the reason of the signal */
export async function runCommand(command: string, options: ConsumerOptions): Promise<void> {
  options.signal.throwIfAborted();
  const child = start(command, options, ['ignore', stdoutOf(options), 'pipe']);
  try {
    await child.succeeded();
  } finally {
    await child.end();
  }
}

type Stdio = readonly ['ignore' | 'pipe', 'ignore' | 'pipe' | 2, 'pipe'];

function stdoutOf({ stdout = 'ignore' }: ConsumerOptions): 'ignore' | 2 {
  return stdout === 'ignore' ? 'ignore' : 2;
}

function start(command: string, options: ShellOptions, stdio: Stdio): RunningCommand {
  const pairs = Object.entries(options.environment ?? {}).map(([name, value]) => `${name}=${value}`);
  const child = spawn('/bin/sh', ['-c', starter, 'sh', command, ...pairs], { stdio: [...stdio], detached: true });
  return new RunningCommand(command, child, options);
}

class RunningCommand {
  readonly #command: string;
  readonly #child: ChildProcess;
  readonly #signal: AbortSignal;
  readonly #ended: Promise<void>;
  readonly #onAbort = () => {
    this.#kill('SIGTERM');
  };
  #tail = Buffer.alloc(0);
  #isOver = false;
  #startFailure: Error | undefined;

  constructor(command: string, child: ChildProcess, { logger, signal }: ShellOptions) {
    this.#command = command;
    this.#child = child;
    this.#signal = signal;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#ended = promise;
    const over = (): void => {
      this.#isOver = true;
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
    child.stdin?.on('error', () => undefined); // told by the callback of the write
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  get stdout(): Readable {
    if (this.#child.stdout === null) throw new TypeError('standard output was not asked for');
    return this.#child.stdout;
  }

  /** Waits until the bytes are handed over, as they are lent. @returns whether somebody reads on */
  write(bytes: Uint8Array): Promise<boolean> {
    return this.#toInput((stdin, done) => stdin.write(bytes, done));
  }

  closeInput(): Promise<boolean> {
    return this.#toInput((stdin, done) => stdin.end(done));
  }

  #toInput(act: (stdin: Writable, done: (error?: Error | null) => void) => void): Promise<boolean> {
    const { stdin } = this.#child;
    if (stdin === null || this.#isOver) return Promise.resolve(false);
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
    const tail = this.#tail.toString().trim();
    return new CommandFailedError(this.#command, how, { tail, ...(status === null ? {} : { status }) });
  }

  /** Ends it, if it runs, and waits for that; then also what it has left running in the background. */
  async end(): Promise<void> {
    this.#signal.removeEventListener('abort', this.#onAbort);
    if (!this.#isOver) {
      this.#kill('SIGTERM');
      const late = setTimeout(() => {
        this.#kill('SIGKILL');
      }, graceMs);
      await this.#ended;
      clearTimeout(late);
    }
    this.#kill('SIGKILL');
    this.#child.stdin?.destroy();
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
  }

  /** What it wrote last may come after the news of its end. */
  async #restOfStderr(): Promise<void> {
    const { stderr } = this.#child;
    if (stderr === null || stderr.readableEnded) return;
    const wait = new AbortController();
    await Promise.race([
      new Promise((resolve) => stderr.once('end', resolve)),
      systemClock.sleep(1000, wait.signal).catch(() => undefined),
    ]);
    wait.abort();
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

function shortened(command: string): string {
  return command.length <= shownCharacters ? command : `${command.slice(0, shownCharacters)}…`;
}
