/** What somebody should do something about. */
import type { ErrorKind } from '../../errors.ts';

/** `failure`: recovery, up to the present or at all, is not possible. `warning`: it may not be some day. */
export type Severity = 'failure' | 'warning';

/** Something to be looked at. */
export interface Problem {
  readonly severity: Severity;
  /** Stable, for programs: `wal_gap`. */
  readonly name: string;
  /** What is wrong, in plain words. */
  readonly text: string;
  /** What to do, a full sentence. */
  readonly hint: string;
  /** Which exit status it stands for. */
  readonly kind: ErrorKind;
}

/** Failures first, otherwise in the order given. */
export function failuresFirst(problems: readonly Problem[]): readonly Problem[] {
  return problems.toSorted((a, b) => Number(b.severity === 'failure') - Number(a.severity === 'failure'));
}
