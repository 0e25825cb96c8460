/**
 * Where transactions begin and end among the events of a binary log. Of a file that holds half a transaction (the server
 * crashed) only the whole ones may be applied, and a recovery may stop only between two.
 */
import { formatMariadbGtid } from '../gtid/mariadb-gtid-position.ts';
import { formatMysqlGtid } from '../gtid/mysql-gtid-set.ts';
import { decodeMariadbGtid, decodeStatement } from './decode.ts';
import { eventTypes, type BinlogEvent } from './event.ts';
import { decodeMysqlGtid } from './mysql-gtid.ts';

/** One transaction, or one statement that is none and stands for itself. */
export interface BinlogTransaction {
  /** `uuid:7`, `uuid:tag:7`, `0-1-7`; undefined: the server gave it none. */
  readonly gtid: string | undefined;
  /** Where its first event begins. */
  readonly start: number;
  /** Where its last event ends. */
  readonly end: number;
  /** Of its last event, seconds since 1970. Clients compare this one with a time to stop at, event by event. */
  readonly timestamp: number;
  /** The earliest of its events, seconds since 1970. */
  readonly firstTimestamp: number;
  /** Of the commit, microseconds since 1970; only of MySQL since 8.0. */
  readonly committedMicros: bigint | undefined;
  readonly serverId: number;
  /** False: the file ends, or another one begins, before this one does. It was never committed. */
  readonly isComplete: boolean;
}

/** The types of events that {@link TransactionTracker} has to see; it may see others. */
export const transactionEventTypes: readonly number[] = [
  eventTypes.query,
  eventTypes.mariadbQueryCompressed,
  eventTypes.intvar,
  eventTypes.rand,
  eventTypes.userVar,
  eventTypes.beginLoadQuery,
  eventTypes.executeLoadQuery,
  eventTypes.xid,
  eventTypes.xaPrepare,
  eventTypes.incident,
  eventTypes.transactionPayload,
  eventTypes.gtid,
  eventTypes.anonymousGtid,
  eventTypes.taggedGtid,
  eventTypes.mariadbGtid,
  eventTypes.stop,
  eventTypes.rotate,
];

/** `opened`: what comes next decides. `inside`: it lasts until its end is said. `statement`: one statement is all of it. */
type Extent = 'opened' | 'inside' | 'statement';

interface Running {
  readonly gtid: string | undefined;
  readonly start: number;
  readonly committedMicros: bigint | undefined;
  readonly serverId: number;
  extent: Extent;
  end: number;
  firstTimestamp: number;
  timestamp: number;
}

/** Follows the events of one file. */
export class TransactionTracker {
  #running: Running | undefined;

  /** True while a transaction has begun and not ended. */
  get isInside(): boolean {
    return this.#running !== undefined;
  }

  /** Takes the next event; gives what has ended with it, or before it. @throws CorruptError */
  add(event: BinlogEvent): readonly BinlogTransaction[] {
    switch (event.type) {
      case eventTypes.gtid:
      case eventTypes.anonymousGtid:
      case eventTypes.taggedGtid:
      case eventTypes.mariadbGtid: {
        const cut = this.finish();
        this.#running = begun(event);
        return cut;
      }
      case eventTypes.stop:
      case eventTypes.rotate:
        return this.finish();
      case eventTypes.query:
        return this.#statement(event, decodeStatement(event));
      case eventTypes.mariadbQueryCompressed:
      case eventTypes.executeLoadQuery:
        return this.#statement(event, '');
      case eventTypes.xid:
      case eventTypes.xaPrepare:
      case eventTypes.transactionPayload:
        return this.#ended(event);
      case eventTypes.incident:
        return this.#running?.extent === 'inside' ? this.#goesOn(event) : this.#ended(event);
      case eventTypes.intvar:
      case eventTypes.rand:
      case eventTypes.userVar:
      case eventTypes.beginLoadQuery:
        // Without GTIDs they are the first that is seen of their statement.
        this.#running ??= anonymous(event);
        return this.#goesOn(event);
      default:
        return this.#goesOn(event);
    }
  }

  /** The end of the file: gives the transaction that it cut off. */
  finish(): readonly BinlogTransaction[] {
    const cut = this.#running;
    this.#running = undefined;
    return cut === undefined ? [] : [made(cut, false)];
  }

  #statement(event: BinlogEvent, text: string): readonly BinlogTransaction[] {
    const running = (this.#running ??= anonymous(event));
    if (running.extent === 'inside') {
      return text === 'COMMIT' || text === 'ROLLBACK' ? this.#ended(event) : this.#goesOn(event);
    }
    if (running.extent === 'opened' && (text === 'BEGIN' || text.startsWith('XA START'))) {
      running.extent = 'inside';
      return this.#goesOn(event);
    }
    return this.#ended(event);
  }

  #goesOn(event: BinlogEvent): readonly BinlogTransaction[] {
    const running = this.#running;
    if (running === undefined) return [];
    running.end = event.end;
    running.firstTimestamp = Math.min(running.firstTimestamp, event.timestamp);
    running.timestamp = event.timestamp;
    return [];
  }

  #ended(event: BinlogEvent): readonly BinlogTransaction[] {
    this.#running ??= anonymous(event);
    this.#goesOn(event);
    const whole = made(this.#running, true);
    this.#running = undefined;
    return [whole];
  }
}

function begun(event: BinlogEvent): Running {
  if (event.type === eventTypes.mariadbGtid) {
    const { gtid, isStandalone } = decodeMariadbGtid(event);
    const extent = isStandalone ? 'statement' : 'inside';
    return { ...anonymous(event), gtid: formatMariadbGtid(gtid), extent };
  }
  const { gtid, committedMicros } = decodeMysqlGtid(event);
  return { ...anonymous(event), gtid: gtid && formatMysqlGtid(gtid), committedMicros };
}

function anonymous(event: BinlogEvent): Running {
  const { start, end, timestamp, serverId } = event;
  return {
    gtid: undefined,
    start,
    end,
    timestamp,
    firstTimestamp: timestamp,
    committedMicros: undefined,
    serverId,
    extent: 'opened',
  };
}

function made(running: Running, isComplete: boolean): BinlogTransaction {
  const { gtid, start, end, timestamp, firstTimestamp, committedMicros, serverId } = running;
  return { gtid, start, end, timestamp, firstTimestamp, committedMicros, serverId, isComplete };
}
