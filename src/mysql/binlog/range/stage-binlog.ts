/**
 * A binary log of the way as a local file that holds exactly what is wanted of it: checked as it comes, then cut. What
 * describes the file is kept, so that any client program reads it, and applies all of it.
 */
import { closeSync, ftruncateSync, openSync, readSync } from 'node:fs';
import type { ByteSource } from '../../../bytes/stage.ts';
import { ArchiverError, codeOf } from '../../../errors.ts';
import { removeQuietly, writeAll, writeAllAt } from '../../../platform/files.ts';
import type { Logger } from '../../../platform/logger.ts';
import { BinlogEndsEarlyError } from '../events/errors.ts';
import type { BinlogTransaction } from '../events/transaction-tracker.ts';
import { readTransactions } from '../events/transactions.ts';
import type { RangeCursor } from './cursor.ts';
import { cannotWrite } from './local-file.ts';
import type { RangeStep } from './plan.ts';

/** A binary log on the disk. */
export interface StagedBinlog {
  readonly name: string;
  /** Where the first wanted transaction begins in the server's file, and the last one ends; undefined: there is none. */
  readonly wanted: { readonly start: number; readonly end: number } | undefined;
  /** Of the first wanted transaction. */
  readonly firstGtid: string | undefined;
  /** How many are wanted. */
  readonly transactions: number;
  /** The latest time of an event in it, in seconds since 1970. */
  readonly lastTimestamp: number;
  /** Of the file on the disk. */
  readonly sizeBytes: number;
}

/** How to stage. */
export interface StageOptions {
  readonly cursor: RangeCursor;
  /** The file; it must not exist. */
  readonly path: string;
  /** Keep the whole file as the server wrote it. */
  readonly isWhole?: boolean;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Told of the bytes that came, not compressed. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/** A stretch of the server's file that is not wanted. */
interface Stretch {
  readonly start: number;
  end: number;
}

/**
 * Fetches a step into a file; after a failure there is none.
 *
 * @throws ArchiverError (`cannotWrite`) when there is such a file already, CorruptError naming file and position, the
 * storage's errors; as {@link RangeCursor.judge}
 */
export async function stageBinlog(step: RangeStep, options: StageOptions): Promise<StagedBinlog> {
  const { path } = options;
  const descriptor = create(path);
  try {
    return await stageInto(descriptor, step, options);
  } catch (error) {
    removeQuietly(path);
    throw error;
  } finally {
    closeSync(descriptor);
  }
}

async function stageInto(descriptor: number, step: RangeStep, options: StageOptions): Promise<StagedBinlog> {
  const { cursor, isWhole = false, logger, signal, onBytes } = options;
  const { binlog, head } = step;
  cursor.enter(step);
  let sizeBytes = 0;
  const source = await binlog.open({ signal });
  const copied = (async function* (): ByteSource {
    for await (const chunk of source) {
      signal.throwIfAborted();
      append(chunk);
      sizeBytes += chunk.length;
      onBytes?.(chunk.length);
      yield chunk;
    }
  })();
  const unwanted: Stretch[] = step.from > head.end ? [{ start: head.end, end: step.from }] : [];
  let wanted: { start: number; end: number } | undefined;
  let firstGtid: string | undefined;
  let transactions = 0;
  let lastTimestamp = head.timestamp;
  let lastEnd = head.end;

  function append(chunk: Uint8Array): void {
    try {
      writeAll(descriptor, chunk);
    } catch (cause) {
      throw cannotWrite(options.path, cause);
    }
  }

  /** False: nothing that follows is wanted. */
  function take(transaction: BinlogTransaction): boolean {
    const { gtid, start, end, timestamp, isComplete } = transaction;
    const verdict = cursor.judge(transaction);
    if (verdict === 'behind') {
      add(unwanted, { start, end: Number.POSITIVE_INFINITY });
      return isWhole;
    }
    if (isComplete) lastEnd = end;
    if (verdict === 'wanted') {
      wanted = { start: wanted?.start ?? start, end };
      firstGtid ??= gtid;
      transactions += 1;
      lastTimestamp = Math.max(lastTimestamp, timestamp);
    } else add(unwanted, { start, end });
    if (verdict === 'cut') {
      logger.warn('a binary log has half a transaction, which was never committed: it is left out', {
        binlog: binlog.name,
        position: start,
      });
    }
    return true;
  }

  try {
    for await (const transaction of readTransactions(copied, { name: binlog.name })) {
      if (!take(transaction)) break;
    }
  } catch (error) {
    if (!step.mayEndEarly || !(error instanceof BinlogEndsEarlyError)) throw error;
    logger.warn('a binary log ends in the midst of an event: its server crashed', {
      binlog: binlog.name,
      position: error.position,
    });
    cursor.breakOff();
    if (!cursor.isBehind) add(unwanted, { start: lastEnd, end: Number.POSITIVE_INFINITY });
  }
  if (!isWhole) sizeBytes = cut(descriptor, unwanted, sizeBytes);
  return { name: binlog.name, wanted, firstGtid, transactions, lastTimestamp, sizeBytes };
}

function create(path: string): number {
  try {
    return openSync(path, 'wx+');
  } catch (cause) {
    if (codeOf(cause) !== 'EEXIST') throw cannotWrite(path, cause);
    throw new ArchiverError('cannotWrite', `there is such a file already: "${path}"`, {
      cause,
      hint: 'Binary logs are put into an empty directory, WALG_MYSQL_BINLOG_DST: remove what is there, or give another one.',
    });
  }
}

/** Adds a stretch behind those so far. */
function add(stretches: Stretch[], { start, end }: Stretch): void {
  const last = stretches.at(-1);
  if (last !== undefined && last.end >= start) last.end = Math.max(last.end, end);
  else stretches.push({ start, end });
}

const copyBytes = 256 * 1024;

/** Moves what is wanted together; returns the new size. */
function cut(descriptor: number, unwanted: readonly Stretch[], sizeBytes: number): number {
  if (unwanted.length === 0) return sizeBytes;
  const buffer = Buffer.allocUnsafe(copyBytes);
  let written = unwanted[0]?.start ?? sizeBytes;
  for (const [index, { end }] of unwanted.entries()) {
    const until = Math.min(unwanted[index + 1]?.start ?? sizeBytes, sizeBytes);
    for (let at = end; at < until;) {
      const length = readSync(descriptor, buffer, 0, Math.min(copyBytes, until - at), at);
      if (length === 0) throw new Error('the file has become shorter');
      writeAllAt(descriptor, buffer.subarray(0, length), written);
      written += length;
      at += length;
    }
  }
  ftruncateSync(descriptor, written);
  return written;
}
