/**
 * One stream of WAL of one timeline, from the beginning of a segment: fills segments, and has them archived beside. Two
 * segments are in memory at most: one that is filled, one that is being archived; while both are taken the server waits.
 */
import { ArchiverError, CorruptError } from '../../errors.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import { formatLsn, parseLsn, toLsn, type Lsn } from '../lsn.ts';
import { numberOf, textOf } from '../server/rows.ts';
import type { Row, Session } from '../server/session.ts';
import { nextSegment, segmentOf } from '../wal-segment.ts';
import { ReceivedSegment } from './received-segment.ts';
import type { SegmentArchive } from './segment-archive.ts';
import { ServerLine } from './server-line.ts';
import type { StreamPosition } from './stream-start.ts';
import { parseWalMessage } from './streaming-protocol.ts';
import { Upload } from './upload.ts';

/** What is the same for all streams of a run. */
export interface StreamOptions {
  readonly archive: SegmentArchive;
  readonly segmentBytes: number;
  readonly systemIdentifier: bigint;
  /** 0: partial segments are stored only in the end. */
  readonly partialIntervalMs: number;
  /** How often the server is told how far the archive is. */
  readonly statusIntervalMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Asks to stop receiving. */
  readonly stop: AbortSignal;
}

/** How a stream ended: asked to stop; or the server left the timeline, and goes on with the next one. */
export type StreamEnd = 'stopped' | StreamPosition;

/** How far a stream is. */
export interface StreamProgress {
  readonly received: Lsn;
  /** End of the server's WAL as it last said; zero before its first word. */
  readonly serverEnd: Lsn;
}

