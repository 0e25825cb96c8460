/** Which of several storages are alive: from what was found out lately, else by a check of its own (`storages.md` 9.3). */
import { randomBytes } from 'node:crypto';
import { fromBytes } from '../../bytes/stage.ts';
import { messageOf } from '../../errors.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import { StorageUnavailableError } from '../errors.ts';
import type { Abortable, Storage } from '../storage.ts';
import { afterCheck, afterOperation, type Aliveness, type AlivenessLimits } from './aliveness.ts';
import type { StatusCache } from './status-cache.ts';

/** A storage that may be chosen. */
export interface Candidate {
  readonly name: string;
  /** Tells it from others in the cache. */
  readonly identity: string;
  /** What a check asks: it does not try again by itself. */
  readonly plain: Storage;
}

/** How storages are watched. */
export interface HealthOptions {
  readonly cache: StatusCache;
  readonly limits: AlivenessLimits;
  readonly lifetimeMs: number;
  readonly timeoutMs: number;
  /** Of the object that a check writes; undefined: checks only list. */
  readonly writtenBytes: number | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** WAL-G's name of the object that a check writes and deletes. */
export const checkKey = 'wal-g_storage_check';

/** What is known of storages, and how more is found out. */
export class Health {
  readonly #options: HealthOptions;
  readonly #failures = new Map<string, unknown>();
  readonly #passed = new Set<string>();
  /** What was believed once is believed to the end of the run, however long that takes. */
  readonly #believed = new Set<string>();

  constructor(options: HealthOptions) {
    this.#options = options;
  }

  /** Undefined when nothing is known, or it is too old. */
  isAlive({ identity }: Candidate): boolean | undefined {
    return this.#fresh(identity)?.alive;
  }

  /** A check of this run found it alive, and nothing since says otherwise. */
  wasChecked(candidate: Candidate): boolean {
    return this.#passed.has(candidate.identity) && this.isAlive(candidate) === true;
  }

  /** Why it is dead, if a check of this run says so. */
  failureOf({ identity }: Candidate): unknown {
    return this.#failures.get(identity);
  }

  /** Takes note of an operation of this run. */
  report({ name, identity }: Candidate, operation: { readonly weight: number; readonly succeeded: boolean }): void {
    const { cache, limits, clock, logger } = this.#options;
    const before = cache.get(identity);
    if (before === undefined) return;
    const after = afterOperation(before, operation, limits, clock.now());
    cache.set(identity, after);
    if (after.alive !== before.alive) {
      logger.warn(after.alive ? 'storage is alive again' : 'storage counts as dead', { storage: name });
    }
  }

  /** Asks all of them, side by side. Never rejects but with the reason of the signal. */
  async check(candidates: readonly Candidate[], { signal }: Abortable): Promise<void> {
    await Promise.all(
      candidates.map(async (candidate) => {
        const succeeded = await this.#succeeds(candidate, signal);
        const { cache, clock } = this.#options;
        cache.set(candidate.identity, afterCheck(cache.get(candidate.identity), succeeded, clock.now()));
        this.#believed.add(candidate.identity);
      }),
    );
  }

  /**
   * After it failed: asks one that is thought to be alive. That it passes does not make up for what failed.
   *
   * @returns whether it is alive
   */
  async confirm(candidate: Candidate, { signal }: Abortable): Promise<boolean> {
    if (this.isAlive(candidate) !== true) return false;
    if (await this.#succeeds(candidate, signal)) return this.isAlive(candidate) === true;
    const { cache, clock } = this.#options;
    cache.set(candidate.identity, afterCheck(cache.get(candidate.identity), false, clock.now()));
    return false;
  }

  /** What was learned is written down for the processes that follow. */
  flush(): void {
    this.#options.cache.flush();
  }

  async #succeeds({ name, identity, plain }: Candidate, signal: AbortSignal | undefined): Promise<boolean> {
    const { logger, timeoutMs } = this.#options;
    signal?.throwIfAborted();
    const deadline = new AbortController();
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const error = new StorageUnavailableError(`no answer within ${timeoutMs / 1000} s from ${plain.location}`);
      deadline.abort(error);
      late.reject(error);
    }, timeoutMs);
    const called = signal === undefined ? deadline.signal : AbortSignal.any([signal, deadline.signal]);
    let failure: unknown;
    try {
      await Promise.race([this.#use(plain, called), late.promise]);
    } catch (error) {
      signal?.throwIfAborted();
      failure = error;
    } finally {
      clearTimeout(timer);
    }
    if (failure === undefined) {
      this.#failures.delete(identity);
      this.#passed.add(identity);
      logger.debug('storage is alive', { storage: name });
    } else {
      this.#failures.set(identity, failure);
      logger.warn('storage is not alive', { storage: name, reason: messageOf(failure) });
    }
    return failure === undefined;
  }

  async #use(storage: Storage, signal: AbortSignal): Promise<void> {
    const entries = storage.list('', { signal })[Symbol.asyncIterator]();
    await entries.next();
    await entries.return?.();
    const { writtenBytes } = this.#options;
    if (writtenBytes === undefined) return;
    await storage.write(checkKey, fromBytes(randomBytes(writtenBytes)), { signal });
    await storage.delete([checkKey], { signal });
  }

  #fresh(identity: string): Aliveness | undefined {
    const { cache, lifetimeMs, clock } = this.#options;
    const status = cache.get(identity);
    if (status === undefined || this.#believed.has(identity)) return status;
    if (clock.now().getTime() - status.updated.getTime() > lifetimeMs) return undefined;
    this.#believed.add(identity);
    return status;
  }
}

/**
 * The first storage that is alive, in their order; those before it that nothing is known of are asked first, and all of
 * them when none is alive.
 *
 * @throws StorageUnavailableError when none is
 */
export async function firstAlive<C extends Candidate>(
  candidates: readonly C[],
  health: Health,
  options: Abortable,
): Promise<C> {
  const alive = (): C | undefined => candidates.find((one) => health.isAlive(one) === true);
  const first = alive();
  const before = first === undefined ? candidates : candidates.slice(0, candidates.indexOf(first));
  const unknown = before.filter((one) => health.isAlive(one) === undefined);
  await health.check(unknown, options);
  if (alive() === undefined) {
    await health.check(
      candidates.filter((one) => !unknown.includes(one)),
      options,
    );
  }
  const found = alive();
  if (found === undefined) throw noneAlive(candidates, health);
  return found;
}

/** Finds out of each whether it is alive; of those that were dead only when all were. */
export async function askAll(candidates: readonly Candidate[], health: Health, options: Abortable): Promise<void> {
  const unknown = candidates.filter((one) => health.isAlive(one) === undefined);
  await health.check(unknown, options);
  if (candidates.some((one) => health.isAlive(one) === true)) return;
  await health.check(
    candidates.filter((one) => !unknown.includes(one)),
    options,
  );
}

/** None can be used. */
export function noneAlive(candidates: readonly Candidate[], health: Health): StorageUnavailableError {
  const reasons = candidates.map((one) => {
    const failure = health.failureOf(one);
    return `"${one.name}"${failure === undefined ? '' : ` (${messageOf(failure)})`}`;
  });
  const [cause] = candidates.map((one) => health.failureOf(one)).filter((one) => one !== undefined);
  return new StorageUnavailableError(`no storage is alive: ${reasons.join(', ')}`, {
    cause,
    repeated: true,
    hint: 'Bring one of them back; --target-storage NAME uses one without asking whether it is alive.',
  });
}
