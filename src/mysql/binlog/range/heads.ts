/** The beginnings and the ends of binary logs, each read once. */
import { mapConcurrently } from '../../../pipeline/concurrency.ts';
import { summarize, type BinlogSummary } from '../events/summarize.ts';
import { readHead, type BinlogHead } from './head.ts';
import type { BinlogSource } from './source.ts';

/** Reads and remembers. */
export class BinlogHeads {
  readonly #heads = new Map<string, Promise<BinlogHead>>();
  readonly #summaries = new Map<string, Promise<BinlogSummary>>();
  readonly #concurrency: number;
  readonly #signal: AbortSignal;

  constructor({ concurrency, signal }: { readonly concurrency: number; readonly signal: AbortSignal }) {
    this.#concurrency = concurrency;
    this.#signal = signal;
  }

  /** The beginning of one. @throws CorruptError, the storage's errors */
  head(binlog: BinlogSource): Promise<BinlogHead> {
    return remembered(this.#heads, binlog.name, async () =>
      readHead(await binlog.open({ signal: this.#signal }), binlog.name),
    );
  }

  /** The beginnings of as many as are read at once, side by side, unless that of the first is known. */
  async ahead(binlogs: readonly BinlogSource[], from: number): Promise<void> {
    const first = binlogs[from];
    if (first === undefined || this.#heads.has(first.name)) return;
    const some = binlogs.slice(from, from + this.#concurrency).filter(({ base }) => base === first.base);
    await mapConcurrently(some, this.#concurrency, (binlog) => this.head(binlog));
  }

  /** All of one, read to its end. @throws CorruptError, the storage's errors */
  summary(binlog: BinlogSource): Promise<BinlogSummary> {
    return remembered(this.#summaries, binlog.name, async () => {
      const { isInUse } = await this.head(binlog);
      const source = await binlog.open({ signal: this.#signal });
      return summarize(source, { name: binlog.name, mayBeCut: isInUse || binlog.isTail });
    });
  }
}

function remembered<T>(known: Map<string, Promise<T>>, name: string, read: () => Promise<T>): Promise<T> {
  const reading = known.get(name) ?? read();
  known.set(name, reading);
  return reading;
}
