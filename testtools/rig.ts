/** A server that archives through the built command into a folder: the scene of the end-to-end tests. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { reachableWalvault, startCli, type CliResult, type CliRun } from './cli.ts';
import { makeServerDirectory, makeServerTemp } from './postgres/server-user.ts';
import { preparePostgres, startPostgres, type ServerSettings, type TestServer } from './postgres/server.ts';

/** Server, archive, and the command to use on them. Disposing stops and removes everything. */
export interface Rig extends AsyncDisposable {
  readonly server: TestServer;
  /** Everything is below it; removed in the end. */
  readonly folder: string;
  /** `WALG_FILE_PREFIX`. */
  readonly storage: string;
  readonly environment: Readonly<Record<string, string>>;
  cli(args: readonly string[], environment?: Readonly<Record<string, string>>): Promise<CliResult>;
  start(args: readonly string[], environment?: Readonly<Record<string, string>>): CliRun;
  /** Like `cli`, and throws with the log when the status isn't 0. */
  succeed(args: readonly string[], environment?: Readonly<Record<string, string>>): Promise<CliResult>;
  /** Switches to a new segment and waits until everything up to now is archived. */
  archiveAll(): Promise<void>;
  /** Starts what was restored, with archiving off; it is stopped with the rig. `started: false` = only prepared. */
  startRestored(
    directory: string,
    options?: { readonly settings?: ServerSettings; readonly prepareOnly?: boolean },
  ): Promise<TestServer>;
}

/** Options of {@link openRig}. */
export interface RigOptions {
  readonly major: number;
  readonly settings?: ServerSettings;
  readonly initdbArgs?: readonly string[];
  /** Default true: WAL goes to the archive by `walvault wal-push`. */
  readonly archiving?: boolean;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Starts a server of the major with an empty archive. */
export async function openRig(options: RigOptions): Promise<Rig> {
  const folder = makeServerTemp();
  const storage = makeServerDirectory(join(folder, 'storage'));
  const walg = { WALG_FILE_PREFIX: storage, HOME: folder, ...options.environment };
  const server = await startPostgres({
    major: options.major,
    environment: walg,
    ...(options.settings === undefined ? {} : { settings: options.settings }),
    ...(options.initdbArgs === undefined ? {} : { initdbArgs: options.initdbArgs }),
    ...(options.archiving === false ? {} : { archiveCommand: `"${reachableWalvault()}" wal-push "%p"` }),
  });
  const restored: TestServer[] = [];
  const rig: Rig = {
    server,
    folder,
    storage,
    get environment() {
      return { ...walg, ...server.environment };
    },
    start: (args, environment = {}) => startCli(args, { env: { ...rig.environment, ...environment }, cwd: folder }),
    cli: (args, environment) => rig.start(args, environment).ended,
    async succeed(args, environment) {
      const result = await rig.cli(args, environment);
      if (result.status !== 0)
        throw new Error(`walvault ${args.join(' ')}: ${result.status ?? result.signal}\n${result.stderr}`);
      return result;
    },
    async archiveAll() {
      // A segment without a record would not be switched.
      await server.query(`SELECT pg_create_restore_point('archive all')`);
      const segment = await server.value('SELECT pg_walfile_name(pg_switch_wal())');
      await server.waitFor(`SELECT coalesce(last_archived_wal >= '${segment}', false) FROM pg_stat_archiver`);
    },
    async startRestored(directory, { settings = {}, prepareOnly = false } = {}) {
      const open = prepareOnly ? preparePostgres : startPostgres;
      const one = await open({
        major: options.major,
        directory,
        settings: { archive_mode: 'off', ...settings },
        environment: walg,
      });
      restored.push(one);
      return one;
    },
    async [Symbol.asyncDispose]() {
      for (const one of restored) await one[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return rig;
}

/** Row count and checksum of a table, comparable between servers. */
export async function factOf(server: TestServer, table: string, database?: string): Promise<string | null> {
  return server.value(
    `SELECT count(*) || ':' || md5(coalesce(string_agg(t::text, ',' ORDER BY t::text COLLATE "C"), '')) FROM ${table} AS t`,
    database,
  );
}
