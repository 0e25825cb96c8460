/**
 * Starts throwaway MariaDB servers for tests: with a binlog, on a socket in a short temporary folder and a free port of
 * 127.0.0.1, as a user that is not root, and never outliving the process that started them.
 */
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../postgres/free-port.ts';
import { asServerUser, giveToServer, makeServerDirectory, makeServerTemp } from '../postgres/server-user.ts';
import { superviseServer, type SupervisedServer } from '../postgres/supervise.ts';
import { madeOnce } from '../reachable-copy.ts';
import { factsOf, queryMariadb, type MariadbFact } from './client.ts';
import { mariadbProgram } from './programs.ts';

/** Options of the server by name (`binlog_format: 'ROW'`); true = without a value. */
export type MariadbSettings = Readonly<Record<string, string | number | true>>;

/** What to start. */
export interface MariadbOptions {
  /**
   * Data directory; by default a new one, removed with the server. One that holds data (a restored backup) is given to the
   * server's user, started as it is and never removed; a missing or empty one is filled and stays.
   */
  readonly directory?: string;
  readonly settings?: MariadbSettings;
  /** By default `Etc/UTC`: the time zone of the process, and so of the server. */
  readonly timeZone?: string;
}

/** A server of a test. Disposing kills it and removes what it made. */
export interface MariadbServer extends AsyncDisposable {
  readonly dataDirectory: string;
  /** Everything else that it made is below it: the socket, the log. Removed in the end; tests may put more there. */
  readonly folder: string;
  readonly socket: string;
  /** Of 127.0.0.1; another after each start if it was taken. */
  readonly port: number;
  /** `WALG_MYSQL_DATASOURCE_NAME`: root without a password, over the socket. */
  readonly datasource: string;
  /** The same over TCP. */
  readonly tcpDatasource: string;
  /** Options of MariaDB's client programs: `--no-defaults -uroot -S SOCKET`. */
  readonly clientOptions: readonly string[];
  /** True until it stopped, by itself or not. */
  readonly running: boolean;
  /** The server's log so far, of all its starts. */
  log(): string;
  /** Runs SQL, any number of statements; rows of all of them, every value as text. Fails like the server does. */
  query(sql: string, database?: string): Promise<readonly (readonly string[])[]>;
  /** The first value of the first row. */
  value(sql: string, database?: string): Promise<string | undefined>;
  /** Waits until a query's first value is `expected` (default `1`). @throws Error after `timeoutMs`, 60 s by default */
  waitFor(sql: string, options?: { readonly expected?: string; readonly timeoutMs?: number }): Promise<void>;
  /** Row count and MD5 of each table of the databases, as the fixtures have them. */
  facts(...databases: readonly string[]): Promise<Readonly<Record<string, MariadbFact>>>;
  /** Names of the binlogs on its disk, the active one last. */
  binlogs(): Promise<readonly string[]>;
  /** Closes the active binlog; resolves to the name of the new one. */
  rotate(): Promise<string>;
  /** Starts it again after `stop` or `crash`, with more settings. */
  start(settings?: MariadbSettings): Promise<void>;
  stop(): Promise<void>;
  /** SIGKILL. */
  crash(): Promise<void>;
}

/** Quick rather than durable: a killed process loses nothing by them, only a machine does. */
const testSettings: MariadbSettings = {
  innodb_flush_log_at_trx_commit: 2,
  innodb_buffer_pool_size: '16M',
  innodb_log_file_size: '4M',
  innodb_fast_shutdown: 1,
  key_buffer_size: '1M',
  max_connections: 30,
  sync_binlog: 0,
  skip_name_resolve: true,
  default_time_zone: '+00:00',
  log_bin: 'mysql-bin',
  binlog_format: 'ROW',
  server_id: 1,
  character_set_server: 'utf8mb4',
};

const startTimeoutMs = 120_000;

