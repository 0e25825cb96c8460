/** From what `--since` names to a place in the binary logs. */
import { selectorOfName } from '../../../catalog/backup-store.ts';
import { formatTime, type TimeNs } from '../../../catalog/time.ts';
import { ArchiverError } from '../../../errors.ts';
import { selectBackup } from '../../backup/backup-record.ts';
import { readStartPosition } from '../../backup/position-note.ts';
import { parseGtidSet, type GtidSet } from '../gtid/gtid-set.ts';
import { findBinlog, lastBegunWhere } from '../find/find.ts';
import type { BinlogHeads } from './heads.ts';
import type { RangeRequest, RangeStart } from './plan.ts';
import type { BinlogSource } from './source.ts';
import { describeTarget } from './target.ts';

/** What there is to go by. */
export interface StartContext {
  /** All of the archive, by base and number. */
  readonly binlogs: readonly BinlogSource[];
  readonly heads: BinlogHeads;
}

/**
 * Resolves it.
 *
 * @throws BackupNotFoundError; ArchiverError (`missing`) when a backup does not tell its position, (`archiveMissing`) when
 * the archive begins later; CorruptError; the storage's errors
 */
export async function resolveStart(request: RangeRequest, context: StartContext): Promise<RangeStart> {
  const { since } = request;
  switch (since.by) {
    case 'backup':
      return ofBackup(request, { wanted: since.name, context });
    case 'position':
      return { binlog: since.binlog, position: since.position, gtids: undefined, isExact: true, backup: undefined };
    case 'gtid': {
      const { name } = await newestWithin(since.gtids, context);
      return { binlog: name, position: 4, gtids: since.gtids, isExact: true, backup: undefined, skipsKnown: true };
    }
    case 'time': {
      const { name } = await newestBefore(since.time, context);
      return { binlog: name, position: 4, gtids: undefined, isExact: true, backup: undefined, sinceTime: since.time };
    }
  }
}

async function ofBackup(
  request: RangeRequest,
  { wanted, context }: { readonly wanted: string; readonly context: StartContext },
): Promise<RangeStart> {
  const { transport, until, clock, logger, signal } = request;
  const { name, sentinel, problem } = await selectBackup(transport.storage, selectorOfName(wanted), { clock, signal });
  if (sentinel === undefined) throw problem ?? new ArchiverError('missing', `no sentinel of "${name}"`);
  const { startTime } = sentinel;
  if (until.by === 'time' && startTime !== undefined && until.time < startTime) {
    throw new ArchiverError('usage', `the target ${describeTarget(until)} lies before the backup "${name}"`, {
      hint: `The backup was begun at ${formatTime(startTime)}. Restore an older one, and name it with --since.`,
    });
  }
  const start = await readStartPosition(transport, { name, sentinel }, { logger, signal });
  if (start === undefined) {
    const [oldest] = context.binlogs;
    if (request.mayTakeAll === true && oldest !== undefined && oldest.base === context.binlogs.at(-1)?.base) {
      return { binlog: oldest.name, position: 4, gtids: undefined, isExact: false, backup: name };
    }
    throw new ArchiverError('missing', `the backup "${name}" does not tell where in the binary logs it was made`, {
      hint: 'If you know the place, give it: --since mysql-bin.000007:1234, or the GTIDs that were executed.',
    });
  }
  const { binlog, position, gtid, flavor, isExact } = start;
  const gtids = gtid === undefined || gtid === '' ? undefined : parseGtidSet(gtid, flavor);
  return { binlog, position, gtids, isExact, backup: name, sentinelBinlog: sentinel.binlogStart };
}

async function newestWithin(gtids: GtidSet, { binlogs, heads }: StartContext): Promise<BinlogSource> {
  const found = await findBinlog(gtids, binlogs, heads);
  if (found !== undefined) return found;
  throw archiveBeginsLater(`transactions that are not among ${gtids.toString()}`);
}

/** The newest binary log that was begun before a time, or the very first one of a server. */
async function newestBefore(time: TimeNs, { binlogs, heads }: StartContext): Promise<BinlogSource> {
  const found = await lastBegunWhere(binlogs, ({ timestamp }) => BigInt(timestamp) * 1_000_000_000n < time, heads);
  if (found !== undefined) return found;
  const [first] = binlogs;
  const previous = first && (await heads.head(first)).previousGtids;
  const isOneServer = binlogs.at(-1)?.base === first?.base;
  if (first !== undefined && isOneServer && first.number <= 1 && previous?.isEmpty !== false) return first;
  throw archiveBeginsLater(`what was committed from ${formatTime(time)} on`);
}

function archiveBeginsLater(what: string): ArchiverError {
  return new ArchiverError('archiveMissing', `the archive begins too late: it lacks ${what}`, {
    hint: 'Restore a newer backup and name it with --since, or push older binary logs.',
  });
}
