/** What the doctor asks a server. Each question is asked on its own: a role that may not know one thing may know another. */
import { readArchiverState } from './archiver-state.ts';
import { numberOf, optionalText, textOf } from './rows.ts';
import { ServerQueryError } from './errors.ts';
import type { ArchiverState } from './server.ts';
import type { Session } from './session.ts';

/** The settings that matter, by name; those that the role may not see are missing. */
export type VisibleSettings = ReadonlyMap<string, string>;

/** A role and what it lacks. */
export interface RoleCondition {
  readonly name: string;
  readonly isSuperuser: boolean;
  /** Functions that a backup calls and that this role may not: `pg_backup_stop(boolean)`. */
  readonly forbiddenFunctions: readonly string[];
}

/** A replication slot that keeps WAL. */
export interface SlotCondition {
  readonly name: string;
  readonly active: boolean;
  /** How much WAL it keeps; undefined when it keeps none. */
  readonly heldBytes: number | undefined;
  /** `reserved`, `extended`, `unreserved`, `lost`; undefined when it keeps none. */
  readonly walStatus: string | undefined;
}

/** What is known of a server; undefined: it would not tell. */
export interface ServerCondition {
  readonly version: number;
  readonly inRecovery: boolean;
  readonly systemIdentifier: bigint | undefined;
  readonly settings: VisibleSettings;
  readonly role: RoleCondition;
  readonly archiver: ArchiverState | undefined;
  /** Files of WAL that wait for the archiver. */
  readonly waitingFiles: number | undefined;
  readonly slots: readonly SlotCondition[] | undefined;
}

const settingNames = [
  ...['data_directory', 'archive_mode', 'archive_command', 'archive_library', 'archive_timeout', 'wal_level'],
  ...['data_checksums', 'full_page_writes', 'fsync', 'max_slot_wal_keep_size'],
];

/** In all forms that versions have; those that a server lacks are no lack of a role. */
const backupFunctions = [
  ...['pg_backup_start(text,boolean)', 'pg_backup_stop(boolean)'],
  ...['pg_start_backup(text,boolean,boolean)', 'pg_stop_backup(boolean,boolean)', 'pg_switch_wal()'],
  ...['pg_control_checkpoint()', 'pg_control_init()', 'pg_control_system()'],
];

/**
 * Asks. Ends the session when the signal is aborted.
 *
 * @throws ServerQueryError when it does not even tell its version, ServerLostError
 */
export async function readCondition(session: Session, signal: AbortSignal): Promise<ServerCondition> {
  const cut = (): void => session.destroy(signal.reason instanceof Error ? signal.reason : new Error('called off'));
  signal.addEventListener('abort', cut, { once: true });
  try {
    signal.throwIfAborted();
    return await askAll(session);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', cut);
  }
}

async function askAll(session: Session): Promise<ServerCondition> {
  const failure = 'cannot ask the server about itself';
  await session.query({
    text: `select pg_catalog.set_config('statement_timeout', '30000', false), pg_catalog.set_config('search_path', '', false)`,
    failure,
  });
  const [row] = await session.query({
    text: `select pg_catalog.current_setting('server_version_num') as version,
      pg_catalog.pg_is_in_recovery() as in_recovery`,
    failure,
  });
  const settings = await session.query({
    text: `select name, setting from pg_catalog.pg_settings where name = any ($1::pg_catalog.text[])`,
    values: [`{${settingNames.join(',')}}`],
    failure,
  });
  return {
    version: numberOf(row, 'version'),
    inRecovery: textOf(row, 'in_recovery') === 't',
    systemIdentifier: await unlessRefused(() => readSystemIdentifier(session)),
    settings: new Map(settings.map((one) => [textOf(one, 'name'), optionalText(one, 'setting') ?? ''])),
    role: await readRole(session),
    archiver: await unlessRefused(() => readArchiverState((query) => session.query(query))),
    waitingFiles: await unlessRefused(() => readWaiting(session)),
    slots: await unlessRefused(() => readSlots(session)),
  };
}

async function unlessRefused<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof ServerQueryError) return undefined;
    throw error;
  }
}

async function readSystemIdentifier(session: Session): Promise<bigint> {
  const [row] = await session.query({
    text: 'select system_identifier from pg_catalog.pg_control_system()',
    failure: 'cannot ask the server for its system identifier',
  });
  // SQL has no unsigned integers: the server sends the same bits as a signed one.
  return BigInt.asUintN(64, BigInt(textOf(row, 'system_identifier')));
}

async function readRole(session: Session): Promise<RoleCondition> {
  const failure = 'cannot ask the server for the permissions of the role';
  const [row] = await session.query({
    text: 'select rolname, rolsuper from pg_catalog.pg_roles where rolname = current_user',
    failure,
  });
  const forbidden = await session.query({
    text: `select f as function from pg_catalog.unnest($1::pg_catalog.text[]) as f
      where pg_catalog.to_regprocedure('pg_catalog.' || f) is not null
        and not pg_catalog.has_function_privilege(pg_catalog.to_regprocedure('pg_catalog.' || f)::pg_catalog.oid, 'execute')`,
    values: [`{${backupFunctions.map((one) => `"${one}"`).join(',')}}`],
    failure,
  });
  return {
    name: textOf(row, 'rolname'),
    isSuperuser: textOf(row, 'rolsuper') === 't',
    forbiddenFunctions: forbidden.map((one) => textOf(one, 'function')),
  };
}

async function readWaiting(session: Session): Promise<number> {
  const [row] = await session.query({
    text: `select pg_catalog.count(*) as waiting from pg_catalog.pg_ls_archive_statusdir() where name like '%.ready'`,
    failure: 'cannot ask the server what waits for its archiver',
  });
  return numberOf(row, 'waiting');
}

async function readSlots(session: Session): Promise<readonly SlotCondition[]> {
  const rows = await session.query({
    text: `select slot_name, active, wal_status,
        pg_catalog.pg_wal_lsn_diff(
          case when pg_catalog.pg_is_in_recovery()
            then coalesce(pg_catalog.pg_last_wal_receive_lsn(), pg_catalog.pg_last_wal_replay_lsn())
            else pg_catalog.pg_current_wal_lsn() end, restart_lsn) as held
      from pg_catalog.pg_replication_slots order by slot_name`,
    failure: 'cannot ask the server for its replication slots',
  });
  return rows.map((row) => {
    const held = optionalText(row, 'held');
    return {
      name: textOf(row, 'slot_name'),
      active: textOf(row, 'active') === 't',
      heldBytes: held === undefined ? undefined : Number(held),
      walStatus: optionalText(row, 'wal_status'),
    };
  });
}
