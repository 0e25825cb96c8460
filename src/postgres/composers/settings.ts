/** Settings that choose a composer. */
import { boolean } from '../../config/parsers.ts';
import { setting } from '../../config/setting.ts';

/** Of several that are on, copy goes before database before rating. */
export const composerSettings = {
  rating: setting(
    'WALG_USE_RATING_COMPOSER',
    boolean,
    'false',
    'Put files that are seldom written into other parts than those often written; flag --rating-composer.',
  ),
  database: setting(
    'WALG_USE_DATABASE_COMPOSER',
    boolean,
    'false',
    'Put the files of each database into parts of their own; flag --database-composer.',
  ),
  copy: setting(
    'WALG_USE_COPY_COMPOSER',
    boolean,
    'false',
    'Make full backups and let the storage copy the parts of the latest one in which nothing changed; flag --copy-composer.',
  ),
};
