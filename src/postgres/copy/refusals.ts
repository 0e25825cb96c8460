/** What keeps a copy from being made. Pure. */
import { ArchiverError } from '../../errors.ts';
import type { PostgresCopyPlan } from './plan.ts';

/**
 * Why nothing may be copied: WAL that a backup needs, or a gap behind them. Bases only come along: what is missing of their
 * own WAL is not needed to restore what was asked for.
 */
export function lackError({ missingWal, backups }: PostgresCopyPlan): ArchiverError | undefined {
  const bases = new Set(backups.filter(({ isBase }) => isBase).map(({ name }) => name));
  const [first] = missingWal.filter(({ backup }) => backup === undefined || !bases.has(backup));
  if (first === undefined) return undefined;
  const whose = first.backup === undefined ? '' : `, which "${first.backup}" needs`;
  return new ArchiverError('missing', `the source lacks WAL: "${first.first}"${whose}`, {
    hint: 'Nothing was copied. Copy what is there with --allow-missing-wal.',
  });
}
