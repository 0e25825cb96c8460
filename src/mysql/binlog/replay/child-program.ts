/** A child process whose end is told with what it said last. */
import { spawn, type ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { codeOf, messageOf } from '../../../errors.ts';

const tailBytes = 4096;

/** A running program; in a process group of its own, so that a terminal's Ctrl-C is for us to hand on. */
export class ChildProgram {
  readonly #path: string;
  readonly #child: ChildProcess;
  readonly #ended = Promise.withResolvers<undefined>();
  #tail = '';
  #isOver = false;
  #failure: string | undefined;

  constructor(path: string, args: readonly string[], { hasInput }: { readonly hasInput: boolean }) {
    this.#path = path;
    this.#child = spawn(path, args, { stdio: [hasInput ? 'pipe' : 'ignore', 'pipe', 'pipe'], detached: true });
    this.#child.once('error', (error) => {
      this.#failure = `cannot be run: ${messageOf(error)}`;
      this.#over();
    });
    this.#child.once('close', (status, signal) => {
      if (status !== 0) this.#failure ??= signal === null ? `failed with status ${status}` : `was ended by ${signal}`;
      this.#over();
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#tail = (this.#tail + text).slice(-tailBytes);
    });
    this.#child.stdin?.on('error', () => undefined); // told by the callback of the write
  }

  get stdout(): Readable {
    if (this.#child.stdout === null) throw new TypeError('standard output was not asked for');
    return this.#child.stdout;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Resolves when it has ended, however. */
  get ended(): Promise<undefined> {
    return this.#ended.promise;
  }

  /** How it failed and what it said; undefined while it runs, and when it ended well. */
  get failure(): string | undefined {
    if (!this.#isOver || this.#failure === undefined) return undefined;
    const said = this.#tail.trim();
    return `${this.#path} ${this.#failure}${said === '' ? '' : `: ${said}`}`;
  }

  /** Hands bytes over. @returns whether it reads on */
  write(bytes: Uint8Array | string): Promise<boolean> {
    return this.#toInput((stdin, done) => stdin.write(bytes, done));
  }

  /** Ends its input. @returns whether it read on until then */
  closeInput(): Promise<boolean> {
    return this.#toInput((stdin, done) => stdin.end(done));
  }

  /** Ends it at once, before it can take the end of its input for the end of a statement. */
  async kill(): Promise<void> {
    const { pid } = this.#child;
    if (this.#isOver || pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch (error) {
      if (codeOf(error) !== 'ESRCH') throw error;
    }
    await this.#ended.promise;
  }

  #over(): void {
    this.#isOver = true;
    this.#ended.resolve(undefined);
  }

  #toInput(act: (stdin: Writable, done: (error?: Error | null) => void) => void): Promise<boolean> {
    const { stdin } = this.#child;
    if (stdin === null || this.#isOver) return Promise.resolve(false);
    return new Promise((resolve) => {
      act(stdin, (error) => {
        resolve(error === undefined || error === null);
      });
      void this.#ended.promise.then(() => {
        resolve(false);
      });
    });
  }
}
