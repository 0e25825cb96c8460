/** From what `--since` names to a place in the binary logs. */
import { selectorOfName } from '../../../catalog/backup-store.ts';
import { formatTime, type TimeNs } from '../../../catalog/time.ts';
import { ArchiverError } from '../../../errors.ts';
import { selectBackup } from '../../backup/backup-record.ts';
import { readStartPosition } from '../../backup/position-note.ts';
import { parseGtidSet, type GtidSet } from '../gtid/gtid-set.ts';
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
      return ofBackup(request, since.name);
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

async function ofBackup(request: RangeRequest, wanted: string): Promise<RangeStart> {
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
    throw new ArchiverError('missing', `the backup "${name}" does not tell where in the binary logs it was made`, {
      hint: 'If you know the place, give it: --since mysql-bin.000007:1234, or the GTIDs that were executed.',
    });
  }
  const { binlog, position, gtid, flavor, isExact } = start;
  const gtids = gtid === undefined || gtid === '' ? undefined : parseGtidSet(gtid, flavor);
  return { binlog, position, gtids, isExact, backup: name, sentinelBinlog: sentinel.binlogStart };
}

/** The newest binary log before which nothing was executed that is not in the set. */
async function newestWithin(gtids: GtidSet, { binlogs, heads }: StartContext): Promise<BinlogSource> {
  for (const binlog of await newestFirst(binlogs, heads)) {
    const { previousGtids, flavor } = await heads.head(binlog);
    if (flavor === gtids.flavor && previousGtids !== undefined && gtids.covers(previousGtids)) return binlog;
  }
  throw archiveBeginsLater(`transactions that are not among ${gtids.toString()}`);
}

/** The newest binary log that was begun before a time, or the very first one of a server. */
async function newestBefore(time: TimeNs, { binlogs, heads }: StartContext): Promise<BinlogSource> {
  const newest = await newestFirst(binlogs, heads);
  for (const binlog of newest) {
    const { timestamp } = await heads.head(binlog);
    if (BigInt(timestamp) * 1_000_000_000n < time) return binlog;
  }
  const first = newest.at(-1);
  const previous = first && (await heads.head(first)).previousGtids;
  if (first !== undefined && first.number <= 1 && previous?.isEmpty !== false) return first;
  throw archiveBeginsLater(`what was committed from ${formatTime(time)} on`);
}

/** By when their servers began them. */
async function newestFirst(binlogs: readonly BinlogSource[], heads: BinlogHeads): Promise<readonly BinlogSource[]> {
  const isOneServer = new Set(binlogs.map(({ base }) => base)).size <= 1;
  if (isOneServer) return binlogs.toReversed();
  const begun = new Map<BinlogSource, number>();
  for (const [index, binlog] of binlogs.entries()) {
    await heads.ahead(binlogs, index);
    begun.set(binlog, (await heads.head(binlog)).timestamp);
  }
  const order = (binlog: BinlogSource): number => begun.get(binlog) ?? 0;
  return binlogs.toSorted((a, b) => order(b) - order(a) || b.number - a.number);
}

function archiveBeginsLater(what: string): ArchiverError {
  return new ArchiverError('archiveMissing', `the archive begins too late: it lacks ${what}`, {
    hint: 'Restore a newer backup and name it with --since, or push older binary logs.',
  });
}
