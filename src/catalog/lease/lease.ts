/**
 * The right to rely on backups, which many runs have at once (shared), and the right to delete them, which one has alone
 * (exclusive). Each holder writes an object of its own and then looks whose others there are; so of two runs at least one
 * sees the other, on every storage whose listings show what was written before. See `docs/adr/0015-leases.md`.
 */
import { readText } from '../backup-store.ts';
import { ArchiverError, messageOf } from '../../errors.ts';
import { StorageForbiddenError } from '../../storage/errors.ts';
import type { Key, Storage } from '../../storage/storage.ts';
import { graceMs, newLeaseName, parseLease, validMs, type LiveLease } from './lease-object.ts';
import { WrittenLease, type Lease, type LeaseOptions } from './written-lease.ts';

export type { Lease, LeaseOptions } from './written-lease.ts';

/** Another run has what cannot be had at the same time. */
export class LeaseBusyError extends ArchiverError {
  constructor(purpose: string, { mode, purpose: other, key, ageMs }: LiveLease, holder: string) {
    const minutes = Math.max(1, Math.ceil((validMs[mode] + graceMs - ageMs) / 60_000));
    super('busy', `cannot begin with ${purpose}: ${JSON.stringify(other)} is running${holder}`, {
      hint: `Run it again when that has ended. If it was killed, the lease "${key}" expires in ${minutes} min.`,
    });
  }
}

const settleAttempts = 10;
const settlePauseMs = 1000;
const waitPauseMs = 5000;
const noticePauseMs = 10 * 60_000;

/**
 * Takes the exclusive lease on all of the storages. Two that come at the same moment settle it between themselves; else
 * who comes second gives up at once.
 *
 * @throws LeaseBusyError when another run holds any lease; the storage's error; ArchiverError (`unavailable`) when a
 *   storage does not list what was just written, so that nobody can be seen on it
 */
export async function holdExclusively(
  storages: readonly Storage[],
  purpose: string,
  options: LeaseOptions,
): Promise<Lease> {
  const leases: WrittenLease[] = [];
  const lease = together(leases);
  const name = newLeaseName('exclusive', purpose, options.clock.now());
  try {
    for (const storage of storages.flatMap(placesOf)) {
      // Deleting is what makes room.
      leases.push(await WrittenLease.write(storage, name, { ...options, evenUnwritten: true }));
    }
    for (const one of leases) await settle(one, purpose, options);
    return lease;
  } catch (error) {
    await lease[Symbol.asyncDispose]();
    throw error;
  }
}

async function settle(lease: WrittenLease, purpose: string, { clock, signal, logger }: LeaseOptions): Promise<void> {
  const { storage, name } = lease;
  for (let attempt = 1; ; attempt++) {
    const { isListed, live, abandoned } = await lease.view(signal);
    const [first] = live;
    if ((isListed || lease.isUnwritten) && first === undefined) {
      await removeAbandoned(lease, abandoned, { signal, logger });
      return;
    }
    // The others have seen this one, or will, and give up; but one that was here first may be at work already.
    const mayBeOurs = live.every(({ mode, stamp }) => mode === 'exclusive' && name.stamp < stamp);
    if (!mayBeOurs || attempt === settleAttempts) {
      if (first !== undefined) throw new LeaseBusyError(purpose, first, await holderOf(storage, first, signal));
      throw new ArchiverError('unavailable', `${storage.location} does not list the object "${name.key}"`, {
        hint: 'It was written just now. On a storage that lists late, nobody can see who else is at work.',
      });
    }
    await clock.sleep(settlePauseMs, signal);
  }
}

/** They are in nobody's way; a bucket that locks its objects may keep them for years. */
async function removeAbandoned(
  { storage }: WrittenLease,
  abandoned: readonly Key[],
  { signal, logger }: Pick<LeaseOptions, 'signal' | 'logger'>,
): Promise<void> {
  if (abandoned.length === 0) return;
  try {
    logger.info('removing leases of runs that are gone', { leases: abandoned.length });
    await storage.delete(abandoned, { signal });
  } catch (error) {
    if (!(error instanceof ArchiverError) || error.kind === 'interrupted') throw error;
    logger.info('cannot remove leases of runs that are gone', { error: messageOf(error) });
  }
}

/**
 * Takes a shared lease, and waits for whoever deletes. Where this run may not write or list leases, it goes on without
 * one: a deletion does not see it then before it has stored something.
 *
 * @throws the storage's error; the reason of the signal
 */
export async function holdShared(storage: Storage, purpose: string, options: LeaseOptions): Promise<Lease> {
  const leases: WrittenLease[] = [];
  const lease = together(leases);
  try {
    const name = newLeaseName('shared', purpose, options.clock.now());
    for (const place of placesOf(storage)) leases.push(await WrittenLease.write(place, name, options));
    for (const one of leases) await awaitDeletion(one, options);
    return lease;
  } catch (error) {
    await lease[Symbol.asyncDispose]();
    if (!(error instanceof StorageForbiddenError)) throw error;
    options.logger.warn('working without a lease: a deletion that begins now does not see this run', {
      error: messageOf(error),
    });
    return together([]);
  }
}

/** Does some work while it holds a shared lease; see {@link holdShared}. */
export async function sharing<T>(
  storage: Storage,
  purpose: string,
  options: LeaseOptions,
  work: () => Promise<T>,
): Promise<T> {
  const lease = await holdShared(storage, purpose, options);
  try {
    return await work();
  } finally {
    await lease[Symbol.asyncDispose]();
  }
}

async function awaitDeletion(lease: WrittenLease, { clock, signal, logger }: LeaseOptions): Promise<void> {
  let noticedMs: number | undefined;
  for (let attempt = 1; ; attempt++) {
    const { isListed, live } = await lease.view(signal);
    const deletion = live.find(({ mode }) => mode === 'exclusive');
    if (deletion === undefined) return;
    if (!isListed && attempt > settleAttempts) {
      logger.warn('the storage does not list the lease; going on without it', { key: lease.name.key });
      return;
    }
    if (noticedMs === undefined || clock.monotonicMs() - noticedMs >= noticePauseMs) {
      noticedMs = clock.monotonicMs();
      const holder = await holderOf(lease.storage, deletion, signal);
      logger.info(`waiting for a deletion that is running${holder}`, { lease: deletion.key });
    }
    await clock.sleep(waitPauseMs, signal);
  }
}

/** ` on "db1" (process 4711) since 2026-11-21T03:04:58.378Z`; empty when it cannot be told. */
async function holderOf(storage: Storage, { key }: LiveLease, signal: AbortSignal | undefined): Promise<string> {
  try {
    const { hostname, pid, since } = parseLease(await readText(storage, key, { signal }), `lease "${key}"`);
    return ` on "${hostname}" (process ${pid}) since ${since}`;
  } catch (error) {
    if (!(error instanceof ArchiverError)) throw error;
    return '';
  }
}

/** Of a union each storage, since what belongs together lies in any of them. */
function placesOf(storage: Storage): readonly Storage[] {
  return storage.members?.filter(({ isAlive }) => isAlive).map((member) => member.storage) ?? [storage];
}

function together(leases: readonly WrittenLease[]): Lease {
  return {
    check() {
      for (const one of leases) one.check();
    },
    get aheadMs() {
      return Math.max(0, ...leases.map((one) => one.aheadMs));
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(leases.map((one) => one[Symbol.asyncDispose]()));
    },
  };
}
