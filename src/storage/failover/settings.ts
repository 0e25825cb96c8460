/** Settings of failover storages (`storages.md` 9.1 of the specification). */
import { boolean, byteSize, duration } from '../../config/parsers.ts';
import { optionalSetting, setting, type Parser } from '../../config/setting.ts';
import { storageMap } from '../named-storages.ts';

/** Strictly between 0 and 1. */
const fraction: Parser<number> = {
  type: 'number',
  allowed: 'a number between 0 and 1, neither of them included',
  parse(text) {
    const number = /^\d*\.\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
    if (!(number > 0 && number < 1)) throw new Error('not a fraction');
    return number;
  },
};

/** Which storages there are, and when one counts as dead. */
export const failoverSettings = {
  storages: optionalSetting(
    'WALG_FAILOVER_STORAGES',
    storageMap,
    'Storages to turn to when the primary one is dead: a map in the configuration file from names to settings. See docs/several-storages.md.',
    { secret: true },
  ),
  check: setting(
    'WALG_FAILOVER_STORAGES_CHECK',
    boolean,
    'true',
    'Check whether storages are alive, when there are failover storages. Without it the first one is taken for alive.',
  ),
  checkTimeout: setting(
    'WALG_FAILOVER_STORAGES_CHECK_TIMEOUT',
    duration,
    '30s',
    'A storage that has not done what a check asks of it within this time is dead.',
  ),
  checkSize: setting(
    'WALG_FAILOVER_STORAGES_CHECK_SIZE',
    byteSize(),
    '1mb',
    'Size of the object that the check of a command that pushes writes and deletes.',
    { unit: 'bytes' },
  ),
  cacheLifetime: setting(
    'WALG_FAILOVER_STORAGES_CACHE_LIFETIME',
    duration,
    '15m',
    'So long it is believed what was found out about a storage.',
  ),
  aliveLimit: setting(
    'WALG_FAILOVER_STORAGES_CACHE_EMA_ALIVE_LIMIT',
    fraction,
    '0.99',
    'A dead storage is alive again when this share of what it was asked for succeeded; at least that of …_DEAD_LIMIT.',
  ),
  deadLimit: setting(
    'WALG_FAILOVER_STORAGES_CACHE_EMA_DEAD_LIMIT',
    fraction,
    '0.88',
    'A storage is dead when less than this share of what it was asked for succeeded.',
  ),
  alphaAliveMin: setting(
    'WALG_FAILOVER_STORAGES_CACHE_EMA_ALPHA_ALIVE_MIN',
    fraction,
    '0.01',
    'Weight of the newest operation of a storage that never failed.',
  ),
  alphaAliveMax: setting(
    'WALG_FAILOVER_STORAGES_CACHE_EMA_ALPHA_ALIVE_MAX',
    fraction,
    '0.05',
    'Weight of the newest operation of a storage that is nearly dead.',
  ),
  alphaDeadMin: setting(
    'WALG_FAILOVER_STORAGES_CACHE_EMA_ALPHA_DEAD_MIN',
    fraction,
    '0.1',
    'Weight of the newest operation of a dead storage that is nearly alive.',
  ),
  alphaDeadMax: setting(
    'WALG_FAILOVER_STORAGES_CACHE_EMA_ALPHA_DEAD_MAX',
    fraction,
    '0.5',
    'Weight of the newest operation of a storage that does nothing.',
  ),
};
