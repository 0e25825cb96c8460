/**
 * After a create-only write that some mirrors did and others refused, because they had such an object: makes them agree.
 *
 * The refusal comes from an earlier attempt that reached a part of the mirrors, or from another process that creates the
 * same object now. Of racing processes the one that created it in the first mirror wins; the others replace what they
 * created by that. Without a race the object that was there before wins, and is what all have in the end.
 */
import type { Clock } from '../../platform/clock.ts';
import type { Abortable, Key } from '../storage.ts';
import { DifferentObjectError, type Mirror, type MirrorFailure } from './mirror.ts';
import { copyAcross, haveSame } from './same-content.ts';

/** What came out. */
export interface SettledConflict {
  /** The object of this write is what they have. */
  readonly isOurs: boolean;
  /** Those that have the same. */
  readonly holders: readonly Mirror[];
  readonly failures: readonly MirrorFailure[];
}

const patienceMs = 3_000;
const pauseMs = 200;

/** @param sides in the order of the mirrors; at least one refused */
export async function settleConflict(
  key: Key,
  { created, existing }: { readonly created: readonly Mirror[]; readonly existing: readonly Mirror[] },
  options: Abortable & { readonly clock: Clock },
): Promise<SettledConflict> {
  const [ours] = created;
  const [theirs] = existing;
  if (theirs === undefined) return { isOurs: true, holders: created, failures: [] };
  if (ours !== undefined && ours.order < theirs.order) {
    const yielded = await Promise.all(existing.map((one) => becomesSame(key, ours, one, options).catch(() => false)));
    if (yielded.every(Boolean)) return { isOurs: true, holders: [...created, ...existing], failures: [] };
  }

  const holders: Mirror[] = [theirs];
  const failures: MirrorFailure[] = [];
  async function agree(mirror: Mirror, make: () => Promise<boolean>): Promise<void> {
    try {
      if (await make()) holders.push(mirror);
      else failures.push({ mirror, error: new DifferentObjectError(key, mirror, theirs ?? mirror) });
    } catch (error) {
      options.signal?.throwIfAborted();
      failures.push({ mirror, error });
    }
  }
  for (const mirror of created) {
    await agree(mirror, async () => {
      await copyAcross(key, theirs.storage, mirror.storage, options);
      return true;
    });
  }
  for (const mirror of existing.slice(1)) await agree(mirror, () => becomesSame(key, theirs, mirror, options));
  return { isOurs: false, holders, failures };
}

/** The one who loses a race needs a moment to yield. */
async function becomesSame(
  key: Key,
  a: Mirror,
  b: Mirror,
  { clock, signal }: Abortable & { readonly clock: Clock },
): Promise<boolean> {
  const untilMs = clock.monotonicMs() + patienceMs;
  for (;;) {
    if (await haveSame(key, a.storage, b.storage, { signal })) return true;
    if (clock.monotonicMs() >= untilMs) return false;
    await clock.sleep(pauseMs, signal);
  }
}
