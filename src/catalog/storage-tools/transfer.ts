/**
 * Moves objects from one storage to another: each is copied, awaited at the target, and only then deleted at the source. An
 * object that the target has already is left alone on both sides unless it is to be replaced.
 */
import { rateLimited, type RateLimiter } from '../../bytes/rate-limiter.ts';
import { counted, type ByteSource } from '../../bytes/stage.ts';
import { ArchiverError, CorruptError, messageOf } from '../../errors.ts';
import { mapConcurrently } from '../../pipeline/concurrency.ts';
import { pushPlain } from '../../pipeline/push-object.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import { ObjectExistsError, ObjectNotFoundError } from '../../storage/errors.ts';
import type { Key, ObjectInfo, Storage } from '../../storage/storage.ts';

/** How objects are moved. */
export interface TransferOptions {
  readonly source: Storage;
  readonly target: Storage;
  /** Replace what the target has. */
  readonly overwrite: boolean;
  /** Delete nothing at the source. */
  readonly preserve: boolean;
  /** End at the first failure; default: move what can be moved. */
  readonly failFast: boolean;
  /** Objects at once. */
  readonly concurrency: number;
  /** How often, and in which interval, it is looked whether an object is there before its source is deleted. */
  readonly appearanceChecks: number;
  readonly appearanceIntervalMs: number;
  readonly limiter: RateLimiter | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Told all bytes that were copied so far. */
  readonly onProgress: (bytes: number) => void;
}

/** What was moved. */
export interface TransferResult {
  readonly movedObjects: number;
  readonly movedBytes: number;
  readonly failures: readonly TransferFailure[];
}

/** An object that was not moved; it is where it was, and may be at the target as well. */
export interface TransferFailure {
  readonly key: Key;
  readonly error: unknown;
}

/** What stays together: nothing is deleted at the source before all of it has arrived. */
export interface TransferGroup {
  /** Copied side by side first, and deleted last. */
  readonly payload: readonly ObjectInfo[];
  /** Copied last and deleted first, as the object that makes the others count. */
  readonly sentinel: ObjectInfo | undefined;
}

/** Which of the listed objects are to be moved: all that the target lacks, or all. Sizes do not matter, as in WAL-G. */
export function objectsToMove(
  source: readonly ObjectInfo[],
  target: ReadonlySet<Key>,
  { overwrite, maxObjects }: { readonly overwrite: boolean; readonly maxObjects: number | undefined },
): readonly ObjectInfo[] {
  const wanted = overwrite ? source : source.filter(({ key }) => !target.has(key));
  return maxObjects === undefined ? wanted : wanted.slice(0, maxObjects);
}

/** Moves objects, each for itself. @throws the first failure with `failFast`; the signal's reason */
export async function moveObjects(objects: readonly ObjectInfo[], options: TransferOptions): Promise<TransferResult> {
  return new Transfer(options).moveAll(
    objects.map((object) => ({ payload: [object], sentinel: undefined })),
    {
      concurrency: options.concurrency,
    },
  );
}

/** Moves groups one after the other, each as a whole. @throws as {@link moveObjects} */
export async function moveGroups(groups: readonly TransferGroup[], options: TransferOptions): Promise<TransferResult> {
  return new Transfer(options).moveAll(groups, { concurrency: 1 });
}

class Transfer {
  readonly #options: TransferOptions;
  #doneBytes = 0;
  #movedObjects = 0;
  #movedBytes = 0;
  readonly #failures: TransferFailure[] = [];

  constructor(options: TransferOptions) {
    this.#options = options;
  }

  async moveAll(
    groups: readonly TransferGroup[],
    { concurrency }: { readonly concurrency: number },
  ): Promise<TransferResult> {
    await mapConcurrently(groups, concurrency, (group) => this.#move(group));
    return { movedObjects: this.#movedObjects, movedBytes: this.#movedBytes, failures: this.#failures };
  }

  async #move({ payload, sentinel }: TransferGroup): Promise<void> {
    const { concurrency, preserve, source, signal } = this.#options;
    const before = this.#failures.length;
    await mapConcurrently(payload, concurrency, (object) => this.#attempt(object, () => this.#copy(object)));
    if (this.#failures.length > before) return;
    if (sentinel !== undefined) await this.#attempt(sentinel, () => this.#copy(sentinel));
    if (this.#failures.length > before) return;
    if (!preserve) {
      const first = sentinel ?? payload[0];
      if (first === undefined) return;
      await this.#attempt(first, async () => {
        if (sentinel !== undefined) await source.delete([sentinel.key], { signal });
        await source.delete(
          payload.map(({ key }) => key),
          { signal },
        );
      });
      if (this.#failures.length > before) return;
    }
    for (const { sizeBytes } of sentinel === undefined ? payload : [...payload, sentinel]) {
      this.#movedObjects += 1;
      this.#movedBytes += sizeBytes;
    }
  }

  async #attempt({ key }: ObjectInfo, work: () => Promise<void>): Promise<void> {
    const { failFast, signal, logger } = this.#options;
    try {
      await work();
    } catch (error) {
      if (failFast || signal.aborted) throw error;
      logger.error('not transferred', { key, reason: messageOf(error) });
      this.#failures.push({ key, error });
    }
  }

  async #copy(object: ObjectInfo): Promise<void> {
    const { target, overwrite, signal, logger } = this.#options;
    const { key, sizeBytes } = object;
    // A run that was cut off may have copied it; what differs is told when it is looked for below.
    if (!overwrite && (await target.stat(key, { signal }))?.sizeBytes === sizeBytes) return;
    try {
      await pushPlain(target, key, () => this.#read(object), { ifAbsent: !overwrite, signal, logger });
    } catch (error) {
      // Someone else wrote it meanwhile, or the answer to our own first attempt was lost; its size tells below.
      if (!(error instanceof ObjectExistsError)) throw error;
    }
    await this.#awaitAppearance(object);
  }

  async *#read({ key, sizeBytes }: ObjectInfo): ByteSource {
    const { source, limiter, signal } = this.#options;
    let bytes = 0;
    const counting = counted((more) => {
      bytes += more;
      this.#options.onProgress((this.#doneBytes += more));
    })(await source.read(key, { signal }));
    yield* limiter === undefined ? counting : rateLimited(limiter, signal)(counting);
    if (bytes !== sizeBytes) throw new CorruptError(`"${key}" has ${bytes} bytes, listed ${sizeBytes}`);
  }

  async #awaitAppearance({ key, sizeBytes }: ObjectInfo): Promise<void> {
    const { target, clock, signal, appearanceChecks, appearanceIntervalMs } = this.#options;
    for (let check = 1; ; check += 1) {
      const info = await target.stat(key, { signal });
      if (info?.sizeBytes === sizeBytes) return;
      if (info !== undefined) {
        throw new ArchiverError('cannotWrite', `the target has another object "${key}", of ${info.sizeBytes} bytes`, {
          hint: 'Look which of the two is right; --overwrite replaces that of the target.',
        });
      }
      if (check >= appearanceChecks) throw new ObjectNotFoundError(key, target.location);
      await clock.sleep(appearanceIntervalMs, signal);
    }
  }
}
