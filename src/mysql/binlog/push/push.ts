/**
 * `binlog-push`: puts every binary log that the server has closed, and the archive lacks, into the archive. That it returns
 * means that they are on the storage, durably: the server may purge them.
 */
import { join } from 'node:path';
import { existsSync, statSync } from 'node:fs';
import { ArchiverError, messageOf } from '../../../errors.ts';
import { openLocalFile } from '../../../pipeline/local-file.ts';
import { readDecoded, type Transport } from '../../../pipeline/transport.ts';
import type { WorkerPool } from '../../../pipeline/worker-pool.ts';
import type { Logger } from '../../../platform/logger.ts';
import { listBinlogs, type ArchivedBinlog } from '../archive.ts';
import type { BinlogName } from '../binlog-name.ts';
import { summarize } from '../events/summarize.ts';
import { requireSame, type ArchivedResult } from './archive-binlog.ts';
import { noteLastArchived } from './cache-file.ts';
import type { Heads, KnownBinlog } from './check-passing.ts';
import { BinlogGapError, BinlogResetError } from './errors.ts';
import { followGtids, type GtidFollowing } from './follow-gtids.ts';
import { checkSequence, type Predecessor } from './neighbours.ts';
import { planPush, type PlannedBinlog, type PushPlan } from './plan.ts';
import { headOf } from './push-one.ts';
import type { ServerBinlogs } from './server-binlogs.ts';
import { uploadBinlogs } from './uploads.ts';

/** How to push. */
export interface BinlogPushOptions {
  readonly transport: Transport;
  /** Asks which binary logs there are; called when the archive has been listed. */
  readonly find: () => Promise<ServerBinlogs>;
  /** This one, and what follows, is not pushed. */
  readonly until: BinlogName | undefined;
  /** Binary logs that were purged before they were pushed, or do not fit together, are told only. */
  readonly acceptGap: boolean;
  readonly checkGtids: boolean;
  readonly concurrency: number;
  /** Opens threads for many uploads to a remote storage: their processor time is what limits them. */
  readonly openPool?: (() => Promise<WorkerPool>) | undefined;
  /** WAL-G's note of the last one; undefined: none is kept. */
  readonly cachePath: string | undefined;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Told the bytes of what was pushed so far. */
  readonly onProgress?: ((doneBytes: number) => void) | undefined;
}

/** What a push did; names in order. */
export interface BinlogPushResult {
  readonly pushed: readonly { readonly name: string; readonly rawBytes: number; readonly storedBytes: number }[];
  /** Another run had stored them meanwhile. */
  readonly present: readonly string[];
  /** Their transactions are archived, from another server. */
  readonly covered: readonly string[];
  /** Purged before they were pushed. */
  readonly missing: { readonly first: string; readonly last: string } | undefined;
  /** That which the server is writing. */
  readonly active: string | undefined;
}

/** How many bytes of a file tell it from another life of its server: format, time, server, transactions before. */
const tellingBytes = 64 << 10;

/**
 * Pushes what is new. Safe to repeat, to run twice at once, and to kill.
 *
 * @throws ArchiverError: BinlogGapError, BinlogResetError, BinlogConflictError, CorruptError naming file and position;
 *   `config`, `missing` and `forbidden` files; the errors of servers and storages
 */
export async function pushBinlogs(options: BinlogPushOptions): Promise<BinlogPushResult> {
  const { transport, signal, until, concurrency } = options;
  const archived = await listBinlogs(transport.storage, { signal });
  const { directory, names } = await options.find();
  const active = names.at(-1);
  const listed = names.filter(({ base }) => base === active?.base);
  if (until !== undefined && active !== undefined && until.base !== active.base) {
    throw new ArchiverError('usage', `the server has no binary logs like "${until.name}", but like "${active.name}"`);
  }
  const plan = planPush({ listed, archived, until, concurrency });
  return new BinlogPush(directory, listed, options).run(plan);
}

class BinlogPush {
  readonly #directory: string;
  readonly #listed: readonly BinlogName[];
  readonly #followers = new Map<string, BinlogName>();
  readonly #options: BinlogPushOptions;

  constructor(directory: string, listed: readonly BinlogName[], options: BinlogPushOptions) {
    this.#directory = directory;
    this.#listed = listed;
    this.#options = options;
    for (const [index, { name }] of listed.entries()) {
      const next = listed[index + 1];
      if (next !== undefined) this.#followers.set(name, next);
    }
  }

