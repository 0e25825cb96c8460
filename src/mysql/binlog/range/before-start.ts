/** For a target that a restored backup has left behind already. */
import { formatTime } from '../../../catalog/time.ts';
import { ArchiverError } from '../../../errors.ts';
import type { RangeStart } from './plan.ts';
import { describeTarget, type BinlogTarget } from './target.ts';

/** The error that says so. */
export function targetBeforeStart(start: RangeStart, target: BinlogTarget): ArchiverError {
  const from = start.sinceTime === undefined ? `${start.binlog}:${start.position}` : formatTime(start.sinceTime);
  return new ArchiverError('usage', `the target ${describeTarget(target)} lies before the start, ${from}`, {
    hint: 'Restore an older backup, and replay from there: name it with --since.',
  });
}
