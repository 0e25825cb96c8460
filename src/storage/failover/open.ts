/** From settings to failover storages: which of them are used, and how (`storages.md` 9 of the specification). */
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { readSettings, type RawSettings } from '../../config/setting.ts';
import { systemClock, type Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import { defaultRetryPolicy, withRetry } from '../retry.ts';
import type { OpenedMember } from '../named-storages.ts';
import type { FolderInfo, Key, ListOptions, NamedStorage, ObjectInfo, Storage } from '../storage.ts';
import { checkLimits } from './aliveness.ts';
import { askAll, firstAlive, Health, noneAlive, type Candidate } from './health.ts';
import { isFailureOfStorage, withReports } from './reports.ts';
import { failoverSettings } from './settings.ts';
import { openStatusCache } from './status-cache.ts';
import { switching } from './switching.ts';
import { unionOf } from './union.ts';

/** How failover storages are opened. */
export interface FailoverOptions {
  /** The primary one first, then in the order of their names. */
  readonly storages: readonly OpenedMember[];
  /**
   * `all`: read from any that has an object. `one`: everything goes to and comes from one storage. `any`: each object is
   * written to a storage that is alive then.
   */
  readonly use: 'all' | 'one' | 'any';
  readonly logger: Logger;
  readonly clock?: Clock;
  readonly signal?: AbortSignal | undefined;
}

/** What was opened. */
export interface FailoverStorage {
  readonly storage: Storage;
  /** With `one`: which one. */
  readonly name: string | undefined;
}

interface Member extends Candidate {
  readonly storage: Storage;
}

/**
 * Opens them, after checking those of which nothing is known.
 *
 * @throws ArchiverError (`config`); StorageUnavailableError when none is alive that could be written to
 */
export async function openFailover(
  raw: RawSettings,
  { storages, use, logger, clock = systemClock, signal }: FailoverOptions,
): Promise<FailoverStorage> {
  const settings = readSettings(failoverSettings, raw);
  checkLimits(settings);
  const health = new Health({
    cache: openStatusCache({
      access: use === 'all' ? 'ro' : 'rw',
      home: raw.get('HOME')?.text,
      temporary: tmpdir(),
      clock,
    }),
    limits: settings,
    lifetimeMs: settings.cacheLifetime,
    timeoutMs: settings.checkTimeout,
    writtenBytes: use === 'all' ? undefined : settings.checkSize,
    clock,
    logger,
  });
  const members = storages.map(({ name, place, storage: plain }): Member => {
    const identity = `${name}#${createHash('md5').update(place).digest('hex')}`;
    const member = { name, identity, plain };
    const storage = withReports(withRetry(plain, defaultRetryPolicy, clock, logger), (operation) => {
      health.report(member, operation);
    });
    const confirm = async (): Promise<unknown> => settings.check && health.confirm(member, { signal });
    return { ...member, storage: use === 'all' ? withConfirmation(storage, confirm) : storage };
  });
  const isAlive = (member: Member): boolean => !settings.check || health.isAlive(member) === true;
  const union = flushing(
    health,
    unionOf({
      members: () => ordered(members, isAlive),
      absence: use === 'all' ? 'all' : 'alive',
      noneAlive: () => noneAlive(members, health),
      logger,
    }),
  );

  try {
    if (settings.check) await (use === 'all' ? askAll : firstAlive)(members, health, { signal });
    if (use === 'all') return { storage: union, name: undefined };
    if (use === 'any' && settings.check) {
      const storage = switching({ candidates: members, health, union, storageOf: (one) => one.storage, logger });
      return { storage, name: undefined };
    }
    const chosen = settings.check ? await surelyAlive(members, health, signal) : members[0];
    if (chosen === undefined) throw noneAlive(members, health);
    if (chosen !== members[0]) logger.warn('the primary storage is not alive, using another', { storage: chosen.name });
    return {
      storage: withDisposal(chosen.storage, async () => union[Symbol.asyncDispose]()),
      name: chosen.name,
    };
  } catch (error) {
    await union[Symbol.asyncDispose]();
    throw error;
  }
}

/** What takes hours should not begin on the strength of what was known a quarter of an hour ago. */
async function surelyAlive(
  members: readonly Member[],
  health: Health,
  signal: AbortSignal | undefined,
): Promise<Member> {
  for (;;) {
    const chosen = await firstAlive(members, health, { signal });
    if (health.wasChecked(chosen) || (await health.confirm(chosen, { signal }))) return chosen;
  }
}

/** Before the failure of a listing is told, it is found out whether the storage has died: others may do without it. */
function withConfirmation(storage: Storage, confirm: () => Promise<unknown>): Storage {
  async function* list(prefix: Key, options?: ListOptions): AsyncIterable<ObjectInfo | FolderInfo> {
    try {
      yield* storage.list(prefix, options);
    } catch (error) {
      if (options?.signal?.aborted !== true && isFailureOfStorage(error)) await confirm();
      throw error;
    }
  }
  return Object.create(storage, { list: { value: list } }) as Storage;
}

function ordered(members: readonly Member[], isAlive: (member: Member) => boolean): readonly NamedStorage[] {
  const named = members.map((member) => ({ name: member.name, storage: member.storage, isAlive: isAlive(member) }));
  return [...named.filter((one) => one.isAlive), ...named.filter((one) => !one.isAlive)];
}

function flushing(health: Health, storage: Storage): Storage {
  return withDisposal(storage, async () => {
    health.flush();
    await storage[Symbol.asyncDispose]();
  });
}

/** Its properties may be computed: they are handed on, not copied. */
function withDisposal(storage: Storage, dispose: () => Promise<void>): Storage {
  return Object.create(storage, { [Symbol.asyncDispose]: { value: dispose } }) as Storage;
}
