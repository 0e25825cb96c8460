/** What a session learns of its server once, right after connecting. */
import type { Logger } from '../../platform/logger.ts';
import { messageOf } from '../../errors.ts';
import { traitsOf } from '../version.ts';
import type { VersionTraits } from '../version.ts';
import { numberOf, textOf } from './rows.ts';
import type { Session } from './session.ts';
import type { Archiving, ServerFacts } from './server.ts';

/** Facts, and what follows from the version for the statements of a session. */
export interface LearnedFacts extends ServerFacts {
  readonly traits: VersionTraits;
}

/** Time limits that a role or database may have set, and that would end a backup in its middle. */
const limits = ['lock_timeout', 'idle_session_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout'];

/** @throws UnsupportedServerError, ServerQueryError, ServerLostError */
export async function learnFacts(session: Session, logger: Logger): Promise<LearnedFacts> {
  const [versionRow] = await session.query({
    text: `select pg_catalog.current_setting('server_version_num') as version`,
    failure: 'cannot ask the server for its version',
  });
  const version = numberOf(versionRow, 'version');
  const traits = traitsOf(version);
  // Before anything else: the limit may be too short for it, and the path lead to somebody's own operators.
  await session.query({
    text: `select pg_catalog.set_config('statement_timeout', '0', false), pg_catalog.set_config('search_path', '', false)`,
    failure: 'cannot set up the session',
  });
  await session.query({
    text: `select pg_catalog.set_config(name, '0', false) from pg_catalog.pg_settings
      where name in (${limits.map((name) => `'${name}'`).join(', ')})`,
    failure: 'cannot set up the session',
  });
  const [row] = await session.query({
    text: `select pg_catalog.pg_is_in_recovery() as in_recovery,
      pg_catalog.current_setting('data_directory') as data_directory,
      pg_catalog.current_setting('data_checksums') as data_checksums,
      pg_catalog.current_setting('archive_mode') as archive_mode,
      pg_catalog.current_setting('archive_command') as archive_command,
      ${traits.hasArchiveLibrary ? `pg_catalog.current_setting('archive_library')` : `''`} as archive_library,
      (select timeline_id from pg_catalog.pg_control_checkpoint()) as timeline,
      (select bytes_per_wal_segment from pg_catalog.pg_control_init()) as segment_bytes,
      (select database_block_size from pg_catalog.pg_control_init()) as block_bytes,
      (select blocks_per_segment from pg_catalog.pg_control_init()) as relation_segment_pages`,
    failure: 'cannot ask the server about itself',
    hint: 'Connect as a superuser, or grant the role pg_read_all_settings and EXECUTE on the pg_control_ functions.',
  });
  const inRecovery = textOf(row, 'in_recovery') === 't';
  return {
    version,
    traits,
    systemIdentifier: await learnSystemIdentifier(session, logger),
    dataDirectory: textOf(row, 'data_directory'),
    inRecovery,
    timeline: numberOf(row, 'timeline'),
    segmentBytes: numberOf(row, 'segment_bytes'),
    blockBytes: numberOf(row, 'block_bytes'),
    relationSegmentPages: numberOf(row, 'relation_segment_pages'),
    archiving: archivingOf(
      {
        mode: textOf(row, 'archive_mode'),
        command: textOf(row, 'archive_command'),
        library: textOf(row, 'archive_library'),
      },
      inRecovery,
    ),
    dataChecksums: textOf(row, 'data_checksums') === 'on',
  };
}

/** Decides whether a server with these settings archives what it writes. */
export function archivingOf(settings: Omit<Archiving, 'active'>, inRecovery: boolean): Archiving {
  const isOn = settings.mode === 'always' || (settings.mode === 'on' && !inRecovery);
  const hasCommand = !['', '(disabled)'].includes(settings.command.trim());
  return { ...settings, active: isOn && (hasCommand || settings.library.trim() !== '') };
}

async function learnSystemIdentifier(session: Session, logger: Logger): Promise<bigint | undefined> {
  try {
    const [row] = await session.query({
      text: `select system_identifier from pg_catalog.pg_control_system()`,
      failure: 'cannot ask the server for its system identifier',
    });
    // SQL has no unsigned integers: the server sends the same bits as a signed one.
    return BigInt.asUintN(64, BigInt(textOf(row, 'system_identifier')));
  } catch (error) {
    session.lost.throwIfAborted();
    logger.warn('the server does not tell its system identifier', { reason: messageOf(error) });
    return undefined;
  }
}
