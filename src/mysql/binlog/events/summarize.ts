/** What a whole binary log says of itself, gathered while its bytes pass by on their way elsewhere. */
import type { ByteSource, Stage } from '../../../bytes/stage.ts';
import { CorruptError } from '../../../errors.ts';
import { MariadbGtidPosition, type MariadbGtid } from '../gtid/mariadb-gtid-position.ts';
import { MysqlGtidGatherer, MysqlGtidSet } from '../gtid/mysql-gtid-set.ts';
import type { Flavor, GtidSet } from '../gtid/gtid-set.ts';
import { decodeAnyPreviousGtids, decodeRotate } from './decode.ts';
import { BinlogEndsEarlyError } from './errors.ts';
import { eventTypes, headerBytes, type BinlogEvent } from './event.ts';
import { decodeMysqlGtid } from './mysql-gtid.ts';
import { EventScanner } from './scanner.ts';

/** A binary log in short. */
export interface BinlogSummary {
  readonly flavor: Flavor;
  /** Of the server that wrote the file. */
  readonly serverId: number;
  readonly serverVersion: string;
  /** Seconds since 1970, when the server had just been started; else 0. */
  readonly created: number;
  /** Of the first event, seconds since 1970. */
  readonly firstTimestamp: number;
  /** The latest of all. */
  readonly lastTimestamp: number;
  /** What came before the file; undefined: it does not say, as MySQL's before 5.6. */
  readonly previousGtids: GtidSet | undefined;
  /** The same and all that is in the file. */
  readonly endGtids: GtidSet | undefined;
  /** By what it was closed; undefined: it is open still, or its server crashed. */
  readonly closedBy: 'rotate' | 'stop' | undefined;
  /** The file that follows, of one closed by `rotate`. */
  readonly nextName: string | undefined;
  /** Of its whole events, not compressed. */
  readonly bytes: number;
  /** Transactions and statements that have a GTID, or are marked as having none. */
  readonly transactions: number;
}

const wantedTypes = [
  eventTypes.formatDescription,
  eventTypes.previousGtids,
  eventTypes.mariadbGtidList,
  eventTypes.mariadbGtid,
  eventTypes.gtid,
  eventTypes.anonymousGtid,
  eventTypes.taggedGtid,
  eventTypes.stop,
  eventTypes.rotate,
];

/** MariaDB's GTID begins with the number of the transaction, then its domain. */
const sequenceBytes = 8;
const gtidBytes = headerBytes + sequenceBytes + 4 + 1;

interface LastGtid {
  serverId: number;
  readonly sequence: Uint8Array<ArrayBuffer>;
}

/** Gathers the summary of one file; its bytes may come in any chunks. */
export class BinlogSummarizer {
  readonly #scanner: EventScanner;
  readonly #mysqlGtids = new MysqlGtidGatherer();
  readonly #mariadbGtids = new Map<number, LastGtid>();
  #head: { readonly serverId: number; readonly timestamp: number } | undefined;
  #lastTimestamp = 0;
  #previous: MysqlGtidSet | MariadbGtidPosition | undefined;
  #end: Pick<BinlogSummary, 'closedBy' | 'nextName'> = { closedBy: undefined, nextName: undefined };
  #transactions = 0;

  /** @param name for errors: that of the file */
  constructor(name: string) {
    this.#scanner = new EventScanner({ name, wanted: wantedTypes });
  }