/** Starts a server and waits until it answers. @throws Error with the end of its log */
export async function startMariadb(options: MariadbOptions = {}): Promise<MariadbServer> {
  const folder = makeServerTemp();
  const dataDirectory = options.directory ?? join(folder, 'data');
  const socket = join(folder, 'sock');
  const logFile = join(folder, 'log');
  // A server that starts removes temporary tables of all servers from a folder that they share.
  const temporary = makeServerDirectory(join(folder, 'tmp'));
  const zone = options.timeZone ?? 'Etc/UTC';
  if (!existsSync(dataDirectory) || readdirSync(dataDirectory).length === 0) fillDataDirectory(dataDirectory);
  giveToServer(dataDirectory);
  let port = 0;
  let process: SupervisedServer | undefined;

  async function startOnce(more: MariadbSettings): Promise<void> {
    if (process?.running === true) throw new Error('the server is running');
    port = await freePort();
    const own = {
      datadir: dataDirectory,
      tmpdir: temporary,
      socket,
      port,
      pid_file: join(folder, 'pid'),
      bind_address: '127.0.0.1',
    };
    const settings = { ...testSettings, ...options.settings, ...more, ...own };
    const output = openSync(logFile, 'a');
    const child = spawn(mariadbProgram('mariadbd'), ['--no-defaults', ...commandLine(settings)], {
      ...asServerUser(),
      cwd: folder,
      env: { PATH: globalThis.process.env['PATH'] ?? '', LC_ALL: 'C', TZ: zone },
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    process = superviseServer(child);
    const deadline = performance.now() + startTimeoutMs;
    while (!(await answers(socket))) {
      if (!process.running) throw new Error('the server ended');
      if (performance.now() > deadline) throw new Error('the server did not become ready');
      await delay(30);
    }
  }

  const server: MariadbServer = {
    dataDirectory,
    folder,
    socket,
    get port() {
      return port;
    },
    datasource: `root@unix(${socket})/mysql`,
    get tcpDatasource() {
      return `root@tcp(127.0.0.1:${port})/mysql`;
    },
    clientOptions: ['--no-defaults', '-uroot', '-S', socket],
    get running() {
      return process?.running ?? false;
    },
    log: () => (existsSync(logFile) ? readFileSync(logFile, 'utf8') : ''),
    query: (sql, database) => queryMariadb(socket, sql, database),
    async value(sql, database) {
      const [row] = await server.query(sql, database);
      return row?.[0];
    },
    async waitFor(sql, { expected = '1', timeoutMs = 60_000 } = {}) {
      const deadline = performance.now() + timeoutMs;
      let last: string | undefined;
      while ((last = await server.value(sql)) !== expected) {
        if (performance.now() > deadline) throw new Error(`${sql}: still "${last ?? ''}"\n${tail(server.log())}`);
        await delay(50);
      }
    },
    facts: (...databases) => factsOf(socket, databases),
    async binlogs() {
      return (await server.query('SHOW BINARY LOGS')).map(([name = '']) => name);
    },
    async rotate() {
      await server.query('FLUSH BINARY LOGS');
      return (await server.binlogs()).at(-1) ?? '';
    },
    async start(more = {}) {
      for (let attempt = 1; ; attempt += 1) {
        const logged = server.log().length;
        try {
          await startOnce(more);
          return;
        } catch (error) {
          await process?.kill();
          const log = server.log().slice(logged);
          if (attempt < 5 && log.includes('Address already in use')) continue;
          throw new Error(`MariaDB did not start\n${tail(log)}`, { cause: error });
        }
      }
    },
    stop: async () => process?.stop('smart'),
    crash: async () => process?.kill(),
    async [Symbol.asyncDispose]() {
      await process?.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    await server.start();
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
  return server;
}

/** Starts a server that replicates from another one by GTID, from the beginning of its binlogs on, and has a binlog of its own. */
export async function startReplica(source: MariadbServer, settings: MariadbSettings = {}): Promise<MariadbServer> {
  const replica = await startMariadb({ settings: { server_id: 2, log_slave_updates: true, ...settings } });
  try {
    await replica.query(
      `CHANGE MASTER TO master_host='127.0.0.1', master_port=${source.port}, master_user='root', master_use_gtid=slave_pos;
       START SLAVE;`,
    );
  } catch (error) {
    await replica[Symbol.asyncDispose]();
    throw error;
  }
  return replica;
}

/** Waits until a replica has applied all that its source has committed now. */
export async function catchUp(replica: MariadbServer, source: MariadbServer): Promise<void> {
  const position = (await source.value('SELECT @@global.gtid_current_pos')) ?? '';
  await replica.waitFor(`SELECT MASTER_GTID_WAIT('${position}', 1) = 0`);
}

/** Removes a server's binlogs before one of them. It keeps what a crash would need for some moments, and says nothing. */
export async function purgeBinlogs(server: MariadbServer, first: string): Promise<void> {
  const deadline = performance.now() + startTimeoutMs;
  do {
    if (performance.now() > deadline) throw new Error(`the binlogs before ${first} stay`);
    await server.query(`PURGE BINARY LOGS TO '${first}'`);
    await delay(50);
  } while ((await server.binlogs())[0] !== first);
}

/** A data directory with the system tables, without a binlog, copied from one that the test run makes once. */
function fillDataDirectory(directory: string): void {
  const made = madeOnce('mariadb-data', (path) => {
    mkdirSync(path);
    giveToServer(path);
    const options = ['--auth-root-authentication-method=normal', '--skip-test-db', '--innodb-log-file-size=4M'];
    execFileSync(mariadbProgram('mariadb-install-db'), ['--no-defaults', `--datadir=${path}`, ...options], {
      ...asServerUser(),
      cwd: '/',
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  });
  rmSync(directory, { recursive: true, force: true });
  execFileSync('cp', ['-a', made, directory]);
}

async function answers(socket: string): Promise<boolean> {
  return existsSync(socket) && (await queryMariadb(socket, 'SELECT 1').catch(() => [])).length === 1;
}

function commandLine(settings: MariadbSettings): readonly string[] {
  return Object.entries(settings).map(([name, value]) => (value === true ? `--${name}` : `--${name}=${value}`));
}

function tail(log: string): string {
  return log.split('\n').slice(-25).join('\n');
}
