/** Settings of mirrors. */
import { duration } from '../../config/parsers.ts';
import { optionalSetting, setting, type Parser } from '../../config/setting.ts';
import { storageMap } from '../named-storages.ts';

/** `all`, or how many. */
const quorum: Parser<number> = {
  type: 'number or all',
  allowed: 'a whole number from 1, or all',
  parse(text) {
    const trimmed = text.trim();
    if (trimmed === 'all') return Number.POSITIVE_INFINITY;
    if (!/^[1-9]\d{0,3}$/.test(trimmed)) throw new Error('not a number of storages');
    return Number(trimmed);
  },
};

/** Which storages hold a copy of everything, and how many must have it. */
export const mirrorSettings = {
  storages: optionalSetting(
    'WALG_MIRROR_STORAGES',
    storageMap,
    'Storages that get a copy of everything: a map in the configuration file from names to settings. See docs/several-storages.md. (walvault only)',
    { secret: true },
  ),
  quorum: setting(
    'WALG_MIRROR_QUORUM',
    quorum,
    'all',
    'How many storages, the primary one among them, must have an object before it counts as stored. (walvault only)',
  ),
  patience: setting(
    'WALG_MIRROR_PATIENCE',
    duration,
    '2m',
    'A mirror that takes no bytes for so long while others wait for it is left behind, if enough others remain. (walvault only)',
  ),
};
