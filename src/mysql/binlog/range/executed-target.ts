/**
 * Whether the very transactions that a target names were executed. Positions of MariaDB only say how far the numbers of a
 * domain have come: after 0-1-49 and 0-1-60, 0-1-50 seems to be among them, but nothing ever had that GTID.
 */
import { ArchiverError } from '../../../errors.ts';
import { readTransactions } from '../events/transactions.ts';
import { formatMariadbGtid, MariadbGtidPosition, type MariadbGtid } from '../gtid/mariadb-gtid-position.ts';
import type { RangeStart, RangeStep } from './plan.ts';
import { describeTarget, type BinlogTarget } from './target.ts';

/**
 * The transactions that are to come before the target is reached, as their GTIDs are spelled; undefined where sets are exact
 * (MySQL), or the target is none.
 */
export function awaitedGtids(
  target: BinlogTarget,
  start: Pick<RangeStart, 'gtids'>,
  first: Pick<RangeStep, 'head' | 'skipsKnown'> | undefined,
): Set<string> | undefined {
  if (target.by !== 'gtid' || !(target.gtids instanceof MariadbGtidPosition)) return undefined;
  const before = [start.gtids, first?.skipsKnown === true ? undefined : first?.head.previousGtids];
  const awaited = target.gtids.gtids.filter((gtid) => !before.some((known) => hasGone(known, gtid)));
  return new Set(awaited.map(formatMariadbGtid));
}

/**
 * Reads the binary logs in which the target must lie.
 *
 * @throws ArchiverError (`usage`) when one of its GTIDs is not there; CorruptError, the storage's errors
 */
export async function requireExecuted(
  target: BinlogTarget,
  {
    start,
    steps,
    signal,
  }: { readonly start: RangeStart; readonly steps: readonly RangeStep[]; readonly signal: AbortSignal },
): Promise<void> {
  const awaited = awaitedGtids(target, start, steps[0]);
  if (target.by !== 'gtid' || awaited === undefined || !(target.gtids instanceof MariadbGtidPosition)) return;
  for (const gtid of target.gtids.gtids) {
    if (!awaited.has(formatMariadbGtid(gtid))) continue;
    const step = steps.findLast(({ head }, index) => index === 0 || !hasGone(head.previousGtids, gtid));
    if (step === undefined || (await hasTransaction(step, formatMariadbGtid(gtid), signal))) continue;
    throw new ArchiverError('usage', `no transaction had the GTID ${formatMariadbGtid(gtid)}`, {
      hint: `Of its domain "${step.binlog.name}" has other ones, as mariadb-binlog shows. Give --until a GTID from there instead of ${describeTarget(target)}, a time or a position.`,
    });
  }
}

function hasGone(known: RangeStart['gtids'], gtid: MariadbGtid): boolean {
  return known?.containsGtid(formatMariadbGtid(gtid)) === true;
}

async function hasTransaction(
  { binlog, mayEndEarly }: RangeStep,
  wanted: string,
  signal: AbortSignal,
): Promise<boolean> {
  const source = await binlog.open({ signal });
  for await (const { gtid } of readTransactions(source, { name: binlog.name, mayBeCut: mayEndEarly })) {
    if (gtid === wanted) return true;
  }
  return false;
}
