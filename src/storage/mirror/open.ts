/** From settings to mirrors. */
import { readSettings, type RawSettings } from '../../config/setting.ts';
import { ArchiverError } from '../../errors.ts';
import { systemClock, type Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import type { OpenedMember } from '../named-storages.ts';
import { defaultRetryPolicy, withRetry } from '../retry.ts';
import type { Storage } from '../storage.ts';
import { openAbsences } from './absences.ts';
import { Mirrors } from './mirror.ts';
import { createMirroredStorage } from './mirrored-storage.ts';
import { mirrorSettings } from './settings.ts';

/** How mirrors are opened. */
export interface MirrorOptions {
  /** The primary one first, then in the order of their names. */
  readonly storages: readonly OpenedMember[];
  readonly purpose: 'read' | 'write';
  readonly logger: Logger;
  readonly clock?: Clock;
}

/** Joins them; nothing is asked before it is used. @throws ArchiverError (`config`) when the quorum is more than there are */
export function openMirrors(
  raw: RawSettings,
  { storages, purpose, logger, clock = systemClock }: MirrorOptions,
): Storage {
  const { quorum, patience } = readSettings(mirrorSettings, raw);
  if (Number.isFinite(quorum) && quorum > storages.length) {
    throw new ArchiverError('config', `WALG_MIRROR_QUORUM is ${quorum}, and there are ${storages.length} storages`, {
      hint: 'The primary storage counts as one. Set it to "all", or to at most that number.',
    });
  }
  const mirrors = storages.map(({ name, place, storage }, order) => ({
    name,
    order,
    place: `${name} ${place}`,
    storage: withRetry(storage, defaultRetryPolicy, clock, logger),
  }));
  return createMirroredStorage({
    mirrors: new Mirrors(mirrors, { quorum, absences: openAbsences({ home: raw.get('HOME')?.text, clock }), logger }),
    absence: purpose === 'read' ? 'all' : 'quorum',
    patienceMs: patience,
    clock,
  });
}
