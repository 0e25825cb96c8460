/** The binary logs that follow one of them by number, and which are missing in between. Pure. */
import { binlogNameOf, type BinlogName } from './binlog-name.ts';

/** Binary logs that are not there though later ones are. */
export interface MissingBinlogs {
  /** Name of the first. */
  readonly first: string;
  readonly count: number;
}

/** Those of one base name from a number on. */
export interface BinlogRun<B extends BinlogName> {
  /** By number. */
  readonly present: readonly B[];
  /** By number; none behind the last that is present. */
  readonly missing: readonly MissingBinlogs[];
}

/** The run that begins with a binary log, which may itself be missing. */
export function binlogRunFrom<B extends BinlogName>(
  binlogs: readonly B[],
  { base, number }: Pick<BinlogName, 'base' | 'number'>,
): BinlogRun<B> {
  const present = binlogs
    .filter((one) => one.base === base && one.number >= number)
    .toSorted((a, b) => a.number - b.number);
  const missing: MissingBinlogs[] = [];
  let expected = number;
  for (const one of present) {
    if (one.number > expected) {
      missing.push({ first: binlogNameOf(base, expected).name, count: one.number - expected });
    }
    expected = one.number + 1;
  }
  return { present, missing };
}
