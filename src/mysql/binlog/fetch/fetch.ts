/**
 * `binlog-fetch`: binary logs as files in a directory, each one whole as the server wrote it, and beside them in which
 * order they follow and from where to where they are wanted. After a failure nothing of it is left.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findBackup } from '../../../catalog/backup-store.ts';
import { stringifyJson } from '../../../catalog/json.ts';
import { removeQuietly, syncFolder } from '../../../platform/files.ts';
import { tempNameFor } from '../../../platform/temp-name.ts';
import { RangeCursor, type Reached } from '../range/cursor.ts';
import { readHead } from '../range/head.ts';
import { cannotWrite, makeFolder } from '../range/local-file.ts';
import { planRange, type BinlogRange, type RangeRequest, type RangeStep } from '../range/plan.ts';
import { readableBinlogs, type BinlogSource } from '../range/source.ts';
import { stageBinlog } from '../range/stage-binlog.ts';
import { describeTarget } from '../range/target.ts';
import { besideTheWay } from './order.ts';

/** A fetched file. */
export interface FetchedBinlog {
  readonly name: string;
  /** Where its first wanted transaction begins and the last one ends; undefined: nothing in it is wanted. */
  readonly start: number | undefined;
  readonly end: number | undefined;
}

/** What was fetched, in the order of `binlogs_order`. */
export interface FetchedBinlogs {
  readonly binlogs: readonly FetchedBinlog[];
  readonly range: BinlogRange;
  /** The last transaction that is wanted. */
  readonly last: Reached | undefined;
}

/** What to fetch. */
export interface FetchRequest extends RangeRequest {
  /** Made if it is missing. */
  readonly destination: string;
  /** Told of the bytes written so far. */
  readonly onProgress?: (bytes: number) => void;
}

/** Names in hand-over order, a line for each: WAL-G's file. */
export const orderFile = 'binlogs_order';

/** The same with positions, as JSON: our own. */
export const positionsFile = 'binlogs_positions.json';

/**
 * Fetches them.
 *
 * @throws ArchiverError (`cannotWrite`) when a file is there already; as `planRange` and `stageBinlog`
 */
export async function fetchBinlogs(request: FetchRequest): Promise<FetchedBinlogs> {
  const { destination, logger, signal, onProgress } = request;
  const range = await planRange({ ...request, mayTakeAll: true });
  const extras = await extraBinlogs(request, range);
  makeFolder(destination);
  const made: string[] = [];
  let doneBytes = 0;
  const onBytes = (bytes: number): void => onProgress?.((doneBytes += bytes));

  async function fetchWith(cursor: RangeCursor, step: RangeStep): Promise<FetchedBinlog> {
    const { name } = step.binlog;
    const path = join(destination, name);
    logger.debug('fetching binary log', { binlog: name });
    const { wanted } = await stageBinlog(step, { cursor, path, isWhole: true, logger, signal, onBytes });
    made.push(path);
    return { name, start: wanted?.start, end: wanted?.end };
  }

  try {
    const binlogs: FetchedBinlog[] = [];
    for (const binlog of extras) {
      const head = await readHead(await binlog.open({ signal }), binlog.name);
      const step = { binlog, head, from: Number.POSITIVE_INFINITY, skipsKnown: false, mayEndEarly: true };
      binlogs.push(await fetchWith(new RangeCursor({ ...range, steps: [step], target: { by: 'end' } }), step));
    }
    const cursor = new RangeCursor(range);
    for (const step of range.steps) binlogs.push(await fetchWith(cursor, step));
    cursor.finish();
    writeBeside(destination, orderFile, binlogs.map(({ name }) => `${name}\n`).join(''), made);
    writeBeside(destination, positionsFile, positionsText(range, binlogs), made);
    syncFolder(destination);
    return { binlogs, range, last: cursor.last };
  } catch (error) {
    for (const path of made) removeQuietly(path);
    throw error;
  }
}

async function extraBinlogs(request: FetchRequest, range: BinlogRange): Promise<readonly BinlogSource[]> {
  const { transport, lastModifiedUntil, signal } = request;
  const { backup } = range.start;
  if (backup === undefined) return [];
  const { modified } = await findBackup(transport.storage, backup, { signal });
  const all = await readableBinlogs(transport, { signal });
  const binlogs = all.filter((binlog) => lastModifiedUntil === undefined || binlog.modified <= lastModifiedUntil);
  return besideTheWay(range, { binlogs, sentinelModified: modified });
}

/** In the place of an older one, which an earlier run left. */
function writeBeside(folder: string, name: string, text: string, made: string[]): void {
  const path = join(folder, name);
  const temporary = tempNameFor(path, new Date());
  try {
    writeFileSync(temporary, text, { flag: 'wx', flush: true });
    renameSync(temporary, path);
    made.push(path);
  } catch (error) {
    removeQuietly(temporary);
    throw cannotWrite(path, error);
  }
}

/** What `--json` prints, too. */
export function positionsText(range: BinlogRange, binlogs: readonly FetchedBinlog[]): string {
  const wanted = binlogs.filter(({ start }) => start !== undefined);
  const [first] = wanted;
  const last = wanted.at(-1);
  return `${stringifyJson(
    {
      start: first && { binlog: first.name, position: first.start },
      stop: last && { binlog: last.name, position: last.end },
      target: describeTarget(range.target),
      target_reached: range.isReached,
      binlogs: binlogs.map(({ name, start, end }) => ({ name, start: start ?? null, stop: end ?? null })),
    },
    { indent: 2 },
  )}\n`;
}
