/** Whether binary logs that follow one another by name also do so by what is in them. */
import { CorruptError } from '../../../errors.ts';
import type { BinlogSummary } from '../events/summarize.ts';
import { MariadbGtidPosition } from '../gtid/mariadb-gtid-position.ts';
import type { GtidSet } from '../gtid/gtid-set.ts';
import type { BinlogHead } from './binlog-head.ts';

/** A binary log as its follower sees it. */
export interface Predecessor {
  readonly name: string;
  readonly serverId: number;
  /** What it begins after. */
  readonly previousGtids: GtidSet | undefined;
  /** When it was read as a whole. */
  readonly summary?: BinlogSummary | undefined;
}

/** Two binary logs are no neighbours. */
export class BinlogSequenceError extends CorruptError {
  constructor(before: string, name: string, reason: string) {
    super(`"${name}" does not follow "${before}": ${reason}`, {
      hint: 'Between the two the server was reset, or they are of different servers. Nothing can be recovered across such a gap: take a backup, then go on with --accept-gap.',
    });
  }
}

/**
 * Checks what the heads say, and of a predecessor that was read as a whole, what that ends with.
 *
 * @throws BinlogSequenceError
 */
export function checkSequence(
  before: Predecessor,
  { name, head }: { name: string; head: Pick<BinlogHead, 'serverId' | 'previousGtids' | 'isEncrypted'> },
): void {
  const nextName = before.summary?.nextName;
  if (nextName !== undefined && nextName !== name) {
    throw new BinlogSequenceError(before.name, name, `that one says that "${nextName}" follows it`);
  }
  const end = before.summary === undefined ? before.previousGtids : before.summary.endGtids;
  const begin = head.previousGtids;
  if (end === undefined || begin === undefined) {
    if (head.isEncrypted || before.serverId === head.serverId || before.serverId === 0) return;
    throw new BinlogSequenceError(
      before.name,
      name,
      `it is of server ${head.serverId}, that one of server ${before.serverId}, and neither knows of GTIDs`,
    );
  }
  const reason = contradiction(end, begin, before.summary);
  if (reason !== undefined) throw new BinlogSequenceError(before.name, name, reason);
}

/**
 * MySQL's sets may have grown by SET gtid_purged. MariaDB's may have lost a domain by FLUSH … DELETE_DOMAIN_ID, though not one
 * of which the log before has transactions, and gained one by SET gtid_binlog_state.
 */
function contradiction(end: GtidSet, begin: GtidSet, whole: BinlogSummary | undefined): string | undefined {
  if (end.flavor !== begin.flavor) return 'one is of MySQL, the other of MariaDB';
  if (end instanceof MariadbGtidPosition && begin instanceof MariadbGtidPosition) {
    const own = whole?.previousGtids;
    const wrong = end.gtids.find(({ domain, sequence }) => {
      const goesOn = begin.last(domain)?.sequence;
      if (goesOn === undefined) return own instanceof MariadbGtidPosition && own.last(domain)?.sequence !== sequence;
      return whole === undefined ? goesOn < sequence : goesOn !== sequence;
    });
    return (
      wrong &&
      `it begins after ${shown(begin)}, that one ${whole !== undefined ? 'ends with' : 'begins after'} ${shown(end)}`
    );
  }
  if (begin.covers(end)) return undefined;
  return `it lacks the transactions ${shown(end.subtract(begin))} before it`;
}

function shown(gtids: GtidSet): string {
  const text = gtids.toString();
  if (text === '') return 'no transaction';
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
