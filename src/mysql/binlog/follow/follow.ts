/**
 * `binlog-push --follow`: takes the events of a server as its replicas get them, and stores them every few seconds; a binary
 * log that has ended becomes an object of the archive like any other. The server does not wait for us: what is lost with it is
 * what came since the last time. See `docs/binlog-follow.md`.
 */
import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { ArchiverError, messageOf } from '../../../errors.ts';
import { readDecoded, type Transport } from '../../../pipeline/transport.ts';
import type { Clock } from '../../../platform/clock.ts';
import type { Logger } from '../../../platform/logger.ts';
import type { Reached } from '../../server/connect.ts';
import { openServer } from '../../server/live-server.ts';
import type { Flavor, ServerBinlog } from '../../server/server.ts';
import { binlogNamed } from '../binlog-name.ts';
import { summarize } from '../events/summarize.ts';
import type { BinlogHead } from '../push/binlog-head.ts';
import { checkSequence } from '../push/neighbours.ts';
import { completeBinlog } from './complete.ts';
import { ForeignBinlogsError } from './errors.ts';
import { EventStream } from './event-stream.ts';
import { firstEventAt, firstEventOf, headAt } from './first-event.ts';
import { decideStart, readArchiveEnd, type ArchiveEnd, type FollowStart } from './follow-start.ts';
import { Follower } from './follower.ts';
import { isClosed, readRuns } from './tail.ts';

/** How to follow. */
export interface FollowOptions {
  /** Looks for the server anew: `() => reachServer(datasourceOf(settings), …)`. */
  readonly reach: () => Promise<Reached>;
  readonly transport: Transport;
  /** How often to store what came; 0: only when there is much, or the log or the run ends. */
  readonly intervalMs: number;
  /** Our own id among the replicas; undefined: one made of the host's name and the storage's. */
  readonly serverId: number | undefined;
  /** Go on where the server's binary logs begin when it has removed what the archive lacks. */
  readonly acceptGap: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Asks to stop; what has come is stored before. */
  readonly stop: AbortSignal;
  /** Calls off what is being stored. */
  readonly uploads: AbortSignal;
}

const firstPauseMs = 500;
const longestPauseMs = 15_000;

/**
 * Follows until asked to stop; connections that are lost are made anew, storages that do not answer are waited for.
 *
 * @throws ServerConnectError when there is no server in the beginning; BinlogsPurgedError, ForeignBinlogsError, BinlogSequenceError,
 *   EventsRefusedError, CorruptError, ServerQueryError, errors of storages but `unavailable`
 */
export async function followBinlogs(options: FollowOptions): Promise<void> {
  const { clock, logger, stop } = options;
  const state = { hasBegun: false };
  for (let attempt = 1; !isStopping(stop); attempt += 1) {
    const startedMs = clock.monotonicMs();
    try {
      await followOnce(options, () => (state.hasBegun = true));
      return;
    } catch (error) {
      if (isStopping(stop) && error === stop.reason) return;
      if (!state.hasBegun || !(error instanceof ArchiverError) || error.kind !== 'unavailable') throw error;
      if (clock.monotonicMs() - startedMs > longestPauseMs) attempt = 1;
      const pauseMs = Math.min(firstPauseMs * 2 ** (attempt - 1), longestPauseMs);
      logger.warn('following was interrupted, connecting again', { pauseMs, reason: messageOf(error) });
      await clock.sleep(pauseMs, stop).catch(() => undefined);
    }
  }
}

function isStopping(stop: AbortSignal): boolean {
  return stop.aborted;
}

async function followOnce(options: FollowOptions, begun: () => void): Promise<void> {
  const { transport, logger, clock, uploads, reach } = options;
  const { flavor, logs, ownId } = await askServer(options);
  const [oldest] = logs;
  if (oldest === undefined) {
    throw new ArchiverError('config', 'the server writes no binary log', {
      hint: 'Start the server with log_bin (--log-bin); MySQL 8 does so by default, MariaDB does not.',
    });
  }
  const end = await readArchiveEnd(transport, binlogNamed(oldest.name).base, { signal: uploads });
  const closed = await removedButWhole(end, logs, options);
  const start = decideStart(end, logs, { acceptGap: options.acceptGap, closed });
  const serverId = options.serverId ?? ownServerId(transport, ownId);
  const stream = { flavor, serverId, clock };
  const continuation = { end, start, logs, transport, signal: uploads };
  const isKnown = await checkSameServer(continuation, async (binlog) =>
    firstEventAt({ ...stream, binlog, reached: await reach() }),
  );
  if (!isKnown && !options.acceptGap) {
    await checkContinues(continuation, async (binlog) => headAt({ ...stream, binlog, reached: await reach() }));
  }
  if (start.gap !== undefined) logger.warn('the archive has a gap: make a new backup', { missing: start.gap });
  for (const tail of [...end.needless, ...start.toComplete]) {
    await completeBinlog(tail, { transport, logger, signal: uploads });
  }
  const { binlog } = start;
  // Requests know four bytes of a position: such a log is followed from its beginning again.
  const position = start.position < 2 ** 32 ? start.position : 0;
  const reached = await reach();
  await using events = await EventStream.open({ ...stream, reached, binlog: binlog.name, position: position || 4 });
  logger.info('following the binary log', { binlog: binlog.name, position, serverId });
  begun();
  const sizeOnServer = (name: string): Promise<number | undefined> => sizeOf(name, options);
  await new Follower(events, { binlog, position }, { ...options, sizeOnServer }).run();
}

