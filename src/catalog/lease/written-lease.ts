/** One lease object of this run: written, renewed, looked around from, removed. */
import { hostname } from 'node:os';
import { fromBytes } from '../../bytes/stage.ts';
import { ArchiverError, messageOf } from '../../errors.ts';
import { pushPlain } from '../../pipeline/push-object.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import { StorageForbiddenError, StorageFullError, StorageUnavailableError } from '../../storage/errors.ts';
import type { Abortable, ObjectInfo, Storage } from '../../storage/storage.ts';
import { formatLease, leasesFolder, validMs, viewLeases, type LeaseName, type LeaseView } from './lease-object.ts';

/** What leases need. */
export interface LeaseOptions extends Abortable {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A lease that is held, and renewed by itself. Disposing of it gives it back. */
export interface Lease extends AsyncDisposable {
  /** @throws ArchiverError (`unavailable`) when it could not be renewed in time, so that others may not mind it any more */
  check(): void;
  /** By how much the clock of this machine is ahead of the storages', in milliseconds; 0 where that is not known. */
  readonly aheadMs: number;
}

/** A storage that does not answer must not keep a run from ending that has nothing more to do. */
const removalMs = 20_000;

/** Our object on one storage. */
export class WrittenLease implements Lease {
  readonly storage: Storage;
  readonly name: LeaseName;
  readonly #options: LeaseOptions;
  readonly #since: string;
  readonly #ended = new AbortController();
  readonly #givenUp = new AbortController();
  #renewing: Promise<void> | undefined;
  #begun = { wallMs: 0, monotonicMs: 0 };
  /** When the last write ended, however it did. */
  #writtenMs = 0;
  #writes = 0;
  #isWriting = false;
  #isLost = false;
  #isUnwritten = false;
  #aheadMs = 0;

  private constructor(storage: Storage, name: LeaseName, options: LeaseOptions) {
    this.storage = storage;
    this.name = name;
    this.#options = options;
    this.#since = options.clock.now().toISOString();
  }

  /**
   * Writes it.
   *
   * @param options.evenUnwritten a storage that has no room for it is no failure: it is written as soon as there is some; nor
   *   is one where this run may delete and not write
   * @throws the storage's error
   */
  static async write(
    storage: Storage,
    name: LeaseName,
    { evenUnwritten = false, ...options }: LeaseOptions & { readonly evenUnwritten?: boolean },
  ): Promise<WrittenLease> {
    const lease = new WrittenLease(storage, name, options);
    try {
      await lease.#write(options.signal);
    } catch (error) {
      const isForbidden = error instanceof StorageForbiddenError;
      if (!evenUnwritten || !(isForbidden || error instanceof StorageFullError)) {
        // It may be there although the answer says otherwise.
        await lease[Symbol.asyncDispose]();
        throw error;
      }
      lease.#isUnwritten = true;
      const { location } = storage;
      const reason = isForbidden ? 'may not write a lease' : 'the storage has no room for a lease yet';
      options.logger.warn(`${reason}: a push that begins now does not see this run`, { location });
      if (isForbidden) return lease;
    }
    lease.#renewing = lease.#renew();
    return lease;
  }

  /** There was no room for it so far, or it may not be written. */
  get isUnwritten(): boolean {
    return this.#isUnwritten;
  }

  get aheadMs(): number {
    return this.#aheadMs;
  }