/** Streams one after the other; memory, and what is in it, goes on from one to the next. */
export class WalStream {
  readonly #options: StreamOptions;
  #current: ReceivedSegment | undefined;
  #spare: Buffer | undefined;
  #progress: StreamProgress = { received: toLsn(0n), serverEnd: toLsn(0n) };
  #session: Session | undefined;
  #line: ServerLine | undefined;
  readonly #upload = new Upload({
    done: () => this.#line?.sendStatus(),
    failed: (error) => this.#session?.destroy(error instanceof Error ? error : new Error(String(error))),
  });
  #partialAt = 0;
  #hasStreamed = false;
  #startedAt = toLsn(0n);

  constructor(options: StreamOptions) {
    this.#options = options;
  }

  get progress(): StreamProgress {
    return this.#progress;
  }

  /** Something of the last stream is not in the archive. */
  get isBehind(): boolean {
    const { received } = this.#progress;
    return received > this.#startedAt && received > this.#options.archive.durable;
  }

  /** A server has begun to stream. */
  get hasStreamed(): boolean {
    return this.#hasStreamed;
  }

  /** How far the last stream came; undefined before the first. */
  get position(): StreamPosition | undefined {
    const { received } = this.#progress;
    return this.#current === undefined ? undefined : { timeline: this.#current.id.timeline, lsn: received };
  }

  /**
   * Streams from `start`, the beginning of a segment, until asked to stop or the timeline ends. Then all that came is in
   * the archive.
   *
   * @throws ServerLostError, ServerQueryError, DivergedWalError, WalMismatchError, WalConflictError, the storage's errors
   */
  async run(session: Session, start: StreamPosition, slot: string): Promise<StreamEnd> {
    const { archive, statusIntervalMs, clock, stop } = this.#options;
    await this.#begin(start);
    const conversation = session.converse({
      text: `START_REPLICATION SLOT "${slot}" PHYSICAL ${formatLsn(start.lsn)} TIMELINE ${start.timeline}`,
      failure: 'the server does not stream its WAL',
    });
    using line = new ServerLine({
      ...{ session, conversation, statusIntervalMs, clock, stop },
      durable: () => archive.durable,
    });
    this.#session = session;
    this.#line = line;
    this.#partialAt = clock.monotonicMs();
    const ticking = new AbortController();
    const ticks = this.#tick(line, ticking.signal).catch((error: unknown) => this.#upload.fail(error));
    try {
      return await this.#follow(line);
    } catch (error) {
      // Whatever ended the connection because of a failure says less than that.
      await this.#upload.idle();
      throw error;
    } finally {
      ticking.abort();
      await ticks;
      this.#line = undefined;
    }
  }

  async #begin(start: StreamPosition): Promise<void> {
    const { archive, segmentBytes } = this.#options;
    archive.restartAt(start.lsn);
    this.#progress = { ...this.#progress, received: start.lsn };
    this.#startedAt = start.lsn;
    const id = segmentOf(start.lsn, start.timeline, segmentBytes);
    const current = this.#current;
    if (current?.id.timeline === id.timeline && current.id.number === id.number) {
      current.rewind();
      return;
    }
    this.#spare ??= current?.memory;
    this.#current = new ReceivedSegment(id, this.#memory());
    await archive.takeOver(this.#current);
  }

  async #follow(line: ServerLine): Promise<StreamEnd> {
    let next: StreamPosition | undefined;
    for (;;) {
      const message = await line.next();
      if (message === undefined) break;
      if (message === 'stopped') {
        await this.#storeRest();
        await line.sayGoodbye();
        return 'stopped';
      }
      switch (message.kind) {
        case 'copy':
          this.#hasStreamed = true;
          break;
        case 'data':
          await this.#take(message.bytes, line);
          break;
        case 'end of copy':
          await this.#storeRest();
          line.finish();
          break;
        case 'rows':
          next = positionOf(message.rows);
      }
    }
    if (next === undefined) throw new CorruptError('the server ended the stream of WAL without a reason');
    return next;
  }

  async #take(bytes: Uint8Array, line: ServerLine): Promise<void> {
    const message = parseWalMessage(bytes);
    this.#progress = { ...this.#progress, serverEnd: message.serverEnd };
    if (message.kind === 'keepalive') {
      if (message.wantsReply) this.#answer(line);
      return;
    }
    if (message.start !== this.#progress.received) {
      const expected = formatLsn(this.#progress.received);
      throw new CorruptError(`the server sent WAL of ${formatLsn(message.start)} where ${expected} comes next`);
    }
    for (let rest = message.bytes; rest.length > 0;) {
      const segment = this.#current;
      if (segment === undefined) throw new Error('no segment to receive');
      rest = rest.subarray(segment.add(rest));
      this.#progress = { ...this.#progress, received: segment.streamedTo };
      if (segment.isWhole) await this.#hand(segment);
    }
  }

  /** Archives a whole segment beside receiving the next one, once the one before is archived. */
  async #hand(segment: ReceivedSegment): Promise<void> {
    const { archive, systemIdentifier } = this.#options;
    segment.check(systemIdentifier);
    await this.#upload.idle();
    this.#current = new ReceivedSegment(nextSegment(segment.id), this.#memory());
    this.#upload.start(async () => {
      await archive.storeWhole(segment);
      this.#spare = segment.memory;
    });
  }

  #memory(): Buffer {
    const memory = this.#spare ?? Buffer.alloc(this.#options.segmentBytes);
    this.#spare = undefined;
    return memory;
  }

  /** What has come and is not in the archive: at the end of a stream. */
  async #storeRest(): Promise<void> {
    await this.#upload.idle();
    const segment = this.#lagging();
    if (segment !== undefined) await this.#options.archive.storeRest(segment);
  }

  /** The segment with bytes that are not in the archive. */
  #lagging(): ReceivedSegment | undefined {
    const segment = this.#current;
    if (segment === undefined || segment.isWhole || segment.streamedTo === segment.start) return undefined;
    if (segment.streamedTo <= this.#options.archive.durable) return undefined;
    segment.check(this.#options.systemIdentifier);
    return segment;
  }

  /** A failure is for the next time: the server keeps its WAL. */
  #startPartial(segment: ReceivedSegment): void {
    const { archive, clock, logger } = this.#options;
    this.#upload.start(async () => {
      try {
        await archive.storePartial(segment);
      } catch (error) {
        if (!(error instanceof ArchiverError) || error.kind !== 'unavailable') throw error;
        logger.warn('cannot store a partial WAL segment yet', { name: segment.name, reason: error.message });
      } finally {
        this.#partialAt = clock.monotonicMs();
      }
    });
  }

  /**
   * A server that shuts down asks again and again until all its WAL is stored, and stops then: it gets its answer when that
   * is done.
   */
  #answer(line: ServerLine): void {
    const { received, serverEnd } = this.#progress;
    const segment = received >= serverEnd ? this.#lagging() : undefined;
    if (segment === undefined) line.sendStatus();
    else if (this.#upload.isIdle) this.#startPartial(segment);
  }

  async #tick(line: ServerLine, signal: AbortSignal): Promise<void> {
    const { clock, statusIntervalMs, partialIntervalMs } = this.#options;
    const shortest = Math.min(statusIntervalMs, partialIntervalMs === 0 ? statusIntervalMs : partialIntervalMs);
    const tickMs = Math.min(1_000, Math.max(20, shortest / 4));
    for (;;) {
      await clock.sleep(tickMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      line.attend();
      const isDue = partialIntervalMs > 0 && clock.monotonicMs() - this.#partialAt >= partialIntervalMs;
      const segment = isDue && this.#upload.isIdle ? this.#lagging() : undefined;
      if (segment !== undefined) this.#startPartial(segment);
    }
  }
}

/** Where the next timeline begins. */
function positionOf([row]: readonly Row[]): StreamPosition {
  return { timeline: numberOf(row, 'next_tli'), lsn: parseLsn(textOf(row, 'next_tli_startpos')) };
}
