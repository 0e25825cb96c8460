/** Where a replica believes to be in its source's binary log: what it must find again in heartbeats, and tells of itself. */
import { eventTypes, type BinlogEvent } from '../events/event.ts';
import { decodeMariadbGtid } from '../events/decode.ts';
import { decodeMysqlGtid } from '../events/mysql-gtid.ts';
import { formatMariadbGtid } from '../gtid/mariadb-gtid-position.ts';
import { formatMysqlGtid } from '../gtid/mysql-gtid-set.ts';
import { emptyGtidSet, parseGtidSet, type Flavor, type GtidSet } from '../gtid/gtid-set.ts';

/** Kept while events are sent. */
export class SentPosition {
  readonly #flavor: Flavor;
  #name = '';
  #position = 4;
  #gtids: GtidSet;
  #transactions = 0;

  constructor(flavor: Flavor) {
    this.#flavor = flavor;
    this.#gtids = emptyGtidSet(flavor);
  }

  /** File name, as the replica knows it. */
  get name(): string {
    return this.#name;
  }

  get position(): number {
    return this.#position;
  }

  /** All transactions that were sent and have a GTID. */
  get gtids(): GtidSet {
    return this.#gtids;
  }

  /** How many transactions with a GTID were sent. */
  get transactions(): number {
    return this.#transactions;
  }

  /** The replica was told that it is in this file. */
  enter(name: string, position: number): void {
    this.#name = name;
    this.#position = position;
  }

  /** An event of a file was sent. */
  sent(event: BinlogEvent, gtid: string | undefined): void {
    if (gtid !== undefined) {
      this.#gtids = this.#gtids.union(parseGtidSet(gtid, this.#flavor));
      this.#transactions += 1;
    }
    if (event.type === eventTypes.rotate) this.enter(rotatedTo(event), 4);
    else if (event.nextPosition > 0) this.#position = event.nextPosition;
  }
}

/** The GTID that an event begins a transaction with; undefined when it does not. @throws CorruptError */
export function gtidOf(event: BinlogEvent): string | undefined {
  if (event.type === eventTypes.mariadbGtid) return formatMariadbGtid(decodeMariadbGtid(event).gtid);
  if (event.type !== eventTypes.gtid && event.type !== eventTypes.taggedGtid) return undefined;
  const { gtid } = decodeMysqlGtid(event);
  return gtid && formatMysqlGtid(gtid);
}

/** Types of which an event belongs to no transaction, or begins one. */
export const outsideTransactions: ReadonlySet<number> = new Set([
  ...[eventTypes.stop, eventTypes.rotate, eventTypes.formatDescription, eventTypes.gtid, eventTypes.anonymousGtid],
  ...[eventTypes.previousGtids, eventTypes.taggedGtid, eventTypes.mariadbBinlogCheckpoint, eventTypes.mariadbGtid],
  eventTypes.mariadbGtidList,
]);

function rotatedTo({ body }: BinlogEvent): string {
  return Buffer.from(body.subarray(8)).toString('utf8');
}
