/** Settings of what tells which blocks changed. */
import { boolean } from '../../config/parsers.ts';
import { setting } from '../../config/setting.ts';

/** Of `wal-push` and `backup-push`. */
export const walDeltaSettings = {
  useWalDelta: setting(
    'WALG_USE_WAL_DELTA',
    boolean,
    'false',
    'Note in wal-push and wal-receive which blocks the WAL changes, in `_delta` objects, and let delta backups read only those blocks.',
  ),
};

/** Of `backup-push`. */
export const changedBlocksSettings = {
  ...walDeltaSettings,
  forceWalDelta: setting(
    'WALG_FORCE_WAL_DELTA',
    boolean,
    'false',
    'With WALG_USE_WAL_DELTA: fail where a delta backup would have to scan all files.',
  ),
  useSummaries: setting(
    'WALG_USE_WAL_SUMMARIES',
    boolean,
    'true',
    'Let delta backups of PostgreSQL 17 and newer read only the blocks that the WAL summaries of the server name, where summarize_wal is on. (walvault only)',
  ),
};
