/** Decides of each transaction on the way whether it is wanted, and where the way ends. Pure; one for each replay. */
import type { TimeNs } from '../../../catalog/time.ts';
import { CorruptError, type ArchiverError } from '../../../errors.ts';
import type { BinlogTransaction } from '../events/transaction-tracker.ts';
import { emptyGtidSet, flavorOfGtid, parseGtidSet, type GtidSet } from '../gtid/gtid-set.ts';
import { endsWith, targetBeforeStart } from './before-start.ts';
import { requireContinuation } from './continues.ts';
import { awaitedGtids } from './executed-target.ts';
import type { BinlogRange, RangeStep } from './plan.ts';
import { describeTarget } from './target.ts';

/**
 * What becomes of a transaction: the start has it already (`before`), another binary log had it (`known`), it is `wanted`,
 * it and all that follow lie behind the target (`behind`), or its end is missing (`cut`).
 */
export type Verdict = 'before' | 'known' | 'wanted' | 'behind' | 'cut';

/** How far a replay came. */
export interface Reached {
  readonly binlog: string;
  /** Where the last wanted transaction ends. */
  readonly position: number;
  /** The last one; undefined where there are none. */
  readonly gtid: string | undefined;
  readonly time: TimeNs;
}

/** A way that is being gone. */
export class RangeCursor {
  readonly #range: BinlogRange;
  #step: RangeStep | undefined;
  #executed: GtidSet | undefined;
  #last: Reached | undefined;
  #isBehind = false;
  /** The binary log before ended in the midst of something. */
  #brokeOff: string | undefined;
  #transactions = 0;
  /** Of the last transaction of the binary log, whatever became of it. */
  #lastGtid: string | undefined;
  /** What the target still waits for; undefined where sets of GTIDs tell it. */
  #awaited: Set<string> | undefined;
  /** Only where something is asked of it: keeping account of each transaction costs time. */
  readonly #counts: boolean;

  constructor(range: BinlogRange) {
    this.#range = range;
    this.#executed = range.start.gtids;
    this.#awaited = awaitedGtids(range.target, range.start, range.steps[0]);
    this.#counts =
      range.target.by === 'gtid' || range.steps.some(({ skipsKnown, mayEndEarly }) => skipsKnown || mayEndEarly);
  }

  /** The target was passed: nothing that follows is wanted. */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  /** The last wanted transaction. */
  get last(): Reached | undefined {
    return this.#last;
  }

  /** How many were wanted. */
  get transactions(): number {
    return this.#transactions;
  }

  /**
   * Looks back when all is done; before anything was applied if nothing was wanted.
   *
   * @throws CorruptError when a GTID of the target never came, ArchiverError (`usage`) when the target lies before the start
   */
  finish(): void {
    const { target, isReached } = this.#range;
    if (target.by !== 'gtid' || !isReached || this.#range.steps.length === 0) return;
    if (!this.#hasAll(target.gtids)) {
      throw new CorruptError(`the binary logs do not have the transactions of ${describeTarget(target)}`);
    }
    if (this.#transactions === 0 && this.#executed && !endsWith(this.#executed, target.gtids)) throw this.#tooLate();
  }

  #hasAll(gtids: GtidSet): boolean {
    return this.#awaited === undefined ? this.#executed?.covers(gtids) === true : this.#awaited.size === 0;
  }

  /** Says that the binary log ended in the midst of something, which was never committed. */
  breakOff(): void {
    this.#brokeOff = this.#step?.binlog.name;
  }

  /** Begins with a binary log. @throws CorruptError when the one before lacks transactions at its end, or is another's */
  enter(step: RangeStep): void {
    const { previousGtids } = step.head;
    const before = this.#step;
    this.#step = step;
    const lost = this.#brokeOff !== undefined && this.#executed && previousGtids?.subtract(this.#executed);
    if (lost !== undefined && lost !== false && !lost.isEmpty) {
      throw new CorruptError(`"${this.#brokeOff ?? ''}" is cut off: it lacks transactions up to ${lost.toString()}`, {
        hint: 'Where the server still has the log, compare it with that.',
      });
    }
    this.#brokeOff = undefined;
    if (before !== undefined && !this.#isBehind) requireContinuation(before, this.#lastGtid, step);
    this.#lastGtid = undefined;
    if (!this.#counts || previousGtids === undefined || step.skipsKnown) return;
    this.#executed = this.#executed?.union(previousGtids) ?? previousGtids;
  }

  /**
   * Takes the next transaction of the binary log.
   *
   * @throws ArchiverError (`usage`) when the target lies before the start
   */
  judge(transaction: BinlogTransaction): Verdict {
    const step = this.#step;
    if (step === undefined) throw new Error('no binary log was entered');
    if (this.#isBehind) return 'behind';
    const { gtid } = transaction;
    if (transaction.isComplete) this.#lastGtid = gtid;
    if (transaction.start < step.from || this.#isTooEarly(transaction)) {
      if (this.#range.target.by === 'time' && this.#isBehindTarget(step, transaction)) throw this.#tooLate();
      this.#execute(gtid);
      return 'before';
    }
    if (step.skipsKnown && gtid !== undefined && this.#executed?.containsGtid(gtid) === true) {
      const isOfStart = this.#range.start.skipsKnown === true && this.#transactions === 0;
      if (isOfStart && this.#range.target.by !== 'gtid' && this.#isBehindTarget(step, transaction))
        throw this.#tooLate();
      this.#awaited?.delete(gtid);
      return 'known';
    }
    if (this.#isBehindTarget(step, transaction)) {
      this.#isBehind = true;
      return 'behind';
    }
    if (!transaction.isComplete) return 'cut';
    this.#execute(gtid);
    this.#transactions += 1;
    const time = timeOf(transaction);
    this.#last = { binlog: step.binlog.name, position: transaction.end, gtid: gtid ?? this.#last?.gtid, time };
    return 'wanted';
  }

  #isTooEarly(transaction: BinlogTransaction): boolean {
    const { sinceTime } = this.#range.start;
    return sinceTime !== undefined && this.#transactions === 0 && timeOf(transaction) < sinceTime;
  }

  #isBehindTarget({ binlog }: RangeStep, transaction: BinlogTransaction): boolean {
    const { target } = this.#range;
    switch (target.by) {
      case 'end':
        return false;
      case 'time':
        return timeOf(transaction) >= target.time;
      case 'position':
        return binlog.name === target.binlog && transaction.end > target.position;
      case 'gtid':
        if (!this.#hasAll(target.gtids)) return false;
        if (this.#transactions === 0 && this.#executed && !endsWith(this.#executed, target.gtids))
          throw this.#tooLate();
        return true;
    }
  }

  #tooLate(): ArchiverError {
    return targetBeforeStart(this.#range.start, this.#range.target);
  }

  #execute(gtid: string | undefined): void {
    if (!this.#counts || gtid === undefined) return;
    this.#awaited?.delete(gtid);
    const flavor = flavorOfGtid(gtid);
    if (flavor === undefined) return;
    this.#executed = (this.#executed ?? emptyGtidSet(flavor)).union(parseGtidSet(gtid, flavor));
  }
}

/** When it was committed, as exactly as its log tells. */
export function timeOf({ timestamp, committedMicros }: BinlogTransaction): TimeNs {
  return committedMicros === undefined ? BigInt(timestamp) * 1_000_000_000n : committedMicros * 1000n;
}
