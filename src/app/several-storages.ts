/** Opens what the settings say of several storages: failover storages or mirrors, or one of them alone. */
import { readSettings, type RawSettings } from '../config/setting.ts';
import { nearest } from '../config/distance.ts';
import { ArchiverError } from '../errors.ts';
import { systemClock } from '../platform/clock.ts';
import type { Logger } from '../platform/logger.ts';
import { failoverSettings } from '../storage/failover/settings.ts';
import { mirrorSettings } from '../storage/mirror/settings.ts';
import {
  defaultStorageName,
  placeOf,
  settingsOfMember,
  storageNamed,
  type OpenedMember,
  type StorageMap,
} from '../storage/named-storages.ts';
import { openStorage } from '../storage/open.ts';
import { openedLater } from '../storage/opened-later.ts';
import { defaultRetryPolicy, withRetry } from '../storage/retry.ts';
import { openUploadBuffers } from '../storage/upload-buffers.ts';
import { knownSettingNames } from './settings.ts';
import type { ChosenStorage, StorageOptions } from './transport.ts';

/** A storage that the settings name. */
export interface ConfiguredStorages {
  readonly kind: 'failover' | 'mirrors' | 'one';
  /** The primary one first, then by name. Nothing has been asked of them. */
  readonly storages: readonly OpenedMember[];
}

/**
 * All storages of the settings, to be opened when they are used.
 *
 * @throws ArchiverError (`config`) when they cannot be used together
 */
export function configuredStorages(raw: RawSettings, logger: Logger): ConfiguredStorages {
  const { storages: failovers } = readSettings(failoverSettings, raw);
  const { storages: mirrors } = readSettings(mirrorSettings, raw);
  if (failovers !== undefined && mirrors !== undefined) {
    throw new ArchiverError('config', 'WALG_FAILOVER_STORAGES and WALG_MIRROR_STORAGES are both set', {
      hint: 'Keep one of them: either everything goes to all storages, or to one that is alive.',
    });
  }
  const others: StorageMap = failovers ?? mirrors ?? new Map();
  warnOfUnknown(others, logger);
  const buffers = openUploadBuffers(raw);
  const named = [...others].sort(([a], [b]) => (a < b ? -1 : 1));
  const all: readonly (readonly [string, RawSettings])[] = [
    [defaultStorageName, raw],
    ...named.map(([name, own]) => [name, settingsOfMember(raw, own)] as const),
  ];
  return {
    kind: failovers !== undefined ? 'failover' : mirrors !== undefined ? 'mirrors' : 'one',
    storages: all.map(([name, settings]) => {
      const place = placeOf(settings);
      return { name, place, storage: openedLater(place, () => openStorage(settings, { logger, buffers })) };
    }),
  };
}

/** Opens them as one, for what the options say. @throws ArchiverError (`config`); `unavailable` when none is alive */
export async function openSeveral(raw: RawSettings, options: StorageOptions): Promise<ChosenStorage> {
  const { logger, purpose, target, wholly = false, signal } = options;
  const { kind, storages } = configuredStorages(raw, logger);
  if (target !== undefined) {
    const { name, storage } = storageNamed(target, storages);
    if (kind === 'mirrors' && purpose === 'write') {
      throw new ArchiverError('config', `--target-storage is "${name}", and what is pushed goes to all mirrors`, {
        hint: 'Leave --target-storage and WALG_TARGET_STORAGE out; what is read may come from one of the mirrors alone.',
      });
    }
    return { storage: withRetry(storage, defaultRetryPolicy, systemClock, logger), name };
  }
  if (kind === 'failover') {
    const { openFailover } = await import('../storage/failover/open.ts');
    return openFailover(raw, { storages, use: purpose === 'read' ? 'all' : wholly ? 'one' : 'any', logger, signal });
  }
  const { openMirrors } = await import('../storage/mirror/open.ts');
  return { storage: openMirrors(raw, { storages, purpose, logger }), name: undefined };
}

function warnOfUnknown(storages: StorageMap, logger: Logger): void {
  const known = knownSettingNames();
  for (const [storage, settings] of storages) {
    for (const name of settings.keys()) {
      if (!known.has(name)) logger.warn('unknown setting', { name, storage, nearest: nearest(name, known) });
    }
  }
}
