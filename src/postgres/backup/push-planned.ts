/** Has the planned parts of a backup written by worker threads. */
import type { RateLimiter } from '../../bytes/rate-limiter.ts';
import { limiterOf } from '../../pipeline/limits.ts';
import { openWorkerPool } from '../../pipeline/worker-pool.ts';
import type { Owners } from '../cluster/member.ts';
import { pageBytes, segmentPages } from '../pages/page-scan.ts';
import type { PostgresServer } from '../server/server.ts';
import { withTargetStorage } from '../../storage/target-storage.ts';
import type { PlannedPart } from './plan-parts.ts';
import type { PushOptions } from './push-options.ts';
import type { PageOptions } from './push-part.ts';
import { pushParts } from './push-parts.ts';
import type { FinishedBackup } from './record.ts';
import type { BackupSession } from './session.ts';

/** Whose files they are. */
export interface PartsContext {
  readonly session: BackupSession;
  readonly fileBytes: number;
  readonly pages: PageOptions;
  readonly dataDirectory: string;
  readonly owners: Owners;
  readonly networkLimit: RateLimiter | undefined;
}

/** Writes them, in the order of `planned`. @throws the first failure */
export async function pushPlanned(
  planned: readonly PlannedPart[],
  { session, fileBytes, pages, dataDirectory, owners, networkLimit }: PartsContext,
  options: PushOptions,
): Promise<FinishedBackup['parts']> {
  const { settings, transport, workerEntry, workers, logger } = options;
  if (planned.length === 0) return [];
  await using pool = openWorkerPool({
    entry: workerEntry,
    workers: Math.min(workers, planned.length),
    environment: withTargetStorage(settings.toEnvironment(), transport.storageName),
    networkLimit,
    diskLimit: limiterOf(options.diskRateLimit),
    signal: session.signal,
    logger,
  });
  const progress = options.openProgress(fileBytes);
  const isCatchup = options.catchup !== undefined;
  const { name: backup } = session;
  return await pushParts(planned, { backup, dataDirectory, owners, pages, isCatchup, pool, progress, logger });
}

/** What is looked for in pages. */
export function pageOptionsOf(
  { base, startLsn }: BackupSession,
  server: PostgresServer,
  options: PushOptions,
): PageOptions {
  const { enabled, blocksKept } = options.verify;
  const hasKnownPages = server.blockBytes === pageBytes && server.relationSegmentPages === segmentPages;
  const isPossible = server.dataChecksums && hasKnownPages;
  if (enabled && !isPossible) {
    const why = server.dataChecksums
      ? 'the server was built with another size of pages or files'
      : 'the cluster has none';
    options.logger.warn(`page checksums are not verified: ${why}`);
  }
  return {
    since: options.catchup?.fromLsn ?? base?.startLsn,
    verifiedBefore: enabled && isPossible ? startLsn : undefined,
    corruptBlocksKept: blocksKept,
  };
}