  async run(plan: PushPlan): Promise<BinlogPushResult> {
    const { cachePath, checkGtids, logger } = this.#options;
    await this.#checkIdentity(plan);
    this.#checkGap(plan);
    const known = await this.#readHeads(checkGtids ? plan.toPush : plan.toPush.slice(0, 1));
    await this.#checkFirst(plan, known);
    const following = await followGtids(plan, known, this.#options);
    const results = await this.#upload(following);
    const last = following.toPush.at(-1)?.name ?? following.covered.at(-1) ?? plan.common?.name;
    if (last !== undefined) noteLastArchived(cachePath, last, logger);
    const inOrder = following.toPush.flatMap(({ name }) => {
      const result = results.get(name);
      return result === undefined ? [] : [{ name, ...result }];
    });
    return {
      pushed: inOrder.filter(({ outcome }) => outcome === 'stored'),
      present: inOrder.filter(({ outcome }) => outcome === 'present').map(({ name }) => name),
      covered: following.covered,
      missing: plan.missing && { first: plan.missing.first.name, last: plan.missing.last.name },
      active: this.#listed.at(-1)?.name,
    };
  }

  /** Whether the archive is that of this server, in this life of it. @throws BinlogResetError, BinlogConflictError */
  async #checkIdentity({ ahead, common, toPush }: PushPlan): Promise<void> {
    const { transport, logger, signal } = this.#options;
    const path = join(this.#directory, common?.name ?? '');
    const isDoubtful = toPush.length > 0 || ahead !== undefined || this.#isYounger(common);
    if (common !== undefined && isDoubtful && existsSync(path)) {
      const file = openLocalFile(path);
      try {
        await requireSame(file, common.key, { transport, logger, signal, bytes: tellingBytes });
      } finally {
        file.close();
      }
    }
    const active = this.#listed.at(-1);
    if (ahead !== undefined && active !== undefined)
      throw new BinlogResetError(ahead, active, transport.storage.location);
  }

  /** A file that was written after the object of its name was stored is another one. */
  #isYounger(common: ArchivedBinlog | undefined): boolean {
    if (common === undefined) return false;
    const stats = statSync(join(this.#directory, common.name), { throwIfNoEntry: false });
    return stats !== undefined && stats.mtimeMs > common.modified.getTime();
  }

  #checkGap({ missing }: PushPlan): void {
    if (missing === undefined) return;
    if (!this.#options.acceptGap) throw new BinlogGapError(missing);
    const [first, last] = [missing.first.name, missing.last.name];
    this.#options.logger.warn('binary logs were purged before they were pushed', { first, last });
  }

  /** Of these, and of the follower of each. */
  async #readHeads(binlogs: readonly PlannedBinlog[]): Promise<Heads> {
    const heads = new Map<string, KnownBinlog>();
    for (const { name } of binlogs) {
      this.#options.signal.throwIfAborted();
      const next = this.#followers.get(name);
      for (const one of next === undefined ? [name] : [name, next.name]) {
        if (!heads.has(one)) heads.set(one, await headOf(this.#directory, one));
      }
    }
    return {
      of: (name) => heads.get(name),
      after: (name) => heads.get(this.#followers.get(name)?.name ?? ''),
    };
  }

  /** Whether the first one follows what is archived. @throws BinlogSequenceError */
  async #checkFirst({ before, toPush }: PushPlan, known: Heads): Promise<void> {
    const { acceptGap, logger } = this.#options;
    const first = toPush.at(0);
    const next = first && known.of(first.name);
    if (before === undefined || first?.number !== before.number + 1 || next === undefined) return;
    const predecessor = await this.#predecessor(before);
    try {
      if (predecessor !== undefined) checkSequence(predecessor, next);
    } catch (error) {
      if (!acceptGap) throw error;
      logger.warn('binary logs do not follow one another, archiving them all the same', { reason: messageOf(error) });
    }
  }

  async #predecessor({ name, key }: ArchivedBinlog): Promise<Predecessor | undefined> {
    const { transport, logger, signal } = this.#options;
    if (existsSync(join(this.#directory, name))) {
      const { head } = await headOf(this.#directory, name);
      return { name, serverId: head.serverId, previousGtids: head.previousGtids };
    }
    try {
      const summary = await summarize(await readDecoded(transport, key, { signal }), { name, mayBeCut: true });
      return { name, serverId: summary.serverId, previousGtids: summary.previousGtids, summary };
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ArchiverError) || error.kind === 'unavailable') throw error;
      // A server that may only encrypt cannot read it; and damage in the archive must not stop the archiving.
      logger.info('cannot read what was archived last, to compare', { name, reason: messageOf(error) });
      return undefined;
    }
  }

  async #upload(following: GtidFollowing): Promise<ReadonlyMap<string, ArchivedResult>> {
    const { cachePath, logger } = this.#options;
    try {
      return await uploadBinlogs(following.toPush, {
        ...this.#options,
        directory: this.#directory,
        followerOf: (name) => this.#followers.get(name),
        stored(binlog) {
          noteLastArchived(cachePath, binlog.name, logger);
          following.stored(binlog);
        },
      });
    } finally {
      await following.settled();
    }
  }
}
