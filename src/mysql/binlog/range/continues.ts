/** Whether a binary log goes on exactly where the one with the number before ended, by what has been seen of that one. */
import { CorruptError } from '../../../errors.ts';
import { MariadbGtidPosition, parseMariadbGtid } from '../gtid/mariadb-gtid-position.ts';
import type { RangeStep } from './plan.ts';

/**
 * Two servers of one server id, or two lives of one, may have stored the two: what the heads say may fit all the same.
 *
 * @param last GTID of the last transaction of `before`
 * @throws CorruptError
 */
export function requireContinuation(before: RangeStep, last: string | undefined, next: RangeStep): void {
  const { previousGtids, serverId } = next.head;
  const isNeighbour = before.binlog.base === next.binlog.base && before.binlog.number + 1 === next.binlog.number;
  if (!isNeighbour || before.head.serverId !== serverId || last === undefined || previousGtids === undefined) return;
  if (isAfter(previousGtids, last)) return;
  const begins = previousGtids.isEmpty ? 'no transaction' : previousGtids.toString();
  throw new CorruptError(
    `"${next.binlog.name}" does not continue "${before.binlog.name}": that ends with ${last}, and it begins after ${begins}`,
    {
      hint: 'They are of different servers, or the server was reset in between. Give a target in the first of them with --until, or restore a backup that was made after it.',
    },
  );
}

/** MariaDB's say the very last one of a domain, MySQL's have all. No domain can be removed that the log before has. */
function isAfter(previous: NonNullable<RangeStep['head']['previousGtids']>, last: string): boolean {
  if (!(previous instanceof MariadbGtidPosition)) return previous.containsGtid(last);
  const gtid = parseMariadbGtid(last);
  return gtid === undefined || previous.last(gtid.domain)?.sequence === gtid.sequence;
}
