/**
 * What another server has archived already, by GTIDs (specification, `mysql.md` 10.3): after a failover the new source has
 * logs of its own with the same transactions.
 */
import { MariadbGtidPosition } from '../gtid/mariadb-gtid-position.ts';
import type { GtidSet } from '../gtid/gtid-set.ts';
import type { BinlogHead } from './binlog-head.ts';

/** What is to become of one binary log. */
export interface GtidVerdict {
  readonly isArchived: boolean;
  /** What is archived when it is. */
  readonly archived: GtidSet;
}

/** Goes through binary logs in order. */
export class GtidCheck {
  #archived: GtidSet;
  #seen: GtidSet | undefined;
  #pushes = false;

  /** @param archived of all servers, from the note */
  constructor(archived: GtidSet) {
    this.#archived = archived;
  }

  /**
   * Decides about the next one.
   *
   * @param next the head of the one that follows, which says what this one ends with
   * @param isContinued the archive has its predecessor: one without transactions is pushed all the same, so that the numbers
   *   have no gap
   */
  decide(head: BinlogHead, next: BinlogHead, isContinued: boolean): GtidVerdict {
    const end = next.previousGtids;
    const begin = this.#seen ?? head.previousGtids;
    this.#seen = end;
    if (end === undefined || begin === undefined || end.flavor !== this.#archived.flavor) {
      this.#pushes = true;
      return { isArchived: false, archived: this.#archived };
    }
    const own = end.subtract(begin);
    const isCovered = !this.#archived.isEmpty && this.#archived.covers(end.flavor === 'mysql' ? own : end);
    const isArchived = isCovered && !this.#pushes && !(own.isEmpty && isContinued);
    if (isArchived) return { isArchived, archived: this.#archived };
    this.#pushes ||= !own.isEmpty;
    this.#archived = this.#archived.isEmpty ? end : together(this.#archived, own, end);
    return { isArchived, archived: this.#archived };
  }
}

function together(archived: GtidSet, own: GtidSet, end: GtidSet): GtidSet {
  if (archived instanceof MariadbGtidPosition && end instanceof MariadbGtidPosition) return archived.replacedBy(end);
  return archived.union(own);
}