async function askServer({ reach }: FollowOptions): Promise<{
  readonly flavor: Flavor;
  readonly logs: readonly ServerBinlog[];
  readonly ownId: number;
}> {
  await using server = await openServer(await reach());
  return { flavor: server.flavor, logs: await server.binaryLogs(), ownId: server.serverId };
}

/** Followed to their ends by a run that was cut off before it stored them, and removed by the server meanwhile. */
async function removedButWhole(
  { tails }: ArchiveEnd,
  logs: readonly ServerBinlog[],
  { transport, uploads }: FollowOptions,
): Promise<ReadonlySet<string>> {
  const listed = new Set(logs.map(({ name }) => name));
  const whole = new Set<string>();
  for (const tail of tails) {
    const { name } = tail.binlog;
    if (!listed.has(name) && (await isClosed(transport, tail, { signal: uploads }))) whole.add(name);
  }
  return whole;
}

/** A server that cannot be asked just now says nothing against what it sent. */
async function sizeOf(name: string, options: FollowOptions): Promise<number | undefined> {
  try {
    const { logs } = await askServer(options);
    const log = logs.find((one) => one.name === name);
    return log === undefined || log.isEncrypted ? undefined : log.sizeBytes;
  } catch (error) {
    options.logger.debug('cannot ask the server how long a binary log is', { name, reason: messageOf(error) });
    return undefined;
  }
}

interface Continuation {
  readonly end: ArchiveEnd;
  readonly start: FollowStart;
  readonly logs: readonly ServerBinlog[];
  readonly transport: Transport;
  readonly signal: AbortSignal;
}

/**
 * What is gone on with, or else the last complete log, has to have the same beginning on the server.
 *
 * @returns false: the server has none of them
 */
async function checkSameServer(
  { end, start, logs, transport, signal }: Continuation,
  askBeginning: (binlog: string) => Promise<Buffer>,
): Promise<boolean> {
  const tail = end.tails.find(({ binlog }) => binlog.name === start.binlog.name);
  const { last } = end;
  const known =
    tail !== undefined && start.position > 0
      ? { name: tail.binlog.name, read: () => readRuns(transport, tail.chain, { signal }) }
      : last && { name: last.name, read: () => readDecoded(transport, last.key, { signal }) };
  if (known === undefined || !logs.some(({ name }) => name === known.name)) return false;
  const archived = await firstEventOf(await known.read(), known.name);
  if (archived.equals(await askBeginning(known.name))) return true;
  throw new ForeignBinlogsError(`"${known.name}" begins otherwise on the server`);
}

/**
 * The server has removed all that the archive holds: it may be another one that uses the same names, so that the next log has
 * to begin after the transactions with which the last one ends.
 */
async function checkContinues(
  { end, start, transport, signal }: Continuation,
  askHead: (binlog: string) => Promise<BinlogHead>,
): Promise<void> {
  const followed = start.toComplete.at(-1);
  const name = followed?.binlog.name ?? end.last?.name;
  if (start.position > 0 || name === undefined || binlogNamed(name).number + 1 !== start.binlog.number) return;
  const bytes =
    followed === undefined
      ? end.last && (await readDecoded(transport, end.last.key, { signal }))
      : readRuns(transport, followed.chain, { signal });
  if (bytes === undefined) return;
  const summary = await summarize(bytes, { name, mayBeCut: true });
  const head = await askHead(start.binlog.name);
  checkSequence(
    { name, serverId: summary.serverId, previousGtids: summary.previousGtids, summary },
    { name: start.binlog.name, head },
  );
}

/** The same one at every start, so that the server ends a connection of ours that is still open; never the server's own. */
function ownServerId({ storage }: Transport, taken: number): number {
  const hash = createHash('sha256').update(`${hostname()}\0${storage.location}`).digest();
  const id = (hash.readUInt32LE(0) % 2 ** 31) + 2 ** 31 - 1;
  return id === taken ? id - 1 : id;
}
