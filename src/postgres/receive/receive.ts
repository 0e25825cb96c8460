/**
 * `wal-receive`: takes the WAL of a server as it is written, by the replication protocol, and archives it. The server is
 * told that WAL is safe when it is in the storage, and keeps it until then, by its slot: whenever this process, the server or
 * the storage ends, nothing is lost. See `docs/wal-receive.md`.
 */
import { ArchiverError, messageOf } from '../../errors.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import { formatLsn, toLsn, type Lsn } from '../lsn.ts';
import type { Connector } from '../server/connection.ts';
import { ServerQueryError } from '../server/errors.ts';
import { timelineAt, type TimelineSpan } from '../timeline.ts';
import { segmentOf } from '../wal-segment.ts';
import type { SegmentArchive } from './segment-archive.ts';
import { beginAt, endOfArchive, goOnFrom, segmentStartOf, type StreamPosition } from './stream-start.ts';
import { connectUpstream, fetchHistory, wayBy, WalRemovedError, type Upstream } from './upstream.ts';
import { WalStream } from './wal-stream.ts';

/** How to receive. */
export interface ReceiveOptions {
  /** Looks for the server anew: after a failover it may be another one. */
  readonly openConnector: () => Connector;
  readonly archive: SegmentArchive;
  readonly slot: string;
  readonly partialIntervalMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Asks to stop; what has come is stored before. */
  readonly stop: AbortSignal;
}

const usualStatusMs = 10_000;
const firstPauseMs = 500;
const longestPauseMs = 15_000;
/** A receiver that was killed may hold its slot until the server notices. */
const slotPatienceMs = 15_000;
const progressMs = 60_000;

const slotInUse = '55006';
const fileMissing = '58P01';

/**
 * Receives until asked to stop; connections that are lost are made anew.
 *
 * @throws ConnectError when there is no server in the beginning; WalRemovedError, TimelineLostError, DivergedWalError,
 *   WalConflictError, errors of storages but `unavailable`, `busy` when another receiver uses the slot
 */
export async function receiveWal(options: ReceiveOptions): Promise<void> {
  const receiver = new WalReceiver(options);
  const telling = new AbortController();
  const told = receiver.tellProgress(telling.signal);
  try {
    await receiver.run();
    receiver.tellRest();
  } finally {
    telling.abort();
    await told;
  }
}

class WalReceiver {
  readonly #options: ReceiveOptions;
  #stream: WalStream | undefined;
  #systemIdentifier: bigint | undefined;
  /** Whether the WAL between the end of the archive and the beginning of the slot can be had. */
  #gap: 'not looked for' | 'being filled' | 'given up' = 'not looked for';
  #receivedBefore: Lsn | undefined;

