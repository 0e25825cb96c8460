/** Settings of `wal-verify`. */
import { integer } from '../../config/parsers.ts';
import { setting } from '../../config/setting.ts';

/** How much of the newest WAL may be missing without being lost. */
export const walVerifySettings = {
  maxDelayed: setting(
    'WALG_INTEGRITY_MAX_DELAYED_WALS',
    integer({ min: 0 }),
    '0',
    'Newest segments that wal-verify takes for delayed when they are missing, and not for lost.',
  ),
};
