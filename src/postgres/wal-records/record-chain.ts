/** Joins segments that follow one another: records that go from one into the next, and that none is missing in between. */
import { CorruptError } from '../../errors.ts';
import { formatLsn, toLsn } from '../lsn.ts';
import { readChanges, recordHeaderBytes, type ChangeListener } from './block-references.ts';
import type { WalLayout } from './layout.ts';
import { checkRecord, positionAt, type SegmentEdges } from './segment-scanner.ts';

const nothing = new Uint8Array(0);

/** A row of segments, oldest first. */
export class RecordChain {
  readonly #listener: ChangeListener;
  /** What is known of a record that has begun and not ended; empty: none has. */
  #begun: Uint8Array;
  #begunAt: number | undefined;
  /** Position of the last whole record; undefined where it is not known. */
  #last: number | undefined;
  /** A record that goes on here began before the first segment. */
  #inUnknown: boolean;

  /**
   * @param begun the beginning of a record from before the first segment; without it, a record that began there is
   *   skipped
   */
  constructor(listener: ChangeListener, begun?: Uint8Array) {
    this.#listener = listener;
    this.#begun = begun ?? nothing;
    this.#inUnknown = begun === undefined;
  }

  /** The beginning of a record that the last segment does not end; empty when there is none. A copy. */
  get begun(): Uint8Array {
    return this.#begun;
  }

  /**
   * Takes the next segment.
   *
   * @throws CorruptError when it does not follow the one before
   */
  follow(edges: SegmentEdges, layout: WalLayout): void {
    const { start, firstPrevious, lastRecord } = edges;
    if (start === 'continued') this.#continue(edges, layout);
    else if (this.#begun.length > 0 && start === 'fresh') throw broken('a record that began before it does not go on');
    else this.#begun = nothing;
    if (firstPrevious !== undefined && this.#last !== undefined && firstPrevious !== this.#last) {
      throw broken(`its first record does not follow the one at ${formatLsn(toLsn(BigInt(this.#last)))}`);
    }
    if (lastRecord !== undefined) this.#last = lastRecord;
    const goesThrough = start === 'continued' && edges.head.length < edges.headMissing;
    if (!goesThrough) this.#inUnknown = false;
    if (edges.tail.length === 0) return;
    this.#begun = Uint8Array.from(edges.tail);
    this.#begunAt = edges.tailRecord;
    if (edges.tail.length < recordHeaderBytes || this.#last === undefined) return;
    const view = new DataView(this.#begun.buffer);
    if (positionAt(view, 8) !== this.#last) throw broken('its last record does not follow the one before');
  }

  #continue({ head, headMissing }: SegmentEdges, layout: WalLayout): void {
    if (this.#begun.length === 0) {
      if (!this.#inUnknown) throw broken('it goes on with a record that never began');
      return;
    }
    const record = new Uint8Array(this.#begun.length + head.length);
    record.set(this.#begun);
    record.set(head, this.#begun.length);
    const view = new DataView(record.buffer);
    if (view.getUint32(0, true) !== this.#begun.length + headMissing) {
      throw broken('it goes on with another record than the one that began before it');
    }
    if (head.length < headMissing) {
      this.#begun = record;
      return;
    }
    checkRecord(record, view, 0, this.#begunAt ?? 0);
    readChanges(view, 0, record.length, { layout, listener: this.#listener });
    this.#begun = nothing;
    this.#last = this.#begunAt;
  }
}

function broken(what: string): CorruptError {
  return new CorruptError(`WAL segment does not continue the one before: ${what}`);
}
