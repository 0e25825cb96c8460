/** `binlog-replay`: from a restored backup to a moment of its server's history, whole transactions only and each once. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatTime } from '../../../catalog/time.ts';
import { ArchiverError } from '../../../errors.ts';
import type { Logger } from '../../../platform/logger.ts';
import { RangeCursor, type Reached } from '../range/cursor.ts';
import { makeFolder } from '../range/local-file.ts';
import type { BinlogRange } from '../range/plan.ts';
import { describeTarget } from '../range/target.ts';
import type { BinlogApplier } from './applier.ts';
import { stageAhead } from './stage-ahead.ts';

/** What to replay, and how. */
export interface ReplayOptions {
  readonly range: BinlogRange;
  /** Where the files are put, one after another; undefined: a temporary directory. */
  readonly folder: string | undefined;
  readonly applier: BinlogApplier;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Told of the bytes fetched so far, not compressed. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/** How far it came. */
export interface ReplayResult {
  readonly transactions: number;
  /** Of which something was applied. */
  readonly binlogs: number;
  /** Undefined: nothing was to be applied. */
  readonly last: Reached | undefined;
}

/**
 * Applies what the range holds.
 *
 * @throws ReplayError; as `stageBinlog` and `RangeCursor.finish`
 */
export async function replayBinlogs(options: ReplayOptions): Promise<ReplayResult> {
  const { range, applier, logger, signal, onProgress } = options;
  return inFolder(options.folder, async (folder) => {
    const cursor = new RangeCursor(range);
    let binlogs = 0;
    let doneBytes = 0;
    const onBytes = (bytes: number): void => onProgress?.((doneBytes += bytes));
    for await (const { staged, path } of stageAhead({ steps: range.steps, cursor, folder, logger, signal, onBytes })) {
      const { name, wanted, transactions } = staged;
      if (wanted === undefined) {
        logger.debug('nothing in this binary log is wanted', { binlog: name });
        continue;
      }
      logger.info('applying binary log', { binlog: name, from: wanted.start, to: wanted.end, transactions });
      await applier.apply(staged, path);
      binlogs += 1;
    }
    cursor.finish();
    return { transactions: cursor.transactions, binlogs, last: cursor.last };
  });
}

/** Refuses what would end elsewhere than asked. @throws ArchiverError (`archiveMissing`) */
export function refuseShortArchive({ target, archiveEnd, isReached }: BinlogRange): void {
  if (isReached) return;
  const end =
    archiveEnd === undefined
      ? 'it has nothing that comes after the start'
      : `it ends with "${archiveEnd.binlog}", at ${formatTime(archiveEnd.time)}${gtidsOf(archiveEnd.gtids)}`;
  throw new ArchiverError('archiveMissing', `the archive does not reach ${describeTarget(target)}: ${end}`, {
    hint: 'Push the missing binary logs, if a server still has them. With --accept-end, what there is is replayed.',
  });
}

/** Refuses what may apply transactions that the backup has. @throws ArchiverError (`missing`) */
export function refuseInexactStart({ start }: BinlogRange): void {
  if (start.isExact) return;
  const backup = start.backup === undefined ? 'the start' : `the backup "${start.backup}"`;
  throw new ArchiverError(
    'missing',
    `${backup} does not tell its exact position, only the binary log "${start.binlog}"`,
    {
      hint: `Part of that log may be in the backup. If you know from where on it is not, say so: --since ${start.binlog}:POSITION, or the executed GTIDs; --since ${start.binlog}:4 applies all of it.`,
    },
  );
}

function gtidsOf(gtids: { readonly isEmpty: boolean; toString(): string } | undefined): string {
  return gtids === undefined || gtids.isEmpty ? '' : ` (${gtids.toString()})`;
}

async function inFolder<T>(path: string | undefined, use: (folder: string) => Promise<T>): Promise<T> {
  if (path !== undefined) {
    makeFolder(path);
    return use(path);
  }
  const folder = await mkdtemp(join(tmpdir(), 'walvault-replay-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
