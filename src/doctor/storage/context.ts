/** What the checks of a storage share. */
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Storage } from '../../storage/storage.ts';
import { tryTo, type Check, type Finding } from '../check.ts';
import type { Scratch } from './scratch.ts';

/** What to check, and how. */
export interface StorageCheckOptions {
  readonly storage: Storage;
  /** Write objects and remove them. */
  readonly write: boolean;
  /** Of an object that the adapter sends in several requests. */
  readonly largeBytes: number;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Longest time of a check with small objects; default a minute. */
  readonly limitMs?: number;
}

/** The same, in the middle of a run. */
export interface StorageContext extends StorageCheckOptions {
  readonly scratch: Scratch;
  /** Makes a check of this area. */
  readonly look: (name: string, act: (signal: AbortSignal) => Promise<Finding>, limitMs?: number) => Promise<Check>;
}

const smallLimitMs = 60_000;

/** Begins a run. */
export function openContext(options: StorageCheckOptions, scratch: Scratch): StorageContext {
  const { signal, limitMs: usualLimitMs = smallLimitMs } = options;
  return {
    ...options,
    scratch,
    look: async (name, act, limitMs = usualLimitMs) => ({
      area: 'storage',
      name,
      ...(await tryTo({ signal, limitMs }, act)),
    }),
  };
}