  constructor(options: ReceiveOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    const { clock, logger, slot, stop } = this.#options;
    const startedMs = clock.monotonicMs();
    for (let attempt = 1; !stop.aborted; attempt += 1) {
      try {
        await this.#connectAndStream();
        return;
      } catch (error) {
        if (isStopping(stop) && (isLoss(error) || error === stop.reason)) return;
        if (!this.#mayHeal(error, clock.monotonicMs() - startedMs)) throw explained(error, slot);
        if (this.#hasAdvanced()) attempt = 1;
        const pauseMs = Math.min(firstPauseMs * 2 ** (attempt - 1), longestPauseMs);
        logger.warn('receiving was interrupted, connecting again', { pauseMs, reason: messageOf(error) });
        await clock.sleep(pauseMs, stop).catch(() => undefined);
      }
    }
  }

  /** A line a minute, until the signal is aborted. */
  async tellProgress(signal: AbortSignal): Promise<void> {
    const { clock, logger, archive } = this.#options;
    for (;;) {
      await clock.sleep(progressMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      if (this.#stream?.position === undefined) continue;
      const { timeline } = this.#stream.position;
      const { received, serverEnd } = this.#stream.progress;
      const behindBytes = serverEnd > archive.durable ? serverEnd - archive.durable : 0n;
      const stored = formatLsn(archive.durable);
      logger.info('WAL received so far', { timeline, received: formatLsn(received), stored, behindBytes });
    }
  }

  /** What stopping has left out. */
  tellRest(): void {
    const { archive, logger } = this.#options;
    if (this.#stream?.isBehind !== true) return;
    logger.warn('what came last is not stored; the server keeps it for the next run', {
      stored: formatLsn(archive.durable),
      received: formatLsn(this.#stream.progress.received),
    });
  }

  get #hasBegun(): boolean {
    return this.#stream !== undefined && this.#stream.progress.serverEnd > 0n;
  }

  #hasAdvanced(): boolean {
    const received = this.#stream?.progress.received;
    const hasAdvanced = received !== this.#receivedBefore;
    this.#receivedBefore = received;
    return hasAdvanced;
  }

  #mayHeal(error: unknown, elapsedMs: number): boolean {
    const state = error instanceof ServerQueryError ? error.sqlState : undefined;
    const hasStreamed = this.#stream?.hasStreamed === true;
    if (state === slotInUse) return hasStreamed || elapsedMs < slotPatienceMs;
    if (state !== fileMissing) return hasStreamed && isLoss(error);
    if (this.#hasBegun || this.#gap !== 'being filled') return false;
    this.#gap = 'given up';
    return true;
  }

  async #connectAndStream(): Promise<void> {
    const { openConnector, slot, logger, stop } = this.#options;
    const expected = this.#systemIdentifier;
    const upstream = await connectUpstream(openConnector(), { slot, expected, logger, signal: stop });
    const { session } = upstream;
    try {
      this.#systemIdentifier = upstream.systemIdentifier;
      let start = await this.#start(upstream);
      const stream = (this.#stream ??= this.#open(upstream));
      for (;;) {
        const { timeline, lsn } = start;
        logger.info('receiving WAL', { slot, timeline, from: formatLsn(lsn), location: session.location });
        const end = await stream.run(session, start, slot);
        if (end === 'stopped') return;
        logger.info('the timeline ends', { timeline, next: end.timeline, at: formatLsn(end.lsn) });
        await this.#archiveHistory(upstream, end.timeline);
        start = { timeline: end.timeline, lsn: segmentStartOf(end.lsn, upstream.segmentBytes) };
      }
    } finally {
      await session.end();
    }
  }

  #open({ segmentBytes, systemIdentifier, senderTimeoutMs }: Upstream): WalStream {
    const { archive, partialIntervalMs, clock, logger, stop } = this.#options;
    const statusIntervalMs = senderTimeoutMs === 0 ? usualStatusMs : Math.min(usualStatusMs, senderTimeoutMs / 3);
    const options = { archive, segmentBytes, systemIdentifier, partialIntervalMs, statusIntervalMs };
    return new WalStream({ ...options, clock, logger, stop });
  }

  async #archiveHistory({ session }: Upstream, timeline: number): Promise<string | undefined> {
    const history = await fetchHistory(session, timeline);
    if (history !== undefined) await this.#options.archive.storeHistory(timeline, history);
    return history;
  }

  async #start(upstream: Upstream): Promise<StreamPosition> {
    const { segmentBytes, timeline } = upstream;
    const way = wayBy(timeline, await this.#archiveHistory(upstream, timeline));
    const received = this.#stream?.position;
    if (received !== undefined && this.#hasBegun) return goOnFrom(received, way, segmentBytes);
    const own = beginAt(upstream.slotStart ?? upstream.flushed, way, segmentBytes);
    return (await this.#behindArchive(own, way, segmentBytes)) ?? own;
  }

  /** Where to begin so that nothing is missing between what is archived and `own`; undefined: there. */
  async #behindArchive(
    own: StreamPosition,
    way: readonly TimelineSpan[],
    segmentBytes: number,
  ): Promise<StreamPosition | undefined> {
    const { archive, logger } = this.#options;
    if (own.lsn < segmentBytes) return undefined;
    const before = toLsn(own.lsn - 1n);
    if (await archive.has(segmentOf(before, timelineAt(way, before), segmentBytes), segmentBytes)) return undefined;
    const end = endOfArchive(await archive.newestSegments(segmentBytes), way, segmentBytes);
    if (end === undefined) return undefined;
    const next = goOnFrom(end, way, segmentBytes);
    if (next.lsn >= own.lsn) return undefined;
    if (this.#gap === 'given up') {
      logger.warn('the archive has a gap that this server cannot fill: make a new backup', {
        from: formatLsn(next.lsn),
        to: formatLsn(own.lsn),
      });
      return undefined;
    }
    this.#gap = 'being filled';
    return next;
  }
}

function isStopping(stop: AbortSignal): boolean {
  return stop.aborted;
}

/** Of the connection, or of a storage that was asked where to begin. */
function isLoss(error: unknown): boolean {
  return error instanceof ArchiverError && error.kind === 'unavailable';
}

function explained(error: unknown, slot: string): unknown {
  if (!(error instanceof ServerQueryError)) return error;
  if (error.sqlState === fileMissing) return new WalRemovedError(error.message, error);
  if (error.sqlState !== slotInUse) return error;
  return new ArchiverError('busy', error.message, {
    cause: error,
    hint: `Another receiver uses the slot "${slot}". One is enough for an archive; for a second archive set WALG_SLOTNAME.`,
  });
}
