/** One dump: the events of a range of the archive, sent to a replica as a server would. */
import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ArchiverError, quoted } from '../../../errors.ts';
import type { Clock } from '../../../platform/clock.ts';
import type { Logger } from '../../../platform/logger.ts';
import type { PacketLine } from '../../server/packets.ts';
import { parseBinlogName } from '../binlog-name.ts';
import { eventTypes, type BinlogEvent } from '../events/event.ts';
import { readFormatDescription } from '../events/format-description.ts';
import { readEvents } from '../events/read-events.ts';
import { RangeCursor } from '../range/cursor.ts';
import type { BinlogRange, RangeStep } from '../range/plan.ts';
import { stageAhead, type ReadyBinlog } from '../replay/stage-ahead.ts';
import type { DumpRequest } from './dump-request.ts';
import { formatForMidst, madeHeartbeat, madeRotate } from './made-events.ts';
import { endPacket, errorPacket } from './responses.ts';
import { gtidOf, outsideTransactions, SentPosition } from './sent-position.ts';

/** What to send, and how. */
export interface DumpOptions {
  readonly line: PacketLine;
  readonly request: DumpRequest;
  readonly range: BinlogRange;
  /** Our own. */
  readonly serverId: number;
  /** Where binary logs are put on their way; it exists. */
  readonly folder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** The name that WAL-G gives to a replica that goes by GTIDs. */
const nameByGtids = 'host-binlog-file';
/** No event of a server is longer. */
const mostEventBytes = 2 ** 30 + (1 << 20);
/** Replicas give up after twice as long without a word, at least. */
const heartbeatMs = 5_000;
const fatalWhileReading = 1236;

/** A running dump. */
export class Dump {
  readonly #options: DumpOptions;
  readonly #sent: SentPosition;
  #sequence = 1;
  #hasChecksum: boolean;
  #events = 0;
  #writing: Promise<unknown> = Promise.resolve();

  constructor(options: DumpOptions) {
    this.#options = options;
    this.#hasChecksum = options.request.expectsChecksum;
    this.#sent = new SentPosition(options.range.steps[0]?.head.flavor ?? 'mysql');
  }

  /** What was sent so far. */
  get sent(): SentPosition {
    return this.#sent;
  }

  /** How many events of transactions were sent. */
  get events(): number {
    return this.#events;
  }

  /**
   * Sends everything, once; a replica that is to be told of the end, or of a failure, is told.
   *
   * @throws ArchiverError (`missing`) when the replica asks for a file that is none of the range; as `stageBinlog`; the
   * connection's errors
   */
  async run(): Promise<void> {
    const { request, range, logger, signal } = this.#options;
    const isByGtids = request.executed !== undefined;
    const folder = await mkdtemp(join(this.#options.folder, 'walvault-server-'));
    const ending = new AbortController();
    const beating = this.keepAlive(AbortSignal.any([signal, ending.signal]));
    try {
      const steps = isByGtids ? range.steps : stepsFrom(range.steps, request.binlog);
      if (isByGtids) await this.#turnTo(nameByGtids, 4);
      const cursor = new RangeCursor(range);
      for await (const ready of stageAhead({ steps, cursor, folder, logger, signal })) {
        const step = steps.find(({ binlog }) => binlog.name === ready.staged.name);
        if (ready.staged.wanted === undefined || step === undefined) continue;
        await this.#sendFile(ready, isByGtids ? 4 : this.#startIn(step, ready.staged.wanted.start, step === steps[0]));
      }
      if (request.wantsEnd) await this.#write(endPacket);
    } catch (error) {
      if (error instanceof ArchiverError) {
        await this.#write(errorPacket(fatalWhileReading, 'HY000', error.message)).catch(() => undefined);
      }
      throw error;
    } finally {
      ending.abort();
      await beating;
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** Says now and then that the replica's source is alive, until the signal is aborted. */
  async keepAlive(ending: AbortSignal): Promise<void> {
    const { serverId, clock } = this.#options;
    for (;;) {
      await clock.sleep(heartbeatMs, ending).catch(() => undefined);
      const { name, position } = this.#sent;
      if (ending.aborted) return;
      if (name === '') continue;
      // A connection that is lost shows itself elsewhere.
      await this.#send(madeHeartbeat(name, position, { serverId, hasChecksum: this.#hasChecksum })).catch(
        () => undefined,
      );
    }
  }

  /** Replicas that go by positions are to count as the server of the archive did; 4: they get the file from its beginning. */
  #startIn({ head, from }: RangeStep, wantedStart: number, isFirst: boolean): number {
    const asked = isFirst ? this.#options.request.position : 4;
    const start = from > head.end ? Math.max(wantedStart, asked) : asked;
    return start > head.end ? start : 4;
  }

  async #sendFile({ staged, path }: ReadyBinlog, from: number): Promise<void> {
    const { request, logger } = this.#options;
    logger.info('sending binary log', { binlog: staged.name, from, transactions: staged.transactions });
    await this.#turnTo(staged.name, from);
    let isSkipped = false;
    for await (const event of readEvents(createReadStream(path, { highWaterMark: 1 << 20 }), {
      name: staged.name,
      keptBytes: mostEventBytes,
    })) {
      if (event.type === eventTypes.formatDescription) {
        await this.#sendFormat(event, from);
        continue;
      }
      if (from > 4 && event.nextPosition <= from) continue;
      const gtid = gtidOf(event);
      if (gtid !== undefined) isSkipped = request.executed?.containsGtid(gtid) === true;
      else if (outsideTransactions.has(event.type)) isSkipped = false;
      if (isSkipped) continue;
      await this.#send(event.bytes);
      this.#sent.sent(event, gtid);
      if (gtid !== undefined || !outsideTransactions.has(event.type)) this.#events += 1;
    }
  }

  async #sendFormat(event: BinlogEvent, from: number): Promise<void> {
    this.#hasChecksum = readFormatDescription(event.bytes, 'the archive').hasChecksums;
    await this.#send(from > 4 ? formatForMidst(event.bytes, { hasChecksum: this.#hasChecksum }) : event.bytes);
  }

  async #turnTo(name: string, position: number): Promise<void> {
    const { serverId } = this.#options;
    await this.#send(madeRotate(name, position, { serverId, hasChecksum: this.#hasChecksum }));
    this.#sent.enter(name, position);
  }

  #send(event: Uint8Array): Promise<void> {
    return this.#write(withMark(event));
  }

  #write(payload: Uint8Array): Promise<void> {
    const turn = this.#writing.then(async () => {
      this.#sequence = await this.#options.line.write(payload, this.#sequence);
    });
    this.#writing = turn.catch(() => undefined);
    return turn;
  }
}

const mark = Buffer.from([0]);

function withMark(event: Uint8Array): Buffer {
  return Buffer.concat([mark, event]);
}

function stepsFrom(steps: readonly RangeStep[], binlog: string): readonly RangeStep[] {
  if (binlog === '' || binlog === nameByGtids) return steps;
  const index = steps.findIndex((step) => step.binlog.name === binlog);
  if (index >= 0) return steps.slice(index);
  const [asked, last] = [parseBinlogName(binlog), steps.at(-1)?.binlog];
  // It has all of them: where the last one ends, the server's next one was named.
  if (asked !== undefined && asked.base === last?.base && asked.number > last.number) return [];
  throw new ArchiverError('missing', `could not find the binary log "${binlog}" among those that are served`, {
    hint: `Served are ${quoted([...new Set([steps.at(0), steps.at(-1)])].flatMap((step) => (step ? [step.binlog.name] : [])))}: let the replica begin there, or give another --since.`,
  });
}
