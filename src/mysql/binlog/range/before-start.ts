/** For a target that a restored backup has left behind already. */
import { formatTime } from '../../../catalog/time.ts';
import { ArchiverError } from '../../../errors.ts';
import type { GtidSet } from '../gtid/gtid-set.ts';
import type { RangeStart } from './plan.ts';
import { describeTarget, type BinlogTarget } from './target.ts';

/** The error that says so. */
export function targetBeforeStart(start: RangeStart, target: BinlogTarget): ArchiverError {
  const from = start.sinceTime === undefined ? `${start.binlog}:${start.position}` : formatTime(start.sinceTime);
  return new ArchiverError('usage', `the target ${describeTarget(target)} lies before the start, ${from}`, {
    hint: 'Restore an older backup, and replay from there: name it with --since.',
  });
}

/** Whether a state that has all of `target` has nothing after it, so that there is nothing to take back. */
export function endsWith(executed: GtidSet, target: GtidSet): boolean {
  if (executed.toString() === target.toString()) return true;
  // Of MariaDB, the same position in the domains that were named; of MySQL, the same last number of their sources.
  const lasts = new Set(executed.toString().split(',').map(lastOf));
  return target
    .toString()
    .split(',')
    .map(lastOf)
    .every((last) => lasts.has(last));
}

/** `uuid:1-5:7` → `uuid:7`; a GTID of MariaDB without its server. */
function lastOf(part: string): string {
  const [source = '', ...intervals] = part.split(':');
  if (intervals.length === 0) return part.replace(/^(\d+)-\d+-/, '$1-');
  return `${source}:${intervals.at(-1)?.split('-').at(-1) ?? ''}`;
}
