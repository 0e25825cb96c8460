/** What a rule says of the backups. */
import type { PlacedBackup } from './order.ts';
import type { KeptWal } from './policy.ts';

/** How a backup is kept. */
export interface Keeping {
  readonly wal: KeptWal;
  readonly reasons: readonly string[];
}

/** What a rule says of the backups. */
export interface Selection {
  readonly kept: ReadonlyMap<PlacedBackup, Keeping>;
  /** Why all the others go. */
  readonly goesBecause: (backup: PlacedBackup) => string;
  /** Why nothing is to go at all; undefined: something may. */
  readonly nothing: string | undefined;
}

/** Keeps all of these for one reason. */
export function keepAll(
  backups: Iterable<PlacedBackup>,
  reason: string,
  wal: KeptWal = 'following',
): Map<PlacedBackup, Keeping> {
  return new Map(Array.from(backups, (backup): [PlacedBackup, Keeping] => [backup, { wal, reasons: [reason] }]));
}
