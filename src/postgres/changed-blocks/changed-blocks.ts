/**
 * Which blocks of which files changed since a backup, without reading the files: told by the server's WAL summaries
 * (`summarize_wal`, 17 and newer) or by WAL itself (`WALG_USE_WAL_DELTA`). It is never a guess: where it is not known of
 * a file, the answer is to read it, and where it is not known at all, the answer is a reason. See docs/deltas-from-wal.md.
 */
import { ArchiverError } from '../../errors.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Lsn } from '../lsn.ts';
import { segmentPages } from '../pages/page-scan.ts';
import type { PostgresServer } from '../server/server.ts';
import { changesFromSummaries } from './from-summaries.ts';
import { changesFromWal } from './from-wal.ts';

/** A file of the main fork of a relation: `base/5/16384.1` is { 1663, 5, 16384, 1 }. */
export interface RelationSegment {
  /** 1663: the default tablespace, folder `base`. 1664: `global`. */
  readonly tablespaceOid: number;
  /** 0 in `global`. */
  readonly databaseOid: number;
  readonly relfilenode: number;
  /** Number behind the dot; 0 for the first file. */
  readonly segment: number;
}

/**
 * `none`: no record of the WAL touches a block. `scan`: it must be read in full (it was truncated, made anew, or copied
 * as a file). Else the numbers of the blocks within this segment file, ascending; some may lie behind the file's end.
 */
export type Changes = 'none' | 'scan' | Uint32Array;

/**
 * The blocks that records of the WAL touch. Two kinds of changes leave no records, and are the caller's: a server
 * extends files by pages of zeros (so everything behind the size that a file had in the base has changed), and files
 * that the base does not have are stored whole.
 */
export interface ChangedBlocks {
  of(file: RelationSegment): Changes;
  /** For the log: `WAL summaries of the server`. */
  readonly source: string;
}

/** The WAL in which to look for changes. */
export interface ChangedRange {
  /** Start of the base backup. */
  readonly from: Lsn;
  /** Start of the new backup. */
  readonly to: Lsn;
  /** Timeline of the new backup; `from` may lie on an ancestor of it. */
  readonly timeline: number;
  readonly segmentBytes: number;
}

/** Where to look. */
export interface ChangedBlocksSources {
  readonly server: PostgresServer;
  /** Its `pg_wal` has the newest segments. */
  readonly dataDirectory: string;
  /** Its archive has the others. */
  readonly archive: Transport;
  readonly useSummaries: boolean;
  readonly useWalDelta: boolean;
  /** Fail where WAL delta is to be used and cannot be. */
  readonly forceWalDelta: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Why the files must be scanned. */
export interface ChangesUnknown {
  /** Lower case, without a full stop. */
  readonly reason: string;
}

/**
 * Asks the WAL summaries, then the WAL.
 *
 * @throws ArchiverError `missing` when it must not be unknown (`forceWalDelta`); the signal's reason; `ServerLostError`
 */
export async function changedBlocks(
  range: ChangedRange,
  sources: ChangedBlocksSources,
): Promise<ChangedBlocks | ChangesUnknown> {
  const reasons: string[] = [];
  const { relationSegmentPages } = sources.server;
  if (relationSegmentPages !== segmentPages) {
    return told(`files of relations have ${relationSegmentPages} pages, and not ${segmentPages}`, sources);
  }
  if (sources.useSummaries) {
    const changes = await changesFromSummaries(range, sources);
    if (!('reason' in changes)) return changes;
    reasons.push(changes.reason);
  }
  if (sources.useWalDelta) {
    const changes = await changesFromWal(range, sources);
    if (!('reason' in changes)) return changes;
    reasons.push(told(changes.reason, sources).reason);
  }
  return { reason: reasons.length === 0 ? 'neither WAL summaries nor WAL are used' : reasons.join('; ') };
}

function told(reason: string, { useWalDelta, forceWalDelta }: ChangedBlocksSources): ChangesUnknown {
  if (!useWalDelta || !forceWalDelta) return { reason };
  throw new ArchiverError('missing', `WAL does not tell which blocks changed: ${reason}`, {
    hint: 'Push a full backup with --full, or unset WALG_FORCE_WAL_DELTA so that all files are scanned.',
  });
}
