/**
 * Which binary log follows which. Within one server's logs that is the next number. Where a number is missing or another
 * server went on (under the same names or its own), GTIDs must prove that no transaction is lost; else there is a gap.
 */
import { ArchiverError } from '../../../errors.ts';
import { binlogNameOf } from '../binlog-name.ts';
import type { GtidSet } from '../gtid/gtid-set.ts';
import { findContinuation } from './continuation.ts';
import type { BinlogHeads } from './heads.ts';
import type { RangeStep } from './plan.ts';
import type { BinlogSource } from './source.ts';

/** Binary logs that a replay needs are not in the archive. */
export class BinlogGapError extends ArchiverError {
  constructor(what: string) {
    super('archiveMissing', `the archive has a gap: ${what}`, {
      hint: 'Push what is missing with binlog-push if a server still has it; or give a target before the gap with --until, or restore a backup that was made after it.',
    });
  }
}

/** The first step and those that follow, as far as they are asked for. */
export interface ChainStart {
  readonly binlog: BinlogSource;
  readonly from: number;
  readonly skipsKnown: boolean;
  /** What was executed before the first step, if known. */
  readonly gtids: GtidSet | undefined;
}

/** What a chain is made of. */
export interface ChainContext {
  /** All of the archive, by base and number. */
  readonly binlogs: readonly BinlogSource[];
  readonly heads: BinlogHeads;
  /** Gets what is worth knowing. */
  readonly note: (text: string) => void;
}

/**
 * Gives one step after another, until the archive ends.
 *
 * @throws BinlogGapError in the place of a step that is missing
 */
export async function* followChain(start: ChainStart, context: ChainContext): AsyncGenerator<RangeStep> {
  const { binlogs, heads } = context;
  let step: Pick<RangeStep, 'binlog' | 'from' | 'skipsKnown'> = start;
  /** What all steps before the current one have executed. */
  let carried = start.gtids;
  const bases = new Set<string>();
  const indexes = new Map(binlogs.map(({ name }, index) => [name, index]));
  for (;;) {
    const { binlog, from, skipsKnown } = step;
    const head = await heads.head(binlog);
    yield { binlog, head, from, skipsKnown, mayEndEarly: head.isInUse || binlog.isTail };
    bases.add(binlog.base);
    const after = (indexes.get(binlog.name) ?? binlogs.length) + 1;
    const next = binlogs[after]?.base === binlog.base ? binlogs[after] : undefined;
    await heads.ahead(binlogs, after);
    const endState = async (): Promise<GtidSet | undefined> => {
      const { endGtids } = await heads.summary(binlog);
      return (carried = endGtids === undefined ? carried : (carried?.union(endGtids) ?? endGtids));
    };
    if (next !== undefined && (await isPlainSuccessor(binlog, next, heads))) {
      step = { binlog: next, from: 4, skipsKnown };
      continue;
    }
    if (next !== undefined && !(await isLeftover(binlog, next, heads))) {
      const state = await endState();
      const previous = (await heads.head(next)).previousGtids;
      if (state !== undefined && previous !== undefined && !previous.isEmpty && state.covers(previous)) {
        context.note(`"${next.name}" follows "${binlog.name}" without loss, as GTIDs tell`);
        step = { binlog: next, from: 4, skipsKnown: true };
        continue;
      }
      const other = state && (await findContinuation(state, { ...context, without: bases }));
      if (other === undefined) throw gapBetween(binlog, next, previous, state);
      context.note(`"${other.name}", of another server, follows "${binlog.name}", as GTIDs tell`);
      step = { binlog: other, from: 4, skipsKnown: true };
      continue;
    }
    if (next !== undefined) context.note(`"${next.name}" is of an earlier history than "${binlog.name}", and left out`);
    const hasOtherBases = binlogs.some(({ base }) => !bases.has(base));
    const state = hasOtherBases ? await endState() : undefined;
    const other = state && (await findContinuation(state, { ...context, without: bases }));
    if (other === undefined) return;
    context.note(`"${other.name}", of another server, follows "${binlog.name}", as GTIDs tell`);
    step = { binlog: other, from: 4, skipsKnown: true };
  }
}

/** The next number, by the same server, and begun after it. Where only a beginning was followed, more came in between. */
async function isPlainSuccessor(binlog: BinlogSource, next: BinlogSource, heads: BinlogHeads): Promise<boolean> {
  if (next.number !== binlog.number + 1) return false;
  if (binlog.isTail && (await heads.summary(binlog)).closedBy === undefined) return false;
  const [before, after] = [await heads.head(binlog), await heads.head(next)];
  if (before.serverId !== after.serverId || before.flavor !== after.flavor) return false;
  const isAhead = before.previousGtids === undefined || after.previousGtids?.covers(before.previousGtids) !== false;
  return isAhead && after.timestamp >= before.timestamp - clockToleranceS;
}

/** How far the clock of a server may be set back without its logs counting as another history. */
const clockToleranceS = 600;

/** It stayed in the archive from before the logs were reset: it is older, and not what comes after `binlog`. */
async function isLeftover(binlog: BinlogSource, next: BinlogSource, heads: BinlogHeads): Promise<boolean> {
  const [before, after] = [await heads.head(binlog), await heads.head(next)];
  if (after.timestamp >= before.timestamp) return false;
  if (before.previousGtids === undefined || after.previousGtids === undefined) return true;
  return !after.previousGtids.covers(before.previousGtids) || after.timestamp < before.timestamp - clockToleranceS;
}

function gapBetween(
  binlog: BinlogSource,
  next: BinlogSource,
  previous: GtidSet | undefined,
  state: GtidSet | undefined,
): BinlogGapError {
  const lost = state && previous?.subtract(state);
  const which = lost === undefined || lost.isEmpty ? '' : `, with the transactions up to ${lost.toString()}`;
  const first = binlogNameOf(binlog.base, binlog.number + 1).name;
  const last = binlogNameOf(binlog.base, next.number - 1).name;
  if (next.number === binlog.number + 1 && binlog.isTail) {
    return new BinlogGapError(`of "${binlog.name}" only the first ${binlog.sizeBytes} bytes were stored${which}`);
  }
  if (next.number === binlog.number + 1) {
    return new BinlogGapError(`"${next.name}" is of another server and does not continue "${binlog.name}"${which}`);
  }
  if (first === last) return new BinlogGapError(`"${first}" is missing${which}`);
  return new BinlogGapError(
    `"${first}" to "${last}" are missing (${next.number - binlog.number - 1} binary logs)${which}`,
  );
}
