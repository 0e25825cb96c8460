/** Verifies the binlogs behind backups: that none is missing, each event of each is whole, and each goes on where the one before ended. */
import { timeOfDate, type TimeNs } from '../../catalog/time.ts';
import { createProblems, type Problems } from '../../catalog/verify/problems.ts';
import { CorruptError } from '../../errors.ts';
import { mapConcurrently } from '../../pipeline/concurrency.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import { ObjectNotFoundError } from '../../storage/errors.ts';
import { binlogKey } from '../binlog/archive.ts';
import type { BinlogName } from '../binlog/binlog-name.ts';
import { binlogRunFrom } from '../binlog/binlog-run.ts';
import { BinlogEndsEarlyError, EncryptedBinlogError } from '../binlog/events/errors.ts';
import { BinlogSummarizer, type BinlogSummary } from '../binlog/events/summarize.ts';
import { checkSequence } from '../binlog/push/neighbours.ts';
import { readableBinlogs, type BinlogSource } from '../binlog/range/source.ts';
import type { VerifyProblem, VerifyStatus } from '../../catalog/verify/report.ts';

/** What verifying needs. */
export interface BinlogServices {
  readonly transport: Transport;
  /** Binlogs read at once. */
  readonly concurrency: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** What was found out. */
export interface BinlogsReport {
  readonly status: VerifyStatus;
  readonly provenAt: TimeNs | undefined;
  readonly checkedAt: TimeNs;
  readonly binlogs: { readonly read: number; readonly total: number };
  readonly problems: readonly VerifyProblem[];
  readonly problemCount: number;
  readonly notes: readonly string[];
}

/** So many problems are told. */
const toldProblems = 100;

interface ReadBinlog {
  readonly binlog: BinlogSource;
  /** Undefined: it could not be read. */
  readonly summary: BinlogSummary | undefined;
  /** How it ends, in the midst of an event: as one does whose server crashed. */
  readonly torn?: string | undefined;
  readonly problem?: string;
  readonly note?: string;
}

/**
 * Reads all binlogs of the base names that backups start with, from the first start on.
 *
 * @param starts of the backups
 * @throws the storage's errors; ArchiverError (`forbidden`) when the keys that are set do not open them
 */
export async function verifyBinlogs(services: BinlogServices, starts: readonly BinlogName[]): Promise<BinlogsReport> {
  const { transport, concurrency, clock, logger, signal } = services;
  const all = await readableBinlogs(transport, { signal });
  const problems = createProblems(toldProblems);
  const notes: string[] = [];
  let count = 0;
  for (const start of firstOfEachBase(starts)) {
    const { present, missing } = binlogRunFrom(all, start);
    for (const { first, count: many } of missing) {
      const what = many === 1 ? 'it is missing, and later ones are there' : `${many} binlogs from here on are missing`;
      problems.add({ key: binlogKey(first), file: undefined, what });
    }
    logger.info('verifying binlogs', { from: start.name, count: present.length });
    const read = await mapConcurrently(present, concurrency, (binlog) => readOne(binlog, signal));
    count += read.length;
    judge(read, problems, notes);
  }
  const checkedAt = timeOfDate(clock.now());
  if (starts.length === 0) notes.push('no backup says in which binlog it stands: none was read');
  const status = problems.count > 0 ? 'damaged' : starts.length === 0 ? 'partial' : 'proven';
  return {
    ...{ status, checkedAt, provenAt: status === 'proven' ? checkedAt : undefined },
    binlogs: { read: count, total: count },
    ...{ problems: problems.first, problemCount: problems.count, notes },
  };
}

function firstOfEachBase(starts: readonly BinlogName[]): Iterable<BinlogName> {
  const firsts = new Map<string, BinlogName>();
  for (const start of starts) {
    const before = firsts.get(start.base);
    if (before === undefined || start.number < before.number) firsts.set(start.base, start);
  }
  return firsts.values();
}

async function readOne(binlog: BinlogSource, signal: AbortSignal): Promise<ReadBinlog | undefined> {
  const { name } = binlog;
  try {
    const summarizer = new BinlogSummarizer(name);
    for await (const chunk of await binlog.open({ signal })) summarizer.add(chunk);
    return { binlog, summary: summarizer.finish({ mayBeCut: true }), torn: howTorn(summarizer) };
  } catch (error) {
    // Deleted since the listing, or the tail of one that is complete by now.
    if (error instanceof ObjectNotFoundError) return undefined;
    if (error instanceof EncryptedBinlogError) {
      return { binlog, summary: undefined, note: `${error.message}: it was not looked into` };
    }
    if (!(error instanceof CorruptError)) throw error;
    return { binlog, summary: undefined, problem: error.message };
  }
}

function howTorn(summarizer: BinlogSummarizer): string | undefined {
  try {
    summarizer.finish();
    return undefined;
  } catch (error) {
    if (error instanceof BinlogEndsEarlyError) return error.message;
    throw error;
  }
}

function judge(read: readonly (ReadBinlog | undefined)[], problems: Problems, notes: string[]): void {
  let before: ReadBinlog | undefined;
  for (const [index, one] of read.entries()) {
    if (one === undefined) {
      before = undefined;
      continue;
    }
    const key = binlogKey(one.binlog.name);
    if (one.problem !== undefined) problems.add({ key, file: undefined, what: one.problem });
    if (one.note !== undefined) notes.push(one.note);
    if (one.torn !== undefined) {
      // A server that starts anew after a crash says so in its next binlog.
      const isCrash = (read[index + 1]?.summary?.created ?? 0) !== 0;
      if (isCrash) notes.push(`${one.torn}: its server crashed`);
      else problems.add({ key, file: undefined, what: one.torn });
    }
    const what = before === undefined ? undefined : breakBetween(before, one);
    if (what !== undefined) problems.add({ key, file: undefined, what });
    const summary = before?.summary;
    if (summary !== undefined && one.summary !== undefined && summary.serverId !== one.summary.serverId) {
      notes.push(`"${one.binlog.name}" is of server ${one.summary.serverId}, those before of ${summary.serverId}`);
    }
    before = one;
  }
}

function breakBetween(before: ReadBinlog, one: ReadBinlog): string | undefined {
  const { summary } = one;
  // What is missing in between was told.
  if (before.summary === undefined || summary === undefined || one.binlog.number !== before.binlog.number + 1) {
    return undefined;
  }
  const { serverId, previousGtids } = before.summary;
  try {
    checkSequence(
      { name: before.binlog.name, serverId, previousGtids, summary: before.summary },
      {
        name: one.binlog.name,
        head: { serverId: summary.serverId, previousGtids: summary.previousGtids, isEncrypted: false },
      },
    );
    return undefined;
  } catch (error) {
    if (error instanceof CorruptError) return error.message;
    throw error;
  }
}
