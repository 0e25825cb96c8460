/** In which order backups are verified. Pure. */
import type { VerifyReport } from './report.ts';

/**
 * The backups that a budget is spent on first: those that were begun and not finished, then those never proven, then those
 * proven longest ago. Backups come before those that build on them where both are alike.
 *
 * @param backups oldest first
 */
export function inVerifyOrder(
  backups: readonly string[],
  reports: ReadonlyMap<string, VerifyReport>,
): readonly string[] {
  const rank = (backup: string): readonly [number, bigint] => {
    const report = reports.get(backup);
    if (report?.round !== undefined) return [0, report.round.since];
    if (report === undefined) return [1, 0n];
    return [2, report.checkedAt];
  };
  const ranks = new Map(backups.map((backup) => [backup, rank(backup)]));
  return backups.toSorted((a, b) => {
    const [kindA, timeA] = ranks.get(a) ?? [1, 0n];
    const [kindB, timeB] = ranks.get(b) ?? [1, 0n];
    return kindA - kindB || (timeA < timeB ? -1 : timeA > timeB ? 1 : 0);
  });
}
