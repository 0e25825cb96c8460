/** One connection's worth of following: from where the archive ends until the connection does, or the run. */
import { crc32OfRange } from '../../../bytes/crc32.ts';
import { ArchiverError, CorruptError, messageOf } from '../../../errors.ts';
import type { Transport } from '../../../pipeline/transport.ts';
import type { Clock } from '../../../platform/clock.ts';
import type { Logger } from '../../../platform/logger.ts';
import { binlogNamed, type BinlogName } from '../binlog-name.ts';
import { checksumBytes, eventTypes, headerBytes } from '../events/event.ts';
import { completeBinlog } from './complete.ts';
import type { EventStream, StreamedEvent } from './event-stream.ts';
import { FollowedBinlog } from './followed-binlog.ts';
import { listTails, type StoredTail } from './tail.ts';
import { TailWriter } from './tail-writer.ts';

/** What following needs beside the events. */
export interface FollowerOptions {
  readonly transport: Transport;
  readonly intervalMs: number;
  /** How long the server says that a binary log is; undefined when it has removed it or cannot be asked. */
  readonly sizeOnServer: (name: string) => Promise<number | undefined>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly stop: AbortSignal;
  readonly uploads: AbortSignal;
}

const firstPauseMs = 500;
const longestPauseMs = 15_000;
const progressMs = 60_000;
/** What a server made up for its replicas: it is in no file. */
const artificialFlag = 0x20;

/** The receiver of one stream of events. */
export class Follower {
  readonly #options: FollowerOptions;
  readonly #events: EventStream;
  #current: FollowedBinlog;
  #completion: Promise<void> = Promise.resolve();

  constructor(
    events: EventStream,
    start: { readonly binlog: BinlogName; readonly position: number },
    options: FollowerOptions,
  ) {
    this.#options = options;
    this.#events = events;
    this.#current = this.#opened(start.binlog, start.position);
  }

  /** Follows until asked to stop, or until it cannot go on; everything that came is stored then. */
  async run(): Promise<void> {
    const { stop } = this.#options;
    const ending = new AbortController();
    const onStop = (): void => this.#events.destroy(stop.reason as Error);
    stop.addEventListener('abort', onStop, { once: true });
    if (stop.aborted) onStop();
    const storing = this.#meanwhile(this.#storeRegularly(ending.signal));
    const telling = this.#tellProgress(ending.signal);
    try {
      await this.#receive();
    } catch (error) {
      if (error !== stop.reason || !stop.aborted) throw error;
    } finally {
      stop.removeEventListener('abort', onStop);
      ending.abort();
      await Promise.all([storing, telling]);
      await this.#finish();
    }
  }

  async #receive(): Promise<never> {
    for (;;) {
      const event = await this.#events.next();
      if (isMadeUp(event)) {
        const next = event.type === eventTypes.rotate ? nameIn(event) : undefined;
        if (next !== undefined && next !== this.#current.binlog.name) await this.#turnTo(next);
        continue;
      }
      this.#current.append(event);
      if (this.#current.writer.isFull) await this.#flush(this.#current.writer);
    }
  }

  /** The server goes on with another file: the one before is complete. */
  async #turnTo(name: string): Promise<void> {
    const ended = this.#current;
    await this.#flush(ended.writer);
    // One at a time: what is complete becomes visible in the order of the numbers.
    await this.#completion;
    this.#completion = this.#meanwhile(this.#complete(ended));
    this.#current = this.#opened(binlogNamed(name), 0);
  }

