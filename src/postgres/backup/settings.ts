/** Settings of backup-push. */
import { userDataSettings } from '../../catalog/user-data-settings.ts';
import { boolean, duration, integer } from '../../config/parsers.ts';
import { setting } from '../../config/setting.ts';

/** What a pushed backup is like. */
export const backupSettings = {
  tarSizeThreshold: setting(
    'WALG_TAR_SIZE_THRESHOLD',
    integer({ min: 1 }),
    '1073741823',
    'Most bytes of files in one tar part, unless it is a single file. Parts are made smaller where that keeps all threads busy.',
    { unit: 'bytes' },
  ),
  userData: userDataSettings.pushed,
  withoutFilesMetadata: setting(
    'WALG_WITHOUT_FILES_METADATA',
    boolean,
    'false',
    'Store no files_metadata.json; flag --without-files-metadata.',
  ),
  disablePartialRestore: setting(
    'WALG_DISABLE_PARTIAL_RESTORE',
    boolean,
    'false',
    'Do not record the names of databases and relations, which a partial restore needs.',
  ),
  verify: setting(
    'WALG_VERIFY_PAGE_CHECKSUMS',
    boolean,
    'false',
    'Verify the checksums of pages while they are pushed; damaged ones are recorded and told of; flag --verify.',
  ),
  storeAllCorrupt: setting(
    'WALG_STORE_ALL_CORRUPT_BLOCKS',
    boolean,
    'false',
    'Record all damaged pages of a file, not only ten; flag --store-all-corrupt.',
  ),
  walWaitTimeout: setting(
    'WALG_WAL_WAIT_TIMEOUT',
    duration,
    '60s',
    'How long backup-push waits, after the backup, for the WAL that it needs to appear in the archive. (walvault only)',
  ),
  requireWal: setting(
    'WALG_REQUIRE_WAL',
    boolean,
    'false',
    'Fail, without a usable backup, when the WAL that it needs is not in the archive in time. Default: warn. (walvault only)',
  ),
};
