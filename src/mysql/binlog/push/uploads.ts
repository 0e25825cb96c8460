/** The uploads of a push: by this thread or by several, and what became of each. */
import { mapConcurrently } from '../../../pipeline/concurrency.ts';
import { storedKey, type Transport } from '../../../pipeline/transport.ts';
import type { WorkerPool } from '../../../pipeline/worker-pool.ts';
import type { Logger } from '../../../platform/logger.ts';
import { binlogKey } from '../archive.ts';
import type { BinlogName } from '../binlog-name.ts';
import type { ArchivedResult } from './archive-binlog.ts';
import type { PlannedBinlog } from './plan.ts';
import { pushOne, type OneBinlog, type PushBinlogJob } from './push-one.ts';
import { uploadSideBySide } from './side-by-side.ts';
import { SharedTurns } from './turns.ts';

/** How to upload. */
export interface UploadsOptions {
  readonly directory: string;
  /** The binary log that follows one on the server. */
  readonly followerOf: (name: string) => BinlogName | undefined;
  readonly transport: Transport;
  readonly acceptGap: boolean;
  readonly concurrency: number;
  /** Opens threads for many uploads to a remote storage: their processor time is what limits them. */
  readonly openPool?: (() => Promise<WorkerPool>) | undefined;
  /** Told in order, when one and all before it are there for good. */
  readonly stored: (binlog: PlannedBinlog) => void;
  readonly onProgress?: ((doneBytes: number) => void) | undefined;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** From so many on, threads are worth their start and their memory: a server that is archived for the first time. */
const worthThreads = 32;

/** Uploads in order; gives what became of each by name, without those that were only stored anew. @throws as `pushOne` */
export async function uploadBinlogs(
  binlogs: readonly PlannedBinlog[],
  options: UploadsOptions,
): Promise<ReadonlyMap<string, ArchivedResult>> {
  const { transport, concurrency, openPool, stored, signal } = options;
  const canHoldBack = transport.storage.isRemote !== true;
  await using pool = !canHoldBack && binlogs.length >= worthThreads ? await openPool?.() : undefined;
  const uploads = new Uploads(options, pool);
  await uploadSideBySide(binlogs, {
    concurrency,
    canHoldBack,
    uploadMany: (items, again) => uploads.many(items, again),
    upload: (item, ready) => uploads.one(item, { turn: () => ready, again: false }),
    stat: ({ name }) => transport.storage.stat(storedKey(transport, binlogKey(name)), { signal }),
    stored,
  });
  return uploads.results;
}

interface OneOptions {
  readonly turn: () => Promise<unknown>;
  /** This run has stored it already. */
  readonly again: boolean;
  readonly inThread?: { readonly turns: SharedTurns; readonly index: number } | undefined;
}

class Uploads {
  readonly results = new Map<string, ArchivedResult>();
  readonly #options: UploadsOptions;
  readonly #pool: WorkerPool | undefined;
  #doneBytes = 0;

  constructor(options: UploadsOptions, pool: WorkerPool | undefined) {
    this.#options = options;
    this.#pool = pool;
  }

  /** Checked and compressed in any order, sent in theirs. */
  async many(items: readonly PlannedBinlog[], again: boolean): Promise<void> {
    const turns = new SharedTurns();
    await mapConcurrently([...items.entries()], this.#options.concurrency, async ([index, item]) => {
      const turn = async (): Promise<void> => {
        await turns.come(index);
        turns.pass(index);
      };
      try {
        await this.one(item, { turn, again, inThread: { turns, index } });
      } catch (error) {
        turns.open();
        throw error;
      }
    });
  }

  async one({ name, again: wasThere }: PlannedBinlog, options: OneOptions): Promise<void> {
    const { directory, followerOf, acceptGap, onProgress } = this.#options;
    const next = followerOf(name)?.name;
    if (next === undefined) throw new Error(`${name} has no follower`);
    const again = options.again ? 'newer' : wasThere ? 'same' : 'no';
    const result = await this.#push({ directory, name, next, again, acceptGap }, options);
    if (options.again) return;
    if (!wasThere) this.results.set(name, result);
    this.#doneBytes += result.rawBytes;
    onProgress?.(this.#doneBytes);
  }

  async #push(binlog: OneBinlog, { turn, inThread }: OneOptions): Promise<ArchivedResult> {
    const { transport, logger, signal } = this.#options;
    if (this.#pool === undefined || inThread === undefined) return pushOne(binlog, { transport, turn, logger, signal });
    const { turns, index } = inThread;
    const job: PushBinlogJob = { kind: 'pushBinlog', ...binlog, turns: turns.shared, index };
    return this.#pool.run<ArchivedResult>(job);
  }
}
