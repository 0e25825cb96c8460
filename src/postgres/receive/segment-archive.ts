/** Puts what is received into the archive, one object after another, and knows how far it is there. */
import { collect } from '../../bytes/stage.ts';
import { walFolder, walKey } from '../../catalog/layout.ts';
import { withoutExtension } from '../../codecs/open.ts';
import { ArchiverError, messageOf } from '../../errors.ts';
import { findObject, openObject } from '../../pipeline/find-object.ts';
import { pushObject } from '../../pipeline/push-object.ts';
import { storedKey, type Transport } from '../../pipeline/transport.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Key } from '../../storage/storage.ts';
import { toLsn, type Lsn } from '../lsn.ts';
import { historyFileName } from '../timeline.ts';
import { archiveFile } from '../wal/archive-file.ts';
import type { LocalFile } from '../../pipeline/local-file.ts';
import { parseSegmentName, segmentName, type SegmentId } from '../wal-segment.ts';
import { DivergedWalError, fileInMemory, type ReceivedSegment } from './received-segment.ts';

/** What an archive of segments needs. */
export interface SegmentArchiveOptions {
  readonly transport: Transport;
  readonly preventOverwrite: boolean;
  /** Told of each segment that is archived whole; what it throws is a warning. */
  readonly archived?: ((file: LocalFile) => Promise<void>) | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ends all uploads; asked for later than to stop receiving. */
  readonly signal: AbortSignal;
}

const firstPauseMs = 1_000;
const longestPauseMs = 30_000;

/** Where receiving is archived to. Only one thing at a time may be asked of it. */
export class SegmentArchive {
  readonly #options: SegmentArchiveOptions;
  /** Objects of partial segments that are in the archive, and how many of their bytes say something. */
  readonly #partials = new Map<string, { readonly key: Key; readonly bytes: number }>();
  /** The segment whose partial one is known, or known not to be. */
  #lookedFor: string | undefined;
  #durable = toLsn(0n);

  constructor(options: SegmentArchiveOptions) {
    this.#options = options;
  }

  /** Everything received before it is in the archive; zero as long as nothing is. */
  get durable(): Lsn {
    return this.#durable;
  }

