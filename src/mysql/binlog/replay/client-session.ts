/**
 * Applies binary logs by the servers' own programs: `mysqlbinlog` for each, all into one session of the client, so that
 * temporary tables live from one to the next. The client stops at the first statement that fails. When anything else fails
 * it is killed before its input ends, since it would execute half a statement; the server then rolls back.
 */
import { dirname } from 'node:path';
import type { Datasource } from '../../server/datasource.ts';
import { withDefaultsFile } from '../../server/defaults-file.ts';
import type { Flavor } from '../gtid/gtid-set.ts';
import type { StagedBinlog } from '../range/stage-binlog.ts';
import type { BinlogApplier } from './applier.ts';
import { ChildProgram } from './child-program.ts';
import type { ClientPrograms } from './client-programs.ts';
import { ReplayError } from './errors.ts';

/** Where to apply. */
export interface ClientSessionOptions {
  readonly programs: ClientPrograms;
  readonly flavor: Flavor;
  readonly datasource: Datasource;
  readonly signal: AbortSignal;
}

/**
 * Blobs may hold anything; a session that was lost must not be replaced by a new one; rows may be large; statements that
 * loaded files load copies of them, which `mysqlbinlog` makes.
 */
const clientOptions = [
  ...['--batch', '--skip-column-names', '--unbuffered', '--binary-mode'],
  ...['--loose-skip-reconnect', '--max-allowed-packet=1073741824', '--local-infile=1'],
];

/** Opens a session, and closes it when `use` has ended. @throws what `use` throws; ReplayError when the session failed in the end */
export async function withClientSession<T>(
  options: ClientSessionOptions,
  use: (applier: BinlogApplier) => Promise<T>,
): Promise<T> {
  const { programs, flavor, datasource, signal } = options;
  return withDefaultsFile(datasource, flavor, async (defaults) => {
    const loaded = dirname(defaults);
    const client = new ChildProgram(programs.client, [`--defaults-file=${defaults}`, ...clientOptions], {
      hasInput: true,
    });
    const session = new ClientSession(client, { ...options, loaded });
    const abort = (): void => void client.kill();
    signal.addEventListener('abort', abort, { once: true });
    try {
      const result = await use(session);
      await session.finish();
      return result;
    } finally {
      signal.removeEventListener('abort', abort);
      await client.kill();
    }
  });
}

class ClientSession implements BinlogApplier {
  readonly #client: ChildProgram;
  readonly #programs: ClientPrograms;
  readonly #signal: AbortSignal;
  readonly #loaded: string;
  #printed = '';
  #wake: (() => void) | undefined;
  #last = '';
  #applied = 0;

  /** @param options.loaded directory for copies of files that statements loaded; not removed here */
  constructor(client: ChildProgram, options: ClientSessionOptions & { readonly loaded: string }) {
    const { programs, signal, loaded } = options;
    this.#client = client;
    this.#loaded = loaded;
    this.#programs = programs;
    this.#signal = signal;
    client.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#printed = (this.#printed + text).slice(-1000);
      this.#wake?.();
    });
  }

  async apply({ name }: StagedBinlog, path: string): Promise<void> {
    this.#last = name;
    const args = ['--no-defaults', `--local-load=${this.#loaded}`, path];
    const binlog = new ChildProgram(this.#programs.binlog, args, { hasInput: false });
    try {
      for await (const chunk of binlog.stdout as AsyncIterable<Uint8Array>) {
        this.#signal.throwIfAborted();
        if (!(await this.#client.write(chunk))) await this.#fail(name);
      }
      await binlog.ended;
      this.#signal.throwIfAborted();
      const { failure } = binlog;
      if (failure !== undefined) {
        await this.#client.kill();
        throw new ReplayError('unavailable', name, failure);
      }
      await this.#executed(name);
    } finally {
      await binlog.kill();
    }
  }

  /** Ends the session. */
  async finish(): Promise<void> {
    await this.#client.closeInput();
    await this.#client.ended;
    this.#signal.throwIfAborted();
    if (this.#client.failure !== undefined) throw new ReplayError('unavailable', this.#last, this.#client.failure);
  }

  /** Has the client print a word, which it does after all that came before. */
  async #executed(name: string): Promise<void> {
    const word = `walvault has applied ${(this.#applied += 1)}.`;
    this.#printed = '';
    if (!(await this.#client.write(`\nSELECT '${word}';\n`))) await this.#fail(name);
    while (!this.#printed.includes(word)) {
      if (this.#client.isOver) await this.#fail(name);
      const printed = Promise.withResolvers<undefined>();
      this.#wake = () => {
        printed.resolve(undefined);
      };
      await Promise.race([printed.promise, this.#client.ended]);
    }
  }

  async #fail(name: string): Promise<never> {
    await this.#client.ended;
    this.#signal.throwIfAborted();
    throw new ReplayError(
      'unavailable',
      name,
      this.#client.failure ?? 'the client ended before it had read everything',
    );
  }
}
