/**
 * Starts throwaway PostgreSQL servers for tests: on a free port of 127.0.0.1 and a socket in a short temporary folder,
 * as a user that PostgreSQL accepts, and never outliving the process that started them.
 */
import { execFileSync, spawn } from 'node:child_process';
import { appendFileSync, closeSync, existsSync, openSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { installationOf } from './installations.ts';
import type { Installation } from './installations.ts';
import { programsOf } from './programs.ts';
import { queryRows } from './query.ts';
import type { Row } from './query.ts';
import { asServerUser, giveToServer, makeServerDirectory, makeServerTemp } from './server-user.ts';
import { superviseServer } from './supervise.ts';
import type { SupervisedServer } from './supervise.ts';

/** Server settings by name; values are written as they are meant, quotes are added. */
export type ServerSettings = Readonly<Record<string, string | number | boolean>>;

/** What to start. */
export interface StartOptions {
  readonly major: number;
  /** Which installation of that major; npm's when there is one. */
  readonly source?: Installation['source'];
  /**
   * Data directory; by default a new one, removed with the server. One that holds a cluster (a restored backup) is
   * started as it is and never removed; a missing or empty one is made by initdb and stays.
   */
  readonly directory?: string;
  /** A new cluster gets them in its postgresql.conf (and so in its backups); an existing one on the command line. */
  readonly settings?: ServerSettings;
  /** More arguments of initdb, such as `--data-checksums` or `--wal-segsize=1`. */
  readonly initdbArgs?: readonly string[];
  /** Turns archiving on with this command; it runs as the server's user. */
  readonly archiveCommand?: string;
  /** Environment of the server, and so of its archive_command and restore_command, beside PATH. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** How to stop a server: `immediate` leaves crash recovery for the next start. */
export type StopMode = 'smart' | 'fast' | 'immediate';

/** A server of a test. Disposing stops it and removes what it made. */
export interface TestServer extends AsyncDisposable {
  readonly major: number;
  readonly dataDirectory: string;
  readonly socketDirectory: string;
  readonly port: number;
  /** For `PGHOST`, `PGPORT`, `PGUSER`, `PGDATABASE`: over the socket, as the superuser. */
  readonly environment: Readonly<Record<string, string>>;
  /** `postgresql://` URI over TCP, as the superuser, without a password. */
  readonly connectionString: string;
  /** Where the programs of its version are: `initdb`, `pg_ctl`, `postgres`. */
  readonly binDirectory: string;
  /** True until it stopped, by itself or not. */
  readonly running: boolean;
  /** The server's log so far, of all its starts. */
  log(): string;
  /** Runs SQL, several statements allowed; rows of the last, every value as text. Fails like the server does. */
  query(sql: string, database?: string): Promise<readonly Row[]>;
  /** The first column of the first row, as text. */
  value(sql: string, database?: string): Promise<string | null>;
  /** Waits until a query's first value is `expected` (default `t`). @throws Error after `timeoutMs`, 30 s by default */
  waitFor(sql: string, options?: { readonly expected?: string; readonly timeoutMs?: number }): Promise<void>;
  /** Makes the running server read its configuration files again, and waits until it has. */
  reload(): Promise<void>;
  /** Starts it again after `stop` or `crash`, with more settings on the command line. */
  start(settings?: ServerSettings): Promise<void>;
  stop(mode?: StopMode): Promise<void>;
  /** Kills the postmaster with SIGKILL, and waits until the last of its processes is gone. */
  crash(): Promise<void>;
  /** Waits until it stopped by itself (a recovery that failed); resolves to its exit status, null after a signal. */
  exited(): Promise<number | null>;
}

/** Quick rather than durable: a killed process loses nothing by fsync=off, only a machine does. */
const testSettings: ServerSettings = {
  fsync: false,
  shared_buffers: '16MB',
  max_connections: 20,
  log_checkpoints: false,
  timezone: 'UTC',
  log_timezone: 'UTC',
};

/** Starts a server and waits until it accepts connections (a standby: read-only ones). @throws Error with the end of its log */
export async function startPostgres(options: StartOptions): Promise<TestServer> {
  const server = await preparePostgres(options);
  try {
    await server.start();
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
  return server;
}

/** As {@link startPostgres}, without the start: for a cluster whose start is expected to fail or to be watched. */
export async function preparePostgres(options: StartOptions): Promise<TestServer> {
  const installation = installationOf(options.major, options.source);
  const binDirectory = programsOf(installation);
  const home = makeServerTemp();
  const socketDirectory = makeServerDirectory(join(home, 's'), 0o777);
  const dataDirectory = options.directory ?? join(home, 'data');
  const logFile = join(home, 'log');
  const isNew = !existsSync(dataDirectory) || readdirSync(dataDirectory).length === 0;
  const settings: ServerSettings = {
    ...(isNew ? testSettings : {}),
    ...(options.archiveCommand === undefined ? {} : { archive_mode: 'on', archive_command: options.archiveCommand }),
    ...options.settings,
  };
  if (isNew) initialize({ binDirectory, dataDirectory, settings, initdbArgs: options.initdbArgs ?? [] });
  else giveToServer(dataDirectory);
  let port = await freePort();
  let process: SupervisedServer | undefined;
  let exit: Promise<number | null> = Promise.resolve(null);

  async function startOnce(more: ServerSettings): Promise<void> {
    if (process?.running === true) throw new Error('the server is running');
    const own = { listen_addresses: '127.0.0.1', unix_socket_directories: socketDirectory, fsync: false };
    const all = { ...own, ...(isNew ? {} : settings), ...more, port };
    const output = openSync(logFile, 'a');
    const child = spawn(join(binDirectory, 'postgres'), ['-D', dataDirectory, ...commandLine(all)], {
      ...asServerUser(),
      cwd: home,
      env: { PATH: globalThis.process.env['PATH'] ?? '', LC_ALL: 'C', ...options.environment },
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    process = superviseServer(child);
    exit = process.exited;
    await process.ready(join(dataDirectory, 'postmaster.pid'));
  }

  const server: TestServer = {
    major: options.major,
    dataDirectory,
    socketDirectory,
    binDirectory,
    get port() {
      return port;
    },
    get environment() {
      return { PGHOST: socketDirectory, PGPORT: String(port), PGUSER: 'postgres', PGDATABASE: 'postgres' };
    },
    get connectionString() {
      return `postgresql://postgres@127.0.0.1:${port}/postgres`;
    },
    get running() {
      return process?.running ?? false;
    },
    log: () => (existsSync(logFile) ? readFileSync(logFile, 'utf8') : ''),
    query: (sql, database = 'postgres') => queryRows({ host: socketDirectory, port, database }, sql),
    async value(sql, database) {
      const [row] = await server.query(sql, database);
      return row === undefined ? null : (Object.values(row)[0] ?? null);
    },
    async waitFor(sql, { expected = 't', timeoutMs = 30_000 } = {}) {
      const deadline = performance.now() + timeoutMs;
      let last: string | null = null;
      while ((last = await server.value(sql)) !== expected) {
        if (performance.now() > deadline) throw new Error(`${sql}: still "${last}"\n${tail(server.log())}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    async reload() {
      // Every query has a connection of its own, which inherits the time of the last reload from the postmaster.
      const before = await server.value('select pg_conf_load_time()');
      process?.signal('SIGHUP');
      await server.waitFor(`select pg_conf_load_time() <> '${before ?? ''}'`);
    },
    async start(more = {}) {
      for (let attempt = 1; ; attempt += 1) {
        const logged = server.log().length;
        try {
          await startOnce(more);
          return;
        } catch (error) {
          const log = server.log().slice(logged);
          if (attempt === 5 || !log.includes('Address already in use')) {
            throw new Error(`PostgreSQL ${options.major} did not start\n${tail(log)}`, { cause: error });
          }
          port = await freePort();
        }
      }
    },
    stop: async (mode = 'fast') => process?.stop(mode),
    crash: async () => process?.kill(),
    exited: () => exit,
    async [Symbol.asyncDispose]() {
      await process?.stop('immediate');
      rmSync(home, { recursive: true, force: true });
    },
  };
  return server;
}

function initialize(cluster: {
  readonly binDirectory: string;
  readonly dataDirectory: string;
  readonly settings: ServerSettings;
  readonly initdbArgs: readonly string[];
}): void {
  makeServerDirectory(cluster.dataDirectory, 0o700);
  const args = ['-D', cluster.dataDirectory, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync'];
  const program = join(cluster.binDirectory, 'initdb');
  execFileSync(program, [...args, ...cluster.initdbArgs], {
    ...asServerUser(),
    cwd: cluster.dataDirectory,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const lines = Object.entries(cluster.settings).map(([name, value]) => `${name} = ${quoted(value)}\n`);
  appendFileSync(join(cluster.dataDirectory, 'postgresql.conf'), lines.join(''));
}

function quoted(value: string | number | boolean): string {
  return `'${String(value).replaceAll("'", "''")}'`;
}

function commandLine(settings: ServerSettings): readonly string[] {
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

function tail(log: string): string {
  return log.split('\n').slice(-25).join('\n');
}