  /** The stream begins with the segment at `start`, maybe of another timeline: what is beyond is not of that stream. */
  restartAt(start: Lsn): void {
    if (this.#durable > start) this.#durable = start;
  }

  /**
   * Archives a whole segment, and removes its partial one. Tries until the storage answers.
   *
   * @throws WalConflictError, the storage's errors but `unavailable`, the signal's reason
   */
  async storeWhole(segment: ReceivedSegment): Promise<void> {
    const { logger, archived, clock } = this.#options;
    const file = segment.file(segment.name, segment.memory.length, clock.now());
    const isNew = await this.#untilAvailable(() => this.#archive(file));
    this.#reach(segment.filledTo);
    logger.info(isNew ? 'WAL segment archived' : 'WAL segment was in the archive already', { name: segment.name });
    await this.#removePartial(segment.name);
    try {
      await archived?.(file);
    } catch (error) {
      logger.warn('cannot note what an archived WAL segment is', { name: segment.name, reason: messageOf(error) });
    }
  }

  /**
   * Stores what there is of a segment, as `<name>.partial` of full size; never less than is stored already.
   *
   * @throws the storage's errors, once
   */
  async storePartial(segment: ReceivedSegment): Promise<void> {
    const { transport, clock, logger, signal } = this.#options;
    if (this.#lookedFor !== segment.name) await this.#takeOver(segment);
    const bytes = segment.filledBytes;
    const { streamedTo } = segment;
    // What an earlier run has stored counts only as far as this stream has shown the same.
    if (bytes <= (this.#partials.get(segment.name)?.bytes ?? 0)) {
      this.#reach(streamedTo);
      return;
    }
    const file = segment.file(partialName(segment.name), bytes, clock.now());
    const { key, storedBytes } = await pushObject(transport, walKey(file.name), () => file.content(), {
      mode: file.mode,
      signal,
      logger,
    });
    this.#partials.set(segment.name, { key, bytes });
    this.#reach(streamedTo);
    logger.debug('partial WAL segment stored', { name: file.name, bytes, storedBytes });
  }

  /** As {@link storePartial}, trying until the storage answers. */
  storeRest(segment: ReceivedSegment): Promise<void> {
    return this.#untilAvailable(() => this.storePartial(segment));
  }

  /**
   * Takes over what an earlier run has stored of a segment: the stream may end before that, on a server that was promoted
   * without it. Tries until the storage answers.
   *
   * @throws the storage's errors but `unavailable`
   */
  takeOver(segment: ReceivedSegment): Promise<void> {
    return this.#untilAvailable(() => this.#takeOver(segment));
  }

  /** Archives the history file of a timeline. @throws as {@link storeWhole} */
  async storeHistory(timeline: number, text: string): Promise<void> {
    const content = Buffer.from(text);
    const name = historyFileName(timeline);
    const modified = this.#options.clock.now();
    const file = fileInMemory(name, { content, sizeBytes: content.length, modified });
    const isNew = await this.#untilAvailable(() => this.#archive(file));
    if (isNew) this.#options.logger.info('timeline history archived', { name });
  }

  /** Whether a segment is archived whole. */
  async has(segment: SegmentId, segmentBytes: number): Promise<boolean> {
    const { transport, signal } = this.#options;
    return (await findObject(transport, walKey(segmentName(segment, segmentBytes)), { signal })) !== undefined;
  }

  /** Number of the newest archived segment of every timeline; lists the archive. */
  async newestSegments(segmentBytes: number): Promise<ReadonlyMap<number, bigint>> {
    const { transport, signal } = this.#options;
    const newest = new Map<number, bigint>();
    for await (const { kind, key } of transport.storage.list(walFolder, { signal })) {
      const stored = key.slice(walFolder.length + 1);
      if (kind !== 'object' || stored.endsWith('.json')) continue;
      const name = withoutExtension(stored);
      const whole = name.replace(/\.partial$/, '');
      const id = parseSegmentName(whole, segmentBytes);
      // A partial one says that everything before it was received.
      const number = id && (whole === name ? id.number : id.number - 1n);
      if (id === undefined || number === undefined) continue;
      if (number > (newest.get(id.timeline) ?? -1n)) newest.set(id.timeline, number);
    }
    return newest;
  }

  #archive(file: LocalFile): Promise<boolean> {
    const { transport, preventOverwrite, logger, signal } = this.#options;
    return archiveFile(file, { transport, preventOverwrite, check: 'off', cwd: '/', logger, signal });
  }

  /** One that cannot be read is going to be replaced. */
  async #takeOver(segment: ReceivedSegment): Promise<void> {
    const { transport, signal, logger } = this.#options;
    const { name } = segment;
    try {
      const opened = await openObject(transport, walKey(partialName(name)), { signal });
      const content = opened && withoutZeros(await collect(opened.bytes, segment.memory.length));
      if (opened !== undefined && content !== undefined) {
        segment.merge(content);
        this.#partials.set(name, { key: opened.key, bytes: content.length });
        logger.info('going on with a partial WAL segment', { name, bytes: content.length });
      }
    } catch (error) {
      const isUnreadable =
        error instanceof RangeError ||
        (error instanceof ArchiverError &&
          !(error instanceof DivergedWalError) &&
          (error.kind === 'corrupt' || error.kind === 'forbidden'));
      if (!isUnreadable) throw error;
      logger.warn('cannot read the partial WAL segment in the archive, replacing it', {
        name,
        reason: messageOf(error),
      });
    }
    this.#lookedFor = name;
  }

  async #removePartial(name: string): Promise<void> {
    const partial = this.#partials.get(name);
    if (partial === undefined) return;
    this.#partials.delete(name);
    const { transport, logger, signal } = this.#options;
    const keys = new Set([partial.key, storedKey(transport, walKey(partialName(name)))]);
    try {
      await transport.storage.delete([...keys], { signal });
    } catch (error) {
      logger.warn('cannot remove a partial WAL segment that is archived whole', { name, reason: messageOf(error) });
    }
  }

  #reach(lsn: Lsn): void {
    if (lsn > this.#durable) this.#durable = lsn;
  }

  async #untilAvailable<T>(act: () => Promise<T>): Promise<T> {
    const { clock, logger, signal } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await act();
      } catch (error) {
        if (signal.aborted || !(error instanceof ArchiverError) || error.kind !== 'unavailable') throw error;
        const pauseMs = Math.min(firstPauseMs * 2 ** (attempt - 1), longestPauseMs);
        logger.warn('cannot archive yet, trying again; the server keeps its WAL meanwhile', {
          attempt,
          pauseMs,
          reason: messageOf(error),
        });
        await clock.sleep(pauseMs, signal);
      }
    }
  }
}

function partialName(name: string): string {
  return `${name}.partial`;
}

function withoutZeros(bytes: Buffer): Buffer {
  let length = bytes.length;
  while (length > 0 && bytes[length - 1] === 0) length -= 1;
  return bytes.subarray(0, length);
}