  /** Takes the next bytes. @throws CorruptError, EncryptedBinlogError */
  add(chunk: Uint8Array): void {
    for (const event of this.#scanner.scan(chunk)) this.#look(event);
  }

  /** @throws BinlogEndsEarlyError unless a whole file has come, or `mayBeCut` and its first event */
  finish({ mayBeCut = false }: { readonly mayBeCut?: boolean } = {}): BinlogSummary {
    try {
      this.#scanner.finish();
    } catch (error) {
      if (!mayBeCut || !(error instanceof BinlogEndsEarlyError) || this.#scanner.format === undefined) throw error;
    }
    const { format, position } = this.#scanner;
    const serverVersion = format?.serverVersion ?? '';
    return {
      flavor: serverVersion.includes('MariaDB') ? 'mariadb' : 'mysql',
      serverId: this.#head?.serverId ?? 0,
      serverVersion,
      created: format?.created ?? 0,
      firstTimestamp: this.#head?.timestamp ?? 0,
      lastTimestamp: this.#lastTimestamp,
      previousGtids: this.#previous,
      endGtids: this.#endGtids(),
      ...this.#end,
      bytes: position,
      transactions: this.#transactions,
    };
  }

  #look(event: BinlogEvent): void {
    if (event.timestamp > this.#lastTimestamp) this.#lastTimestamp = event.timestamp;
    this.#head ??= { serverId: event.serverId, timestamp: event.timestamp };
    this.#end = { closedBy: undefined, nextName: undefined };
    switch (event.type) {
      case eventTypes.previousGtids:
      case eventTypes.mariadbGtidList:
        this.#previous ??= decodeAnyPreviousGtids(event);
        break;
      case eventTypes.mariadbGtid: {
        this.#noteMariadbGtid(event);
        this.#transactions += 1;
        break;
      }
      case eventTypes.gtid:
      case eventTypes.taggedGtid: {
        const { gtid } = decodeMysqlGtid(event);
        if (gtid !== undefined) this.#mysqlGtids.add(gtid);
        this.#transactions += 1;
        break;
      }
      case eventTypes.anonymousGtid:
        this.#transactions += 1;
        break;
      case eventTypes.stop:
        this.#end = { closedBy: 'stop', nextName: undefined };
        break;
      case eventTypes.rotate:
        this.#end = { closedBy: 'rotate', nextName: decodeRotate(event).name };
        break;
    }
  }

  #endGtids(): GtidSet | undefined {
    const previous = this.#previous;
    if (previous instanceof MysqlGtidSet) return this.#mysqlGtids.together(previous);
    const last = [...this.#mariadbGtids].map(([domain, { serverId, sequence }]): MariadbGtid => {
      return { domain, serverId, sequence: Buffer.from(sequence.buffer).readBigUInt64LE() };
    });
    return previous?.replacedBy(MariadbGtidPosition.of(last));
  }

  /** There may be one for every hundred bytes: nothing is made of those that others follow. */
  #noteMariadbGtid(event: BinlogEvent): void {
    const { bytes } = event;
    if (bytes.length < gtidBytes) throw new CorruptError(`the event at ${event.start} is too short for what it is`);
    const domainAt = headerBytes + sequenceBytes;
    const domain =
      (bytes[domainAt] ?? 0) +
      (bytes[domainAt + 1] ?? 0) * 0x100 +
      (bytes[domainAt + 2] ?? 0) * 0x10000 +
      (bytes[domainAt + 3] ?? 0) * 0x1000000;
    let last = this.#mariadbGtids.get(domain);
    if (last === undefined) {
      last = { serverId: 0, sequence: new Uint8Array(sequenceBytes) };
      this.#mariadbGtids.set(domain, last);
    }
    last.serverId = event.serverId;
    for (let index = 0; index < sequenceBytes; index++) last.sequence[index] = bytes[headerBytes + index] ?? 0;
  }
}

/** Reads a whole binary log and checks each event. @throws CorruptError, EncryptedBinlogError; the source's errors */
export async function summarize(
  source: ByteSource,
  { name, mayBeCut = false }: { readonly name: string; readonly mayBeCut?: boolean },
): Promise<BinlogSummary> {
  const summarizer = new BinlogSummarizer(name);
  for await (const chunk of source) summarizer.add(chunk);
  return summarizer.finish({ mayBeCut });
}

/** A stage that passes a binary log on and hands in its summary at the end; what is wrong with it ends the stream. */
export function summarizing(name: string, report: (summary: BinlogSummary) => void): Stage {
  return async function* (source) {
    const summarizer = new BinlogSummarizer(name);
    for await (const chunk of source) {
      summarizer.add(chunk);
      yield chunk;
    }
    report(summarizer.finish());
  };
}
