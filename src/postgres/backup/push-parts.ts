/** Writes all ordinary tar parts of a backup, several at once, each in a worker thread. */
import { biggestFirst, type PlannedPart } from './plan-parts.ts';
import { tarPartitionsFolder } from '../../catalog/layout.ts';
import type { WorkerPool } from '../../pipeline/worker-pool.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Progress } from '../../platform/progress.ts';
import { backupKeyOf, catchupKeyOf } from '../catchup/catchup-storage.ts';
import type { Owners } from '../cluster/member.ts';
import type { PageOptions, PushedPart, PushPartJob } from './push-part.ts';

/** What {@link pushParts} needs. */
export interface PushPartsOptions {
  readonly backup: string;
  readonly dataDirectory: string;
  readonly owners: Owners;
  readonly pages: PageOptions;
  /** They go where catchups are. */
  readonly isCatchup?: boolean;
  readonly pool: WorkerPool;
  readonly progress: Progress;
  readonly logger: Logger;
}

const progressMs = 100;

/**
 * Pushes the parts, biggest first; the result has them in the order of `parts`, each with what became of it.
 *
 * @throws the first failure, at once: dispose the pool to end the others
 */
export async function pushParts(
  parts: readonly PlannedPart[],
  options: PushPartsOptions,
): Promise<readonly (readonly [PlannedPart, PushedPart])[]> {
  const { backup, dataDirectory, owners, pages, isCatchup = false, pool, progress, logger } = options;
  const shown = setInterval(() => {
    progress.update(pool.bytesDone());
  }, progressMs);

  async function pushOne(part: PlannedPart): Promise<readonly [PlannedPart, PushedPart]> {
    const logicalKey = `${tarPartitionsFolder(backup)}/${part.name}`;
    const job: PushPartJob = {
      kind: 'pushPart',
      dataDirectory,
      // Workers have the storage as it is.
      logicalKey: isCatchup ? catchupKeyOf(logicalKey) : logicalKey,
      entries: part.entries,
      owners,
      pages,
    };
    const pushed = await pool.run<PushedPart>(job);
    logger.debug('part pushed', { key: pushed.key, bytes: pushed.memberBytes, storedBytes: pushed.storedBytes });
    for (const name of pushed.vanished) logger.warn('vanished before it was read', { file: name });
    return [part, isCatchup ? { ...pushed, key: backupKeyOf(pushed.key) } : pushed];
  }

  try {
    const pushed = await Promise.all(biggestFirst(parts).map(pushOne));
    const order = new Map(parts.map((part, index) => [part, index]));
    return pushed.sort(([a], [b]) => (order.get(a) ?? 0) - (order.get(b) ?? 0));
  } finally {
    clearInterval(shown);
    progress.finish();
  }
}
