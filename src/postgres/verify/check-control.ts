/** Whether the control file of a backup is that of this backup. Pure. */
import type { ControlFile } from '../control-file.ts';
import type { Sentinel } from '../backup/sentinel.ts';
import { formatLsn } from '../lsn.ts';

/** Majors by `pg_control_version`. */
const majorsOf: ReadonlyMap<number, readonly [number, number]> = new Map([
  [1300, [13, 16]],
  [1700, [17, 17]],
  [1800, [18, 18]],
]);

/** @returns what contradicts the sentinel; its cluster was compared when it was read */
export function contradictionsOf(control: ControlFile, sentinel: Sentinel): readonly string[] {
  const { startLsn, finishLsn, pgVersion } = sentinel;
  const { checkpoint, controlVersion, blockBytes } = control;
  const found: string[] = [];
  const major = Math.floor(pgVersion / 10_000);
  const [lowest, highest] = majorsOf.get(controlVersion) ?? [major, major];
  if (pgVersion > 0 && (major < lowest || major > highest)) {
    found.push(`is of another version of PostgreSQL than the backup, which is of ${major}`);
  }
  if (blockBytes !== 8192) found.push(`names pages of ${blockBytes} bytes`);
  if (startLsn !== undefined && checkpoint.redo < startLsn) {
    found.push(
      `is older than the backup: its checkpoint starts at ${formatLsn(checkpoint.redo)}, the backup at ${formatLsn(startLsn)}`,
    );
  }
  if (finishLsn !== undefined && checkpoint.lsn > finishLsn) {
    found.push(
      `is younger than the backup: its checkpoint is at ${formatLsn(checkpoint.lsn)}, the backup ended at ${formatLsn(finishLsn)}`,
    );
  }
  return found;
}
