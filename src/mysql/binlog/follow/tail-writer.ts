/**
 * Stores the events of a binary log as they come, in runs. So that a log of a day does not become thousands of objects, some
 * short runs are followed by one that holds them all, and so on; what is in memory for that is at most one long run.
 */
import type { ByteSource } from '../../../bytes/stage.ts';
import { messageOf } from '../../../errors.ts';
import { pushObject } from '../../../pipeline/push-object.ts';
import type { Transport } from '../../../pipeline/transport.ts';
import type { Logger } from '../../../platform/logger.ts';
import type { Key } from '../../../storage/storage.ts';
import { runKey } from './run-key.ts';

/** What is stored where. */
export interface TailWriterOptions {
  readonly transport: Transport;
  /** File name. */
  readonly binlog: string;
  /** How much of the file is stored already. */
  readonly position: number;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** A run of this length is never written again; default 16 MiB. */
  readonly longRunBytes?: number;
}

interface WrittenRun {
  readonly key: Key;
  readonly start: number;
  readonly level: number;
}

/** So many runs of a level are followed by one of the next. */
const runsOfLevel = 8;
const slabBytes = 1 << 20;

/** The end of one binary log. */
export class TailWriter {
  readonly #options: TailWriterOptions;
  readonly #longRunBytes: number;
  /** What came since the last long run, in pieces that are full but the last. */
  #slabs: Buffer[] = [];
  /** Where in the file `#slabs` begins, and ends. */
  #base: number;
  #end: number;
  /** The runs since the last long one. */
  #written: WrittenRun[] = [];
  #stored: number;
  #last: Promise<void> = Promise.resolve();

  constructor(options: TailWriterOptions) {
    this.#options = options;
    this.#longRunBytes = options.longRunBytes ?? 16 << 20;
    this.#base = options.position;
    this.#end = options.position;
    this.#stored = options.position;
  }

  /** Where the last event ends that was appended. */
  get position(): number {
    return this.#end;
  }

  /** Up to here it is on the storage. */
  get stored(): number {
    return this.#stored;
  }

  /** It is time to {@link flush}: memory would grow too much. */
  get isFull(): boolean {
    return this.#end - this.#base >= this.#longRunBytes;
  }

  /** Takes whole events, and copies them. */
  append(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      let slab = this.#slabs.at(-1);
      const used = (this.#end - this.#base) % slabBytes;
      if (slab === undefined || used === 0) this.#slabs.push((slab = Buffer.allocUnsafe(slabBytes)));
      const piece = bytes.subarray(at, at + slabBytes - used);
      slab.set(piece, used);
      at += piece.length;
      this.#end += piece.length;
    }
  }

  /** Stores at least what was appended before the call. One call after another. @throws the storage's errors */
  flush(): Promise<void> {
    const turn = this.#last.then(() => this.#flush());
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #flush(): Promise<void> {
    const end = this.#end;
    if (end === this.#stored) return;
    const isLong = end - this.#base >= this.#longRunBytes;
    const replaced = isLong ? [...this.#written] : this.#mergeable();
    const start = replaced[0]?.start ?? this.#stored;
    const level = replaced[0] === undefined ? 0 : replaced[0].level + 1;
    const key = await this.#store(start, end);
    this.#written.splice(this.#written.length - replaced.length, replaced.length, { key, start, level });
    this.#stored = end;
    await this.#remove(replaced.map((run) => run.key));
    if (isLong) this.#forget(end);
  }

  /** The runs that the next one is to hold, too: of one level, if there are enough of them; then those of the next, … */
  #mergeable(): WrittenRun[] {
    let from = this.#written.length;
    for (;;) {
      const level = this.#written[from - 1]?.level;
      if (level === undefined) break;
      let first = from;
      while (this.#written[first - 1]?.level === level) first -= 1;
      if (from - first < runsOfLevel - 1) break;
      from = first;
    }
    return this.#written.slice(from);
  }

  async #store(start: number, end: number): Promise<Key> {
    const { transport, binlog, logger, signal } = this.#options;
    const { key, storedBytes } = await pushObject(
      transport,
      runKey(binlog, { start, end }),
      () => this.#bytes(start, end),
      { logger, signal },
    );
    logger.debug('run of events stored', { binlog, start, end, storedBytes });
    return key;
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- a ByteSource is what is stored
  async *#bytes(start: number, end: number): ByteSource {
    yield* this.#pieces(start, end);
  }

  /** They are needless, and do no harm: with the complete log they go at the latest. */
  async #remove(keys: readonly Key[]): Promise<void> {
    if (keys.length === 0) return;
    const { transport, logger, signal } = this.#options;
    try {
      await transport.storage.delete(keys, { signal });
    } catch (error) {
      logger.warn('cannot remove runs of events that a longer one has replaced', { reason: messageOf(error) });
    }
  }

  /** Of what is in memory, what came since. */
  #forget(end: number): void {
    const rest = [...this.#pieces(end, this.#end)];
    this.#slabs = [];
    this.#written = [];
    this.#base = end;
    this.#end = end;
    for (const piece of rest) this.append(piece);
  }

  *#pieces(start: number, end: number): Generator<Buffer> {
    for (let at = start; at < end;) {
      const offset = at - this.#base;
      const slab = this.#slabs[Math.floor(offset / slabBytes)];
      if (slab === undefined) throw new Error('a run begins before what is in memory');
      const piece = slab.subarray(offset % slabBytes, Math.min(slabBytes, (offset % slabBytes) + end - at));
      yield piece;
      at += piece.length;
    }
  }
}
