/** What a catchup takes of the primary: pages that a standby at some LSN cannot have, and all files that have no pages. */
import { ArchiverError } from '../../errors.ts';
import type { ClusterWalk } from '../cluster/walk.ts';
import type { BegunBackup } from '../delta/prove-base.ts';
import { formatLsn, type Lsn } from '../lsn.ts';

/** What is asked for. */
export interface CatchupWish {
  /** The standby has all changes before it. */
  readonly fromLsn: Lsn;
}

/** The standby has its own. */
const configuration = new Set(['pg_hba.conf', 'postgresql.conf', 'postgresql.auto.conf']);

/** The walk over a data directory, without the files that configure a server. */
export function catchupWalk(walk: ClusterWalk): ClusterWalk {
  const entries = walk.entries.filter(
    ({ name, type }) => type === 'directory' || !configuration.has(name.slice(name.lastIndexOf('/') + 1)),
  );
  return { ...walk, entries, fileBytes: entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) };
}

/** @throws ArchiverError (kind `usage`) when the standby claims to be ahead of the server */
export function requireReached({ fromLsn }: CatchupWish, { startLsn }: Pick<BegunBackup, 'startLsn'>): void {
  if (fromLsn <= startLsn) return;
  throw new ArchiverError(
    'usage',
    `--from-lsn is ${formatLsn(fromLsn)}, and the server is only at ${formatLsn(startLsn)}`,
    { hint: 'Give the LSN that catchup-fetch names for the standby, and push from its primary.' },
  );
}
