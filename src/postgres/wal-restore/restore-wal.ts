/**
 * `wal-restore`: brings back, from the archive, WAL that a promoted cluster has removed since another one parted from it,
 * so that pg_rewind finds it there. Rules: `postgres-commands.md` 15 of the specification.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ArchiverError, codeOf } from '../../errors.ts';
import { mapConcurrently } from '../../pipeline/concurrency.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import type { ControlFile } from '../control-file.ts';
import { readLocalHistory } from '../history-files.ts';
import { formatLsn } from '../lsn.ts';
import { controlFilePath, readControlFile } from '../pgdata.ts';
import { historyFileName, parseTimelineHistory, spansOf, type TimelineSpan } from '../timeline.ts';
import { fetchWal, WalNotArchivedError } from '../wal/fetch.ts';
import { parseSegmentName, type SegmentId } from '../wal-segment.ts';
import { lastCommonPoint, missingSegments } from './missing-segments.ts';

/** What to restore for whom, and from where. */
export interface WalRestoreOptions {
  /** Data directory of the cluster that is to be rewound. */
  readonly target: string;
  /** Data directory of the one to follow: it gets the WAL. */
  readonly source: string;
  readonly transport: Transport;
  readonly concurrency: number;
  readonly retryBudgetMs: number;
  readonly cwd: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** What was done. */
export interface WalRestoreResult {
  readonly restored: readonly string[];
  /** Not in the archive. */
  readonly absent: readonly string[];
}

interface LocalCluster {
  readonly directory: string;
  readonly control: ControlFile;
  readonly timeline: number;
  readonly way: readonly TimelineSpan[];
}

/**
 * Brings back what is missing; segments that the archive does not have are left out.
 *
 * @throws ArchiverError: `missing` for a directory or file that is not there, `config` for clusters that did not part from
 *   each other; CorruptError; the errors of `fetchWal` but that a segment is not archived
 */
export async function restoreWal(options: WalRestoreOptions): Promise<WalRestoreResult> {
  const { transport, retryBudgetMs, cwd, clock, logger, signal } = options;
  const target = readCluster(resolve(cwd, options.target));
  const source = readCluster(resolve(cwd, options.source));
  checkPair(target, source);
  const common = lastCommonPoint(target.way, source.way);
  const { timeline, lsn } = common;
  logger.info('the clusters parted', {
    timeline,
    at: formatLsn(lsn),
    target: target.timeline,
    source: source.timeline,
  });
  const folder = join(source.directory, 'pg_wal');
  const local = new Set(readdirSync(folder));
  const { segmentBytes } = source.control;
  const newest = newestLocal(local, source, segmentBytes);
  const names = missingSegments(source.way, common, { local, segmentBytes, newest });
  const fetching = { check: 'strict', prefetchDirectory: undefined, usesPartial: false, state: 'none' } as const;
  const fetched = await mapConcurrently(names, options.concurrency, async (name) => {
    try {
      const services = { transport, retryBudgetMs, cwd, clock, logger, signal };
      await fetchWal(name, join(folder, name), { ...fetching, ...services });
      logger.info('WAL segment restored', { name });
      return true;
    } catch (error) {
      if (!(error instanceof WalNotArchivedError)) throw error;
      logger.warn('WAL segment is missing and not in the archive either', { name });
      return false;
    }
  });
  return {
    restored: names.filter((_, index) => fetched[index] === true),
    absent: names.filter((_, index) => fetched[index] === false),
  };
}

function readCluster(directory: string): LocalCluster {
  if (!existsSync(join(directory, 'pg_wal'))) throw missing(`"${directory}" has no folder "pg_wal"`);
  const control = readControl(directory);
  const { timeline } = control.checkpoint;
  const history = timeline === 1 ? '' : readLocalHistory(directory, timeline);
  if (history === undefined) throw missing(`"${directory}/pg_wal" has no file "${historyFileName(timeline)}"`);
  return { directory, control, timeline, way: spansOf(timeline, parseTimelineHistory(history, timeline)) };
}

function readControl(directory: string): ControlFile {
  try {
    return readControlFile(directory);
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    throw missing(`cannot read "${join(directory, controlFilePath)}"`, error);
  }
}

function checkPair(target: LocalCluster, source: LocalCluster): void {
  const { systemIdentifier } = target.control;
  if (systemIdentifier !== source.control.systemIdentifier) {
    throw new ArchiverError(
      'config',
      `the directories are of two clusters, ${systemIdentifier} and ${source.control.systemIdentifier}`,
      { hint: 'Name the data directories of the old and the new primary of one cluster.' },
    );
  }
  if (target.timeline === source.timeline) {
    throw new ArchiverError('config', `both clusters are on timeline ${source.timeline}`, {
      hint: 'If the new primary was just promoted, run CHECKPOINT on it first: until then its control file has the old timeline.',
    });
  }
}

/** The newest segment of the cluster's own timeline; without one, that of its last checkpoint. */
function newestLocal(names: ReadonlySet<string>, { timeline, control }: LocalCluster, segmentBytes: number): SegmentId {
  let number = control.checkpoint.redo / BigInt(segmentBytes);
  for (const name of names) {
    const id = parseSegmentName(name, segmentBytes);
    if (id?.timeline === timeline && id.number > number) number = id.number;
  }
  return { timeline, number };
}

function missing(message: string, cause?: unknown): ArchiverError {
  return new ArchiverError('missing', message, {
    cause,
    hint: 'Give the data directories of both clusters: that of the one to be rewound, then that of the one to follow.',
  });
}
