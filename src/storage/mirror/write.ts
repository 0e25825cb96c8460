/** Writes one body to several mirrors at once. */
import type { ByteSource } from '../../bytes/stage.ts';
import type { Clock } from '../../platform/clock.ts';
import { ObjectExistsError, StorageUnavailableError } from '../errors.ts';
import type { Key, WriteOptions } from '../storage.ts';
import { lackingOf } from './completeness.ts';
import type { Mirror, MirrorFailure, Mirrors } from './mirror.ts';
import { settleConflict } from './settle-conflict.ts';
import { teeOf } from './tee.ts';

/** How to write. */
export interface MirrorWriteOptions extends WriteOptions {
  readonly patienceMs: number;
  readonly clock: Clock;
}

/**
 * Writes to all that are there; resolves when the quorum has it.
 *
 * @throws whatever the body throws, the reason of the signal, ObjectExistsError when the quorum holds another object of
 *   that key, the storages' errors when fewer than the quorum have it
 */
export async function writeToMirrors(
  mirrors: Mirrors,
  key: Key,
  body: ByteSource,
  { patienceMs, clock, ...options }: MirrorWriteOptions,
): Promise<void> {
  const { signal, completes = [] } = options;
  const action = `write "${key}"`;
  const failures: MirrorFailure[] = [];
  const chosen: Mirror[] = [];
  for (const mirror of mirrors.toWrite()) {
    const error = await lackingOf(mirror, completes, { signal });
    if (error === undefined) chosen.push(mirror);
    else failures.push({ mirror, error });
  }
  if (chosen.length < mirrors.quorum) mirrors.judge(action, [], failures);

  const created: Mirror[] = [];
  const existing: Mirror[] = [];
  const controllers = chosen.map(() => new AbortController());
  const enough = (): boolean => controllers.filter((one) => !one.signal.aborted).length > mirrors.quorum;
  const tee = teeOf(body, {
    readers: chosen.length,
    patienceMs,
    onLate(reader) {
      if (!enough()) return;
      controllers[reader]?.abort(new StorageUnavailableError(`it took nothing for ${patienceMs / 1000} s`));
      tee.branches[reader]?.leave();
    },
  });

  async function writeTo(mirror: Mirror, reader: number): Promise<void> {
    const own = controllers[reader] ?? new AbortController();
    const branch = tee.branches[reader];
    if (branch === undefined) return;
    try {
      const both = signal === undefined ? own.signal : AbortSignal.any([signal, own.signal]);
      await mirror.storage.write(key, branch.body, { ...options, signal: both });
      created.push(mirror);
    } catch (error) {
      if (error instanceof ObjectExistsError) existing.push(mirror);
      else failures.push({ mirror, error });
      // Counts as gone for whoever asks whether another may be left behind.
      own.abort(error);
    } finally {
      branch.leave();
    }
  }

  await Promise.all(chosen.map(writeTo));
  await tee.closed;
  if (tee.failure !== undefined) throw tee.failure.error;
  signal?.throwIfAborted();
  if (existing.length === 0) {
    mirrors.judge(action, inOrder(mirrors, created), failures);
    return;
  }
  const outcome = await settleConflict(
    key,
    { created: inOrder(mirrors, created), existing: inOrder(mirrors, existing) },
    {
      signal,
      clock,
    },
  );
  mirrors.judge(action, outcome.holders, [...failures, ...outcome.failures]);
  const [first] = outcome.holders;
  if (!outcome.isOurs) throw new ObjectExistsError(key, first?.storage.location ?? mirrors.location);
}

function inOrder(mirrors: Mirrors, some: readonly Mirror[]): readonly Mirror[] {
  return mirrors.all.filter((one) => some.includes(one));
}
