/**
 * Restores a backup into the data directory of a stopped cluster, of which it keeps what is right: by checksums that the
 * backup has it finds out what need not be fetched, and of what is fetched only what differs is written. In the end the
 * directory is what a restore into an empty one would have made of it (docs/restore-in-place.md).
 *
 * Before anything else the cluster loses its `pg_control`, which comes back last: what is interrupted cannot be started,
 * and another restore in place carries on.
 */
import type { FetchedPart } from '../backup/fetch-part.ts';
import {
  prepareFetch,
  restoreBackup,
  sizesOf,
  type FetchRequest,
  type FetchServices,
  type FetchSummary,
  type PreparedFetch,
} from '../backup/fetch.ts';
import { resolveDestination } from '../backup/destination.ts';
import { planChain, type ChainPlan } from '../restore/chain-plan.ts';
import type { NameSet } from '../restore/name-set.ts';
import { arrangeWhatStays, removeSurplus, takeOutOfService } from './clear.ts';
import { comparedBytes, compareFiles } from './compare.ts';
import {
  examineCluster,
  InPlaceError,
  requireSameCluster,
  requireSameTablespaces,
  requireStopped,
  type ExistingCluster,
} from './existing-cluster.ts';
import { findLocalFiles, type LocalFiles } from './local-files.ts';
import { removeMarker, writeMarker } from './marker.ts';
import { thisProcess } from './process-identity.ts';
import { readStoredSums, type StoredSums } from './stored-sums.ts';

/** A restore in place that nothing speaks against. */
export interface PreparedInPlace extends PreparedFetch {
  readonly cluster: ExistingCluster;
  readonly chain: ChainPlan & { readonly names: NameSet };
}

/** What it does with the files. */
export interface InPlacePlan {
  /** What is fetched. */
  readonly chain: ChainPlan;
  readonly sums: StoredSums;
  readonly local: LocalFiles;
  /** 1 for each file that is kept, by the numbers of the names of the prepared chain. */
  readonly right: Uint8Array;
  readonly counts: InPlaceCounts;
}

/** Sums of a plan. */
export interface InPlaceCounts {
  readonly keptFiles: number;
  readonly keptBytes: number;
  readonly removedFiles: number;
  readonly removedBytes: number;
  /** Of the files that are removed: WAL that the server had not archived yet. */
  readonly unarchivedWal: number;
  readonly parts: number;
  readonly storedBytes: number;
}

type Services = Pick<FetchServices, 'transport' | 'logger' | 'signal' | 'openPool'> & {
  openComparison: FetchServices['openProgress'];
};

/**
 * Looks at everything that could speak against it.
 *
 * @throws InPlaceError, and what {@link prepareFetch} throws
 */
export async function prepareInPlace(
  services: Pick<FetchServices, 'transport' | 'logger' | 'signal'>,
  request: FetchRequest,
): Promise<PreparedInPlace> {
  const destination = resolveDestination(request.destination);
  const cluster = examineCluster(destination);
  const prepared = await prepareFetch(services, { ...request, inPlace: true });
  const { chain, control, layout } = prepared;
  const { names } = chain;
  if (names === undefined) {
    throw new InPlaceError(
      'cannotWrite',
      'the backup has no list of its files, so that nobody knows which files are not in it',
      'Restore into an empty directory, without --delta.',
    );
  }
  requireSameCluster(destination, cluster, request.sentinel.systemIdentifier ?? control?.contents?.systemIdentifier);
  requireSameTablespaces(layout, cluster, { mayMove: request.restoreSpec !== undefined });
  return { ...prepared, cluster, chain: { ...chain, names } };
}

/**
 * Compares the directory with the backup, and changes nothing.
 *
 * @param options.durable what is kept is on disk then
 */
export async function planInPlace(
  services: Services,
  { request, layout, chain, leaveOut }: PreparedInPlace,
  { durable }: { readonly durable: boolean },
): Promise<InPlacePlan> {
  const { transport, logger, signal } = services;
  const { names } = chain;
  const local = await findLocalFiles({ layout, names, leaveOut, signal });
  const sums = await readStoredSums({ transport, logger, signal }, chain, names);
  const right = await compare(services, { layout, names, sums, local, durable });
  const isWanted = (path: string): boolean => {
    const number = names.numberOf(path);
    return number !== undefined && right[number] !== 1 && !sums.directories.has(path);
  };
  const rest = await planChain({ transport, logger, signal, skipRedundantParts: true, isWanted }, chain.steps);
  const removed = local.surplus.filter(({ type }) => type !== 'directory');
  const kept = local.sizes.filter((_, number) => right[number] === 1);
  const { parts, storedBytes } = sizesOf(rest);
  logger.info('compared with the backup', { backup: request.backup, keptFiles: kept.length, parts });
  return {
    chain: rest,
    sums,
    local,
    right,
    counts: {
      keptFiles: kept.length,
      keptBytes: kept.reduce((sum, size) => sum + size, 0),
      removedFiles: removed.length,
      removedBytes: removed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      unarchivedWal: removed.filter((file) => /\/pg_(?:wal|xlog)\/archive_status\/.*\.ready$/.test(file.local)).length,
      parts,
      storedBytes,
    },
  };
}

async function compare(services: Services, comparison: Parameters<typeof compareFiles>[1]): Promise<Uint8Array> {
  await using pool = services.openPool(Number.MAX_SAFE_INTEGER);
  const progress = services.openComparison(comparedBytes(comparison));
  const shown = setInterval(() => {
    progress.update(pool.bytesDone());
  }, progressMs);
  try {
    return await compareFiles(pool, comparison);
  } finally {
    clearInterval(shown);
    progress.finish();
  }
}

const progressMs = 100;

/**
 * Restores.
 *
 * @throws what {@link restoreBackup} throws. The directory is then without `pg_control`, and may be restored in place
 *   once more.
 */
export async function restoreInPlace(
  services: Services & FetchServices,
  prepared: PreparedInPlace,
): Promise<FetchSummary & InPlaceCounts> {
  const { logger } = services;
  const { layout, request, cluster, chain } = prepared;
  const { destination, tablespaces } = layout;
  requireStopped(destination);
  writeMarker(destination, {
    systemIdentifier: cluster.systemIdentifier,
    backup: request.backup,
    tablespaces: { ...cluster.marker?.tablespaces, ...tablespaces },
    process: thisProcess(),
  });
  try {
    takeOutOfService(destination);
  } catch (error) {
    if (cluster.marker === undefined) removeMarker(destination);
    throw error;
  }
  let plan: InPlacePlan;
  try {
    plan = await planInPlace(services, prepared, request);
    const { counts, right, sums, local } = plan;
    if (counts.unarchivedWal > 0) {
      logger.warn('WAL that was not archived is removed: what only it has is lost', { files: counts.unarchivedWal });
    }
    logger.info('removing what the backup does not have', { files: counts.removedFiles, bytes: counts.removedBytes });
    removeSurplus(local.surplus, services);
    arrangeWhatStays(layout, { names: chain.names, right, sums, local });
  } catch (error) {
    logger.warn('the restore in place is incomplete: the directory cannot be started, run it again', { destination });
    throw error;
  }
  const present: FetchedPart = {
    memberBytes: 0,
    filesWritten: 0,
    directories: [...plan.sums.directories].map(([path, mode]) => ({ path, mode })),
    links: [],
    touched: plan.local.directories,
    unlisted: [],
  };
  const summary = await restoreBackup(services, { ...prepared, chain: plan.chain, present });
  removeMarker(destination);
  return { ...summary, ...plan.counts };
}
