/** A MariaDB that is backed up by the built command into a folder: the scene of the end-to-end tests. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { startCli, type CliResult, type CliRun } from '../cli.ts';
import { giveToServer, makeServerDirectory, makeServerTemp } from '../postgres/server-user.ts';
import { mariadbProgram } from './programs.ts';
import { startMariadb, type MariadbServer, type MariadbSettings } from './server.ts';

/** Settings of a run, by name. */
type Environment = Readonly<Record<string, string>>;

/** Server, archive, and the command to use on them. Disposing stops and removes everything. */
export interface MariadbRig extends AsyncDisposable {
  readonly server: MariadbServer;
  /** Everything is below it; removed in the end. */
  readonly folder: string;
  /** `WALG_FILE_PREFIX`. */
  readonly storage: string;
  /** Of the server, with mariadb-backup as `WALG_STREAM_CREATE_COMMAND`. */
  readonly environment: Environment;
  cli(args: readonly string[], environment?: Environment): Promise<CliResult>;
  start(args: readonly string[], environment?: Environment): CliRun;
  /** Like `cli`, and throws with the log when the status isn't 0. */
  succeed(args: readonly string[], environment?: Environment): Promise<CliResult>;
  /** Makes a backup; resolves to its name. */
  backup(environment?: Environment): Promise<string>;
  /** Fetches a backup made by mariadb-backup and prepares it: a data directory to start, or to copy. */
  fetch(backup: string): Promise<string>;
  /** Starts a copy of such a directory. The caller disposes it. */
  startCopy(directory: string, settings?: MariadbSettings): Promise<MariadbServer>;
}

/** Starts a server with an empty archive. */
export async function openMariadbRig(
  settings: MariadbSettings = {},
  environment: Environment = {},
): Promise<MariadbRig> {
  const folder = makeServerTemp();
  const storage = makeServerDirectory(join(folder, 'storage'));
  const server = await startMariadb({ settings });
  const own = { WALG_FILE_PREFIX: storage, HOME: folder, TZ: 'Etc/UTC', ...environment };
  let fetched = 0;
  let copies = 0;
  const rig: MariadbRig = {
    server,
    folder,
    storage,
    environment: {
      ...own,
      WALG_MYSQL_DATASOURCE_NAME: server.datasource,
      WALG_STREAM_CREATE_COMMAND: backupCommand(server),
    },
    start: (args, more = {}) => startCli(args, { env: { ...rig.environment, ...more }, cwd: folder }),
    cli: (args, more) => rig.start(args, more).ended,
    async succeed(args, more) {
      const result = await rig.cli(args, more);
      if (result.status === 0) return result;
      throw new Error(`walvault ${args.join(' ')}: ${result.status ?? result.signal}\n${result.stderr}`);
    },
    async backup(more) {
      const { stderr } = await rig.succeed(['backup-push'], more);
      const name = /stream_\d{8}T\d{6}Z/.exec(stderr)?.[0];
      if (name === undefined) throw new Error(`no name of a backup: ${stderr}`);
      return name;
    },
    async fetch(backup) {
      const directory = makeServerDirectory(join(folder, `fetched-${(fetched += 1)}`), 0o700);
      await rig.succeed(['backup-fetch', backup], restoreCommands(directory));
      return directory;
    },
    async startCopy(directory, more = {}) {
      const copy = join(folder, `copy-${(copies += 1)}`);
      execFileSync('cp', ['-a', directory, copy]);
      return startMariadb({ directory: copy, settings: more });
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return rig;
}

/** `WALG_STREAM_CREATE_COMMAND` for a server: its files, by mariadb-backup. */
export function backupCommand({ dataDirectory, socket }: MariadbServer): string {
  return `${mariadbProgram('mariadb-backup')} --no-defaults --backup --stream=xbstream --datadir=${dataDirectory} --socket=${socket} --user=root`;
}

/** `WALG_STREAM_CREATE_COMMAND` for a server: all databases of its users, by mariadb-dump. */
export function dumpCommand(server: MariadbServer, databases: readonly string[]): string {
  const options = '--single-transaction --master-data=2 --gtid --routines --triggers --databases';
  return [mariadbProgram('mariadb-dump'), ...server.clientOptions, options, ...databases].join(' ');
}

/** The settings that restore what mariadb-backup made into a directory. */
export function restoreCommands(directory: string): Environment {
  if (!existsSync(directory)) mkdirSync(directory);
  giveToServer(directory);
  return {
    WALG_STREAM_RESTORE_COMMAND: `${mariadbProgram('mbstream')} -x -C ${directory}`,
    WALG_MYSQL_BACKUP_PREPARE_COMMAND: `${mariadbProgram('mariadb-backup')} --no-defaults --prepare --target-dir=${directory}`,
  };
}
