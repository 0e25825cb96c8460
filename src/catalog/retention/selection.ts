/** What a rule says of the backups. */
import type { KeptLog } from './policy.ts';

/** How a backup is kept. */
export interface Keeping {
  readonly log: KeptLog;
  readonly reasons: readonly string[];
}

/** What a rule says of the backups. */
export interface Selection<B> {
  readonly kept: ReadonlyMap<B, Keeping>;
  /** Why all the others go. */
  readonly goesBecause: (backup: B) => string;
  /** Why nothing is to go at all; undefined: something may. */
  readonly nothing: string | undefined;
}

/** Keeps all of these for one reason. */
export function keepAll<B>(backups: Iterable<B>, reason: string, log: KeptLog = 'following'): Map<B, Keeping> {
  return new Map(Array.from(backups, (backup): [B, Keeping] => [backup, { log, reasons: [reason] }]));
}
