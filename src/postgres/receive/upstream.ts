/** The server that WAL is received from: what it is, and its slot for us. */
import { ArchiverError } from '../../errors.ts';
import type { Logger } from '../../platform/logger.ts';
import { parseLsn, type Lsn } from '../lsn.ts';
import { connectForReplication } from '../remote/replication-connection.ts';
import type { Connector } from '../server/connection.ts';
import { numberOf, optionalText, textOf } from '../server/rows.ts';
import type { Session } from '../server/session.ts';
import { historyFileName, parseTimelineHistory, spansOf, type TimelineSpan } from '../timeline.ts';

/** A server, connected to for replication. */
export interface Upstream {
  readonly session: Session;
  readonly systemIdentifier: bigint;
  readonly timeline: number;
  /** Everything before it is on its disk. */
  readonly flushed: Lsn;
  readonly segmentBytes: number;
  /** `wal_sender_timeout`; 0: none. */
  readonly senderTimeoutMs: number;
  /** From where on the slot keeps WAL; undefined for one that keeps none yet. */
  readonly slotStart: Lsn | undefined;
}

interface ServerSizes {
  readonly segmentBytes: number;
  readonly senderTimeoutMs: number;
}

interface Slot {
  readonly start: Lsn | undefined;
}

/**
 * Connects, and makes the slot when there is none. The session is the caller's to end.
 *
 * @param expected identifier of the cluster; undefined: any
 * @throws ConnectError, ServerLostError, ServerQueryError; ArchiverError: `config` for another cluster or kind of slot,
 *   `missing` when the slot has lost its WAL
 */
export async function connectUpstream(
  connector: Connector,
  options: {
    readonly slot: string;
    readonly expected: bigint | undefined;
    readonly logger: Logger;
    readonly signal: AbortSignal;
  },
): Promise<Upstream> {
  const { slot, expected, logger, signal } = options;
  // The protocol of replication tells older servers' slots and sizes to nobody; views do.
  const ordinary = await connector.connect({ signal });
  let session: Session | undefined;
  try {
    const sizes = await readSizes(ordinary);
    session = await connectForReplication(connector, signal);
    const identity = await identify(session);
    if (expected !== undefined && identity.systemIdentifier !== expected) {
      throw new ArchiverError(
        'config',
        `the server is of the cluster ${identity.systemIdentifier}, not of ${expected}`,
        {
          hint: 'Set PGHOST to the servers of one cluster.',
        },
      );
    }
    const found = await findSlot(ordinary, slot);
    if (found === undefined) {
      await session.query({
        text: `CREATE_REPLICATION_SLOT "${slot}" PHYSICAL RESERVE_WAL`,
        failure: `cannot make the replication slot "${slot}"`,
        hint: 'Raise max_replication_slots if all are taken, and let the role use them: ALTER ROLE ... REPLICATION.',
      });
      logger.info('replication slot made', { slot, location: session.location });
    }
    const { start } = found ?? (await findSlot(ordinary, slot)) ?? { start: undefined };
    return { session, ...identity, ...sizes, slotStart: start };
  } catch (error) {
    session?.destroy(new Error('not needed'));
    throw error;
  } finally {
    await ordinary.end();
  }
}

async function readSizes(session: Session): Promise<ServerSizes> {
  const [row] = await session.query({
    text: `select pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_segment_size')) as segment_bytes,
      (select setting from pg_catalog.pg_settings where name = 'wal_sender_timeout') as sender_timeout`,
    failure: 'cannot ask the server about itself',
  });
  return { segmentBytes: numberOf(row, 'segment_bytes'), senderTimeoutMs: numberOf(row, 'sender_timeout') };
}

async function identify(session: Session): Promise<Pick<Upstream, 'systemIdentifier' | 'timeline' | 'flushed'>> {
  const [row] = await session.query({ text: 'IDENTIFY_SYSTEM', failure: 'the server does not tell which one it is' });
  return {
    systemIdentifier: BigInt(textOf(row, 'systemid')),
    timeline: numberOf(row, 'timeline'),
    flushed: parseLsn(textOf(row, 'xlogpos')),
  };
}

/** @throws ArchiverError for a slot that is of no use */
async function findSlot(session: Session, name: string): Promise<Slot | undefined> {
  const [row] = await session.query({
    // Not every version has all columns.
    text: `select slot_type, restart_lsn, pg_catalog.to_jsonb(slots) ->> 'wal_status' as wal_status
      from pg_catalog.pg_replication_slots as slots where slot_name = $1`,
    values: [name],
    failure: 'cannot look for the replication slot',
  });
  if (row === undefined) return undefined;
  if (textOf(row, 'slot_type') !== 'physical') {
    throw new ArchiverError('config', `the replication slot "${name}" is a logical one`, {
      hint: 'Set WALG_SLOTNAME to another name: wal-receive makes the slot itself.',
    });
  }
  if (optionalText(row, 'wal_status') === 'lost') throw new WalRemovedError(`the replication slot "${name}" is lost`);
  const start = optionalText(row, 'restart_lsn');
  return { start: start === undefined ? undefined : parseLsn(start) };
}

/** The server does not have the WAL any more that comes next. */
export class WalRemovedError extends ArchiverError {
  constructor(what: string, cause?: unknown) {
    super('missing', `${what}: the server has removed WAL that was not received yet`, {
      cause,
      hint:
        'If archive_command has archived it, or a standby has it, put it into the archive. Otherwise drop the slot (select ' +
        'pg_drop_replication_slot(…)), start wal-receive again, and make a new backup: older ones cannot be recovered beyond ' +
        'the gap. max_slot_wal_keep_size limits what the server keeps for a slot.',
    });
  }
}

/** The history file of a timeline as the server has it; undefined for timeline 1. */
export async function fetchHistory(session: Session, timeline: number): Promise<string | undefined> {
  if (timeline === 1) return undefined;
  const [row] = await session.query({
    text: `TIMELINE_HISTORY ${timeline}`,
    failure: `the server does not give the history file "${historyFileName(timeline)}"`,
  });
  return textOf(row, 'content');
}

/** The way to a timeline by its history file. @throws CorruptError */
export function wayBy(timeline: number, history: string | undefined): readonly TimelineSpan[] {
  return spansOf(timeline, history === undefined ? [] : parseTimelineHistory(history, timeline));
}
