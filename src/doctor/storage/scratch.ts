/**
 * The objects that the doctor writes. They lie in the root of the archive, where neither walvault nor WAL-G looks at them, and
 * in no folder, since an empty folder would stay behind in a file system.
 */
import { randomBytes } from 'node:crypto';
import { messageOf } from '../../errors.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Key, Storage } from '../../storage/storage.ts';

const start = 'walvault_doctor_';
/** Long after any run of the doctor has ended. */
const abandonedMs = 24 * 60 * 60 * 1_000;
/** For removing them after a run that was called off, and for what a server does on after it was left. */
const clearingMs = 60_000;

/** The objects of one run. */
export interface Scratch {
  /** The name of an object that may be written from now on. */
  key(name: string): Key;
  /**
   * Removes all of them, looks whether they are gone, and once more removes what a request that was broken off brought
   * later.
   *
   * @returns those that are still there
   * @throws errors of the storage
   */
  clear(): Promise<readonly Key[]>;
  /** As {@link clear}, for the end of a run that failed: never rejects, and tells the log of what stays. */
  clearAnyway(logger: Logger): Promise<void>;
}

/** Opens a scratch of its own for this run. */
export function openScratch(storage: Storage): Scratch {
  const own = `${start}${randomBytes(8).toString('hex')}_`;
  const keys = new Set<Key>();

  async function remaining(signal: AbortSignal): Promise<readonly Key[]> {
    const found: Key[] = [];
    for await (const { kind, key } of storage.list('', { signal })) {
      if (kind === 'object' && key.startsWith(own)) found.push(key);
    }
    return found;
  }

  async function clear(): Promise<readonly Key[]> {
    if (keys.size === 0) return [];
    const signal = AbortSignal.timeout(clearingMs);
    await storage.delete([...keys], { signal });
    let late = await remaining(signal);
    if (late.length > 0) {
      await storage.delete(late, { signal });
      late = await remaining(signal);
    }
    if (late.length === 0) keys.clear();
    return late;
  }

  return {
    key(name) {
      const key = own + name;
      keys.add(key);
      return key;
    },
    clear,
    async clearAnyway(logger) {
      try {
        const left = await clear();
        if (left.length > 0)
          logger.warn('objects of the doctor are still there, remove them', { keys: left.join(' ') });
      } catch (error) {
        const names = [...keys].join(' ');
        logger.warn('objects of the doctor could not be removed', { keys: names, error: messageOf(error) });
      }
    },
  };
}

/** Whether an object was left behind by a run of the doctor that was killed. */
export function isAbandonedScratch(key: Key, modified: Date, now: Date): boolean {
  return key.startsWith(start) && now.getTime() - modified.getTime() > abandonedMs;
}
