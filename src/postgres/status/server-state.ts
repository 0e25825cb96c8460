/** What the server says of itself, for a report that does without it, too. */
import { SettingError, type RawSettings } from '../../config/setting.ts';
import { ArchiverError, messageOf } from '../../errors.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Lsn } from '../lsn.ts';
import { ServerQueryError } from '../server/errors.ts';
import { findServer } from '../server/find-server.ts';
import { numberOf } from '../server/rows.ts';
import type { ArchiverState, Archiving, PostgresServer } from '../server/server.ts';

/** A server that answered. */
export interface AnsweringServer {
  readonly kind: 'answered';
  /** A socket path or `host:port`. */
  readonly location: string;
  /** `server_version_num` */
  readonly version: number;
  readonly inRecovery: boolean;
  readonly systemIdentifier: bigint | undefined;
  readonly segmentBytes: number;
  /** Timeline and end of its WAL. */
  readonly timeline: number;
  readonly lsn: Lsn;
  readonly archiving: Archiving;
  readonly archiver: ArchiverState;
  /** Files of WAL that wait for the archiver; undefined: the role may not see them. */
  readonly waitingFiles: number | undefined;
}

/** The server, or why nothing is known of it. */
export type ServerState =
  | AnsweringServer
  /** Nobody asked. */
  | { readonly kind: 'not asked' }
  /** None is named, and where servers usually are there is none. */
  | { readonly kind: 'none' }
  | { readonly kind: 'failed'; readonly reason: string; readonly hint: string | undefined };

/** What asking needs. */
export interface AskOptions {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const limitMs = 60_000;

/** Asks the server that the settings name. @throws SettingError, the reason of the signal; other failures are in the answer */
export async function askServer(settings: RawSettings, { logger, clock, signal }: AskOptions): Promise<ServerState> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
  try {
    await using server = await findServer(settings, { logger, clock, signal: limit });
    return server === undefined ? { kind: 'none' } : await answerOf(server);
  } catch (error) {
    signal.throwIfAborted();
    if (limit.aborted) {
      return { kind: 'failed', reason: `it did not answer within ${limitMs / 1000} s`, hint: undefined };
    }
    if (!(error instanceof ArchiverError) || error instanceof SettingError) throw error;
    return { kind: 'failed', reason: messageOf(error), hint: error.hint };
  }
}

async function answerOf(server: PostgresServer): Promise<AnsweringServer> {
  const { location, version, inRecovery, systemIdentifier, segmentBytes, archiving } = server;
  return {
    kind: 'answered',
    ...{ location, version, inRecovery, systemIdentifier, segmentBytes, archiving },
    timeline: await server.currentTimeline(),
    lsn: await server.currentLsn(),
    archiver: await server.archivedUpTo(),
    waitingFiles: await waitingFiles(server),
  };
}

async function waitingFiles(server: PostgresServer): Promise<number | undefined> {
  try {
    const [row] = await server.read({
      text: `select pg_catalog.count(*) as waiting from pg_catalog.pg_ls_archive_statusdir() where name like '%.ready'`,
      failure: 'cannot ask the server what waits for its archiver',
    });
    return numberOf(row, 'waiting');
  } catch (error) {
    if (error instanceof ServerQueryError) return undefined;
    throw error;
  }
}
