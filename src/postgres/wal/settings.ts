/** Settings of the WAL archive. */
import { boolean, duration, oneOf, path } from '../../config/parsers.ts';
import { optionalSetting, setting } from '../../config/setting.ts';

/** Of `wal-push`. */
export const walPushSettings = {
  preventOverwrite: setting(
    'WALG_PREVENT_WAL_OVERWRITE',
    boolean,
    'true',
    'Refuse to replace an archived WAL file by one with other content. WAL-G’s default is false. History files are always protected.',
  ),
  metadata: setting(
    'WALG_UPLOAD_WAL_METADATA',
    oneOf('NOMETADATA', 'INDIVIDUAL', 'BULK'),
    'NOMETADATA',
    'Store a JSON object with the time of each archived file, or of each 16 of them.',
  ),
  readyRename: setting(
    'PG_READY_RENAME',
    boolean,
    'false',
    'Tell the server at once about files that wal-push archived besides its own: rename their .ready to .done.',
  ),
};

/** Of `wal-fetch`. */
export const walFetchSettings = {
  prefetchDirectory: optionalSetting(
    'WALG_PREFETCH_DIR',
    path,
    'Where the folder .wal-g/prefetch for WAL fetched ahead is made. Unset: beside the file asked for.',
  ),
  retryBudgetMs: setting(
    'WALG_WAL_FETCH_RETRY_BUDGET',
    duration,
    '30s',
    'How long wal-fetch goes on trying when the storage does not answer. A standby is answered at once: it asks again itself.',
  ),
};

/** Of wal-fetch, and of backup-fetch, which looks how far it leads. */
export const partialSegmentSettings = {
  usesPartial: setting(
    'WALG_WAL_FETCH_PARTIAL',
    boolean,
    'true',
    'Give a server in archive recovery the unfinished segment of wal-receive (.partial) where the archive ends. A standby never gets it.',
  ),
};

/** Of both. */
export const walSettings = {
  check: setting(
    'WALG_WAL_CHECK',
    oneOf('strict', 'warn', 'off'),
    'strict',
    'What to do with a segment whose first page names another timeline, position, size or cluster than its name and the ' +
      'control file beside it: refuse it, warn, or do not look.',
  ),
};
