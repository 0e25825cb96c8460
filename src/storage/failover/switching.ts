/** Writes to one of several storages, and goes on with the next one when it dies: for objects that stand alone. */
import { messageOf } from '../../errors.ts';
import type { Logger } from '../../platform/logger.ts';
import { StorageUnavailableError } from '../errors.ts';
import type { Abortable, Storage, WriteOptions, Key } from '../storage.ts';
import type { ByteSource } from '../../bytes/stage.ts';
import { firstAlive, type Candidate, type Health } from './health.ts';
import { isFailureOfStorage } from './reports.ts';

/** What is switched between. */
export interface SwitchingOptions<C extends Candidate> {
  readonly candidates: readonly C[];
  readonly health: Health;
  /** What reads and lists. */
  readonly union: Storage;
  readonly storageOf: (candidate: C) => Storage;
  readonly logger: Logger;
}

/**
 * A storage whose writes go to the first one that is alive. A write that failed because its storage died has failed, and
 * is worth repeating: the next one goes elsewhere.
 */
export function switching<C extends Candidate>(options: SwitchingOptions<C>): Storage {
  const { candidates, health, union, storageOf, logger } = options;
  let current: C | undefined;
  let choosing: Promise<C> | undefined;

  function choose(abortable: Abortable): Promise<C> {
    choosing ??= firstAlive(candidates, health, abortable).finally(() => (choosing = undefined));
    return choosing;
  }

  async function write(key: Key, body: ByteSource, options: WriteOptions = {}): Promise<void> {
    const { signal } = options;
    const chosen = (current ??= await choose({ signal }));
    try {
      await storageOf(chosen).write(key, body, options);
    } catch (error) {
      if (signal?.aborted === true || !isFailureOfStorage(error)) throw error;
      if (current === chosen) {
        current = (await health.confirm(chosen, { signal })) ? chosen : await choose({ signal });
      }
      if (current === chosen) throw error;
      logger.warn('storage died, going on with another one', { storage: chosen.name, next: current.name });
      throw new StorageUnavailableError(messageOf(error), { cause: error });
    }
  }

  return {
    get location() {
      return (current === undefined ? union : storageOf(current)).location;
    },
    isRemote: true,
    get members() {
      return union.members;
    },
    write,
    read: (key, options) => union.read(key, options),
    stat: (key, options) => union.stat(key, options),
    list: (prefix, options) => union.list(prefix, options),
    delete: (keys, options) => union.delete(keys, options),
    copy: (from, to, options) => union.copy(from, to, options),
    removeLeftovers: (prefix, options) => union.removeLeftovers(prefix, options),
    [Symbol.asyncDispose]: () => union[Symbol.asyncDispose](),
  };
}
