/** How many transfers run at once, how fast, and how often they are tried. Defaults: `config.md` 5 of the specification. */
import { integer } from '../config/parsers.ts';
import { optionalSetting, setting } from '../config/setting.ts';

const count = integer({ min: 1, max: 10_000 });
const bytesPerSecond = integer({ min: 1 });

/** Of everything that pushes. */
export const uploadSettings = {
  concurrency: setting(
    'WALG_UPLOAD_CONCURRENCY',
    count,
    '16',
    'Objects uploaded at once. wal-push sends one segment fewer in the background; 1 turns that off.',
  ),
  diskConcurrency: optionalSetting(
    'WALG_UPLOAD_DISK_CONCURRENCY',
    count,
    'Tar parts of a base backup that are read, compressed and uploaded at once, each by a thread of its own, at most WALG_UPLOAD_CONCURRENCY. Unset: one for every two CPUs, at least 2.',
  ),
  queue: setting(
    'WALG_UPLOAD_QUEUE',
    count,
    '2',
    'Accepted as in WAL-G, where it bounds the finished tar parts that wait; here none does: a part is uploaded while it is read.',
  ),
  backgroundLimit: setting(
    'TOTAL_BG_UPLOADED_LIMIT',
    integer({ min: 0, max: 10_000 }),
    '32',
    'WAL segments that one wal-push uploads, its own included.',
  ),
  diskRateLimit: optionalSetting(
    'WALG_DISK_RATE_LIMIT',
    bytesPerSecond,
    'Limit on reading the data directory in a base backup. Unset: none.',
    { unit: 'bytes/s' },
  ),
};

/** Of everything that fetches. */
export const downloadSettings = {
  concurrency: setting(
    'WALG_DOWNLOAD_CONCURRENCY',
    count,
    '10',
    'Objects fetched at once, and WAL segments fetched ahead; 1 turns fetching ahead off.',
  ),
  fileRetries: setting(
    'WALG_DOWNLOAD_FILE_RETRIES',
    integer({ min: 0, max: 10_000 }),
    '15',
    'How often tar parts that could not be fetched are tried again in backup-fetch.',
  ),
};

/** Of both directions. */
export const networkSettings = {
  rateLimit: optionalSetting(
    'WALG_NETWORK_RATE_LIMIT',
    bytesPerSecond,
    'Limit on all bytes to and from the storage, in base backups and restores. Unset: none.',
    { unit: 'bytes/s' },
  ),
};
