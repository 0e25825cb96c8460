/** A server whose WAL goes to one archive after the other, each with settings of its own. */
import { cpSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { reachableWalvault, runCli, type CliResult } from './cli.ts';
import { startPostgres, type TestServer } from './postgres/server.ts';
import { giveToServer, makeServerDirectory, makeServerTemp } from './postgres/server-user.ts';

/** Settings by name. */
export type ArchiveSettings = Readonly<Record<string, string>>;

/** The server and its archives. Disposing stops and removes everything. */
export interface ArchivingServer extends AsyncDisposable {
  readonly server: TestServer;
  /** Everything is below it. */
  readonly folder: string;
  /** Folder with keys that were made for the fixtures: `public.asc`, `private-pass.asc`, `ecc/…`. */
  readonly keys: string;
  /** From now on WAL goes to `WALG_FILE_PREFIX` of these settings, in their way. Archive all before. */
  archiveBy(settings: ArchiveSettings): void;
  /** Runs the command with these settings. @throws Error with the log when the status isn't 0 */
  succeed(args: readonly string[], settings: ArchiveSettings): Promise<CliResult>;
  /** An empty folder for an archive. */
  makeStorage(name: string): string;
  /** Switches to a new segment and waits until everything up to now is archived. */
  archiveAll(): Promise<void>;
}

/** The passphrase of the `private-pass.asc`s. */
export const passphrase = 'correct horse battery';

const fixtureKeys = resolve(import.meta.dirname, '../test/fixtures/pg15-brotli-pgp/keys');

/** Starts the server; nothing can be archived before the first `archiveBy`. */
export async function startArchivingServer(major: number): Promise<ArchivingServer> {
  const folder = makeServerTemp();
  const config = join(folder, 'current.json');
  const keys = join(folder, 'keys');
  cpSync(fixtureKeys, keys, { recursive: true });
  giveToServer(keys);
  const server = await startPostgres({
    major,
    environment: { WALG_CONFIG_PATH: config, HOME: folder },
    archiveCommand: `"${reachableWalvault()}" wal-push "%p"`,
  });
  return {
    server,
    folder,
    keys,
    archiveBy: (settings) => {
      // The next wal-push sees the old file or the new one.
      writeFileSync(`${config}.new`, JSON.stringify(settings));
      giveToServer(`${config}.new`);
      renameSync(`${config}.new`, config);
    },
    succeed: async (args, settings) => {
      const result = await runCli(args, { env: { HOME: folder, ...server.environment, ...settings }, cwd: folder });
      if (result.status === 0) return result;
      throw new Error(`walvault ${args.join(' ')}: ${result.status ?? result.signal}\n${result.stderr}`);
    },
    makeStorage: (name) => makeServerDirectory(join(folder, name)),
    archiveAll: async () => {
      // A segment without a record would not be switched.
      await server.query(`SELECT pg_create_restore_point('archive all')`);
      const segment = await server.value('SELECT pg_walfile_name(pg_switch_wal())');
      await server.waitFor(`SELECT coalesce(last_archived_wal >= '${segment}', false) FROM pg_stat_archiver`);
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
