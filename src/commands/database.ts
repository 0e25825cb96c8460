/**
 * Which database a command is about, where the same words mean both: `walvault pg …` and `walvault mysql …` say it;
 * otherwise the settings do, and else what is in the storage.
 */
import { kindOfObject, type ArchiveKind } from '../catalog/archive-kind.ts';
import { backupOfSentinel, backupsFolder, binlogFolder, walFolder } from '../catalog/layout.ts';
import type { RawSettings } from '../config/setting.ts';
import { ArchiverError } from '../errors.ts';
import type { Abortable, Storage } from '../storage/storage.ts';
import { targetStorageOf } from '../storage/target-storage.ts';
import type { App, Arguments } from './command.ts';

/** A kind of server; `mysql` is MariaDB as well, and streams of whatever else. */
export type Database = ArchiveKind;

/** Names of the databases for people. */
export const databaseTitles: Readonly<Record<Database, string>> = {
  postgres: 'PostgreSQL',
  mysql: 'MySQL and MariaDB',
};

/**
 * The database that a command is to work on: as the command line says, else the settings, else the storage.
 *
 * @throws ArchiverError (`usage`) when the storage holds archives of both and nothing else tells; what the storage throws
 */
export async function databaseOf(app: App, args: Arguments): Promise<Database> {
  const said = args.options['database'];
  if (said === 'postgres' || said === 'mysql') return said;
  const told = databaseOfSettings(app.settings);
  if (told !== undefined) return told;
  const target = targetStorageOf(app.settings, args.options['target-storage']);
  const storage = await app.storage(target === undefined ? {} : { target });
  return databaseOfStorage(storage, { signal: app.signal });
}

/** The one database that settings are about; undefined when there are some of both, or of none. */
export function databaseOfSettings(settings: RawSettings): Database | undefined {
  const names = Object.keys(settings.toEnvironment());
  const postgres = names.some((name) => /^PG(?!P_)[A-Z]|^WALG_PG_/.test(name));
  const mysql = names.some((name) => /^WALG_MYSQL_|^WALG_STREAM_(?:CREATE|RESTORE)_COMMAND$/.test(name));
  if (postgres === mysql) return undefined;
  return postgres ? 'postgres' : 'mysql';
}

/**
 * The database whose archive is in a storage; Postgres when it is empty. It costs two listings of one level.
 *
 * @throws ArchiverError (`usage`) when there are both
 */
export async function databaseOfStorage(storage: Storage, options: Abortable = {}): Promise<Database> {
  const found = new Set<Database>();
  for await (const { kind, key } of storage.list('', options)) {
    if (kind !== 'folder') continue;
    if (key === walFolder) found.add('postgres');
    if (key === binlogFolder) found.add('mysql');
  }
  for await (const { key } of storage.list(backupsFolder, options)) {
    const database = backupOfSentinel(key) === undefined ? undefined : kindOfObject(key);
    if (database !== undefined) found.add(database);
    if (found.size === 2) break;
  }
  if (found.size < 2) return found.has('mysql') ? 'mysql' : 'postgres';
  throw new ArchiverError('usage', `the storage holds archives of both PostgreSQL and MySQL: ${storage.location}`, {
    hint: 'Say which one is meant: write "walvault pg …" or "walvault mysql …".',
  });
}

/** The arguments of a line as the command of each database understands them; undefined = it does not. */
export type Readings = Readonly<Record<Database, Arguments | undefined>>;

/**
 * Which of two commands of one name a line without such a word means: what the settings are clearly about, else the one
 * that understands the arguments.
 */
export function databaseOfReadings(
  name: string,
  { postgres, mysql }: Readings,
  settings: RawSettings | undefined,
): Database {
  if (postgres === undefined && mysql !== undefined) return 'mysql';
  if (mysql === undefined && postgres !== undefined) return 'postgres';
  const told = settings === undefined ? undefined : databaseOfSettings(settings);
  if (told !== undefined || name !== 'backup-fetch' || mysql === undefined) return told ?? 'postgres';
  // A cluster needs a directory and a name; a stream goes where the settings say.
  const hasUserData =
    mysql.options['target-user-data'] !== undefined || settings?.get('WALG_FETCH_TARGET_USER_DATA') !== undefined;
  return mysql.positionals.length === (hasUserData ? 0 : 1) ? 'mysql' : 'postgres';
}