  /** Looks who else is there. @throws the storage's error */
  async view(signal: AbortSignal | undefined): Promise<LeaseView> {
    const listing: ObjectInfo[] = [];
    // Before the listing, and by the clock that nobody sets: ages come out rather too small than too big.
    const { clock } = this.#options;
    const writes = this.#writes;
    const quietMs = this.#isWriting ? 0 : clock.monotonicMs() - this.#writtenMs;
    const now = clock.now();
    for await (const item of this.storage.list(leasesFolder, { signal }))
      if (item.kind === 'object') listing.push(item);
    const ours = listing.find(({ key }) => key === this.name.key);
    // It was stored after it was begun with: rather too little than too much.
    if (ours !== undefined) this.#aheadMs = Math.max(0, this.#begun.wallMs - ours.modified.getTime());
    // It may show what was written meanwhile, of which no answer came yet.
    return viewLeases(listing, this.name.key, { sinceWriteMs: writes === this.#writes ? quietMs : 0, now });
  }

  check(): void {
    this.#isLost ||= this.#isOverdue();
    if (!this.#isLost) return;
    throw new ArchiverError('unavailable', `lost the lease "${this.name.key}" on ${this.storage.location}`, {
      hint: 'It could not be renewed in time, and another run may have begun. Run the command again: it goes on with the rest.',
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    const { logger } = this.#options;
    const timer = setTimeout(() => {
      this.#givenUp.abort(new StorageUnavailableError(`no answer within ${removalMs / 1000} s`));
    }, removalMs);
    try {
      await this.#renewing;
      // Not called off by the run's signal: an interrupted run must not be in the way of the next.
      await this.storage.delete([this.name.key], { signal: this.#givenUp.signal });
    } catch (error) {
      // Where nothing may be deleted, that is so every time.
      logger[error instanceof StorageForbiddenError ? 'info' : 'warn'](
        'cannot remove the lease; it expires by itself',
        {
          key: this.name.key,
          minutes: validMs[this.name.mode] / 60_000,
          error: messageOf(error),
        },
      );
    } finally {
      clearTimeout(timer);
    }
  }

  async #write(signal: AbortSignal | undefined): Promise<void> {
    const { clock, logger } = this.#options;
    const now = clock.now();
    const begun = { wallMs: now.getTime(), monotonicMs: clock.monotonicMs() };
    const record = { hostname: hostname(), pid: process.pid, since: this.#since };
    const bytes = Buffer.from(formatLease(this.name, record, now));
    this.#writes += 1;
    this.#isWriting = true;
    try {
      await pushPlain(this.storage, this.name.key, () => fromBytes(bytes), { signal, clock, logger });
      this.#begun = begun;
    } finally {
      this.#isWriting = false;
      this.#writtenMs = clock.monotonicMs();
    }
  }

  /** Since the last write began. A machine that slept does not count it on the monotonic clock. */
  #isOverdue(): boolean {
    if (this.#isUnwritten) return false;
    const { clock } = this.#options;
    const { wallMs, monotonicMs } = this.#begun;
    const passedMs = Math.max(clock.monotonicMs() - monotonicMs, clock.now().getTime() - wallMs);
    return passedMs > validMs[this.name.mode];
  }

  async #renew(): Promise<void> {
    const { clock, logger } = this.#options;
    const { signal } = this.#ended;
    const [usualMs, soonMs] = [validMs[this.name.mode] / 3, validMs[this.name.mode] / 15];
    let pauseMs = this.#isUnwritten ? soonMs : usualMs;
    for (;;) {
      try {
        await clock.sleep(pauseMs, signal);
        this.#isLost ||= this.#isOverdue();
        // Others may have begun by now: it must not look held again.
        if (this.#isLost) return;
        // Not called off at the end: the storage could carry it out after the removal.
        await this.#write(this.#givenUp.signal);
        if (this.#isUnwritten) await this.#lookAround();
        pauseMs = usualMs;
      } catch (error) {
        if (signal.aborted) return;
        const fields = { key: this.name.key, error: messageOf(error) };
        if (error instanceof StorageForbiddenError) {
          // A place that lets no object be replaced: no reason to break off, nor to try again.
          logger.warn('may not renew the lease: others will not see this run any more', fields);
          this.#isUnwritten = true;
          return;
        }
        logger.warn('cannot renew the lease', fields);
        pauseMs = soonMs;
      }
    }
  }

  /** After a late first write: whoever has come before it has not seen it. */
  async #lookAround(): Promise<void> {
    const { live } = await this.view(this.#ended.signal);
    this.#isLost = live.length > 0;
    this.#isUnwritten = false;
  }
}
