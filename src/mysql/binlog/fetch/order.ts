/** Which binary logs `binlog-fetch` brings: all that WAL-G would, and all that the way from the backup to the target needs. */
import { modifiedOf, type TimeNs } from '../../../catalog/time.ts';
import { compareBinlogNames, parseBinlogName } from '../binlog-name.ts';
import type { BinlogRange } from '../range/plan.ts';
import type { BinlogSource } from '../range/source.ts';

/**
 * WAL-G's choice, by the time of upload (`mysql.md` 11.2 of the specification): what was stored from the time on when the
 * start's own binary log was, or the sentinel. Of other servers' logs, only those that are on the way are wanted, since
 * their transactions would be applied twice.
 *
 * @returns those that are not on the way, by number
 */
export function besideTheWay(
  range: BinlogRange,
  { binlogs, sentinelModified }: { readonly binlogs: readonly BinlogSource[]; readonly sentinelModified: TimeNs },
): readonly BinlogSource[] {
  const { sentinelBinlog = range.start.binlog } = range.start;
  const start = parseBinlogName(sentinelBinlog);
  const own = binlogs.find(({ name }) => name === sentinelBinlog);
  const from = own === undefined ? sentinelModified : least(sentinelModified, timeOf(own));
  const last = range.steps.at(-1)?.binlog;
  if (last === undefined) return [];
  const onTheWay = new Set(range.steps.map(({ binlog }) => binlog.name));
  return binlogs
    .filter(({ base, isTail }) => base === start?.base && !isTail)
    .filter((binlog) => timeOf(binlog) >= from && !onTheWay.has(binlog.name))
    .filter(({ base, number }) => last.base !== base || number <= last.number)
    .toSorted(compareBinlogNames);
}

function timeOf({ modified, modifiedNs }: BinlogSource): TimeNs {
  return modifiedOf(modifiedNs === undefined ? { modified } : { modified, modifiedNs });
}

function least(a: TimeNs, b: TimeNs): TimeNs {
  return a < b ? a : b;
}