  async #complete({ binlog, writer }: FollowedBinlog): Promise<void> {
    const { transport, logger, uploads, sizeOnServer } = this.#options;
    const bytes = writer.position;
    if (bytes === 0) return;
    const onServer = await sizeOnServer(binlog.name);
    if (onServer !== undefined && onServer !== bytes) {
      throw new CorruptError(`"${binlog.name}" has ${onServer} bytes on the server, and ${bytes} of them were sent`);
    }
    await this.#untilAvailable(async () => {
      const tails = await listTails(transport.storage, { signal: uploads });
      const tail = tails.find((one) => one.binlog.name === binlog.name);
      if (endOf(tail) !== bytes || tail === undefined) {
        throw new CorruptError(`the archive has ${endOf(tail)} of the ${bytes} bytes of "${binlog.name}"`, {
          hint: 'Something else removes what binlog-push --follow stores: run it again, and it goes on from there.',
        });
      }
      await completeBinlog(tail, { transport, logger, signal: uploads });
    });
  }

  async #storeRegularly(ending: AbortSignal): Promise<void> {
    const { clock, intervalMs } = this.#options;
    while (intervalMs > 0) {
      await clock.sleep(intervalMs, ending).catch(() => undefined);
      if (ending.aborted) return;
      await this.#flush(this.#current.writer);
    }
  }

  async #finish(): Promise<void> {
    const { binlog, writer } = this.#current;
    try {
      await this.#flush(writer);
    } catch (error) {
      if (!this.#options.uploads.aborted) throw error;
      const { stored, position } = writer;
      this.#options.logger.warn('what came last is not stored; the next run gets it from the server', {
        binlog: binlog.name,
        stored,
        received: position,
      });
    }
    await this.#completion;
  }

  /** A line a minute. */
  async #tellProgress(ending: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options;
    for (;;) {
      await clock.sleep(progressMs, ending).catch(() => undefined);
      if (ending.aborted) return;
      const { binlog, writer, lastTimestamp } = this.#current;
      const behindS = lastTimestamp === 0 ? undefined : Math.round(clock.now().getTime() / 1_000) - lastTimestamp;
      const { position, stored } = writer;
      logger.info('events received so far', { binlog: binlog.name, position, stored, secondsSinceLast: behindS });
    }
  }

  /** A failure of what runs beside ends the stream; whoever waits for an event gets it. */
  async #meanwhile(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      const { stop, logger } = this.#options;
      if (stop.aborted)
        logger.warn('not done before the end, the next run goes on there', { reason: messageOf(error) });
      this.#events.destroy(error instanceof Error ? error : new Error(messageOf(error)));
    }
  }

  #opened(binlog: BinlogName, position: number): FollowedBinlog {
    const { transport, logger, uploads } = this.#options;
    const writer = new TailWriter({ transport, binlog: binlog.name, position, logger, signal: uploads });
    return new FollowedBinlog(binlog, writer);
  }

  #flush(writer: TailWriter): Promise<void> {
    return this.#untilAvailable(() => writer.flush());
  }

  async #untilAvailable<T>(act: () => Promise<T>): Promise<T> {
    const { clock, logger, uploads } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await act();
      } catch (error) {
        if (uploads.aborted || !(error instanceof ArchiverError) || error.kind !== 'unavailable') throw error;
        const pauseMs = Math.min(firstPauseMs * 2 ** (attempt - 1), longestPauseMs);
        logger.warn('cannot store events yet, trying again', { attempt, pauseMs, reason: messageOf(error) });
        await clock.sleep(pauseMs, uploads);
      }
    }
  }
}

function endOf(tail: StoredTail | undefined): number {
  return tail?.chain.at(-1)?.end ?? 0;
}

function isMadeUp({ type, flags, nextPosition }: StreamedEvent): boolean {
  return type !== eventTypes.formatDescription && ((flags & artificialFlag) !== 0 || nextPosition === 0);
}

/** The name in a ROTATE event that was made up. Whether there is a checksum behind it, nothing else tells than the checksum. */
function nameIn({ bytes }: StreamedEvent): string {
  const end = bytes.length - checksumBytes;
  const sum = Buffer.from(bytes.subarray(end)).readUInt32LE(0);
  const hasSum = crc32OfRange(bytes, { start: 0, end }) === sum;
  return Buffer.from(bytes.subarray(headerBytes + 8, hasSum ? end : bytes.length)).toString('utf8');
}
