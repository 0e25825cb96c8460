/**
 * Which blocks changed, from the summaries that a server of version 17 or newer writes of its WAL (`summarize_wal`).
 * Facts: PostgreSQL src/backend/backup/walsummaryfuncs.c, src/backend/backup/basebackup_incremental.c (which WAL they
 * must cover, and that limit blocks mean files to be read in full).
 */
import { messageOf } from '../../errors.ts';
import { formatLsn, parseLsn, toLsn, type Lsn } from '../lsn.ts';
import { numberOf, optionalText, textOf } from '../server/rows.ts';
import { ServerQueryError } from '../server/errors.ts';
import type { TimelineSpan } from '../timeline.ts';
import { BlockSets } from './block-sets.ts';
import type { ChangedBlocks, ChangedBlocksSources, ChangedRange, ChangesUnknown } from './changed-blocks.ts';
import { readHistory } from './from-wal.ts';

/** Servers from this version on have summaries. */
export const firstVersionWithSummaries = 170_000;

/** How long the server may make no progress. */
const patienceMs = 60_000;
const askAgainMs = 200;

/** A summary: of the WAL from `begin` up to, not including, `end`. */
export interface WalSummary {
  readonly timeline: number;
  readonly begin: Lsn;
  readonly end: Lsn;
}

/**
 * Asks the server.
 *
 * @returns a reason when it has no summaries, or not of the whole range, or they may not be read
 * @throws ServerLostError, the signal's reason, errors of the archive
 */
export async function changesFromSummaries(
  range: ChangedRange,
  sources: ChangedBlocksSources,
): Promise<ChangedBlocks | ChangesUnknown> {
  const { server } = sources;
  if (server.version < firstVersionWithSummaries) return { reason: 'the server is too old for WAL summaries' };
  try {
    if (!(await isOn(sources))) return { reason: 'summarize_wal is off' };
    if (!(await hasReached(range.to, sources))) return { reason: 'the WAL summarizer of the server makes no progress' };
    const spans = await readHistory(range.timeline, sources);
    const found = summariesOf(range, spans, await available(range, sources));
    if ('reason' in found) return found;
    const sets = new BlockSets();
    for (const summary of found.summaries) await readSummary(summary, sets, sources);
    return { of: (file) => sets.of(file), source: `${found.summaries.length} WAL summaries of the server` };
  } catch (error) {
    sources.signal.throwIfAborted();
    if (!(error instanceof ServerQueryError)) throw error;
    return { reason: messageOf(error) };
  }
}

/**
 * Chooses the summaries that cover the range along its timelines.
 *
 * @param spans the way to the range's timeline
 * @param available in any order
 */
export function summariesOf(
  { from, to }: Pick<ChangedRange, 'from' | 'to'>,
  spans: readonly TimelineSpan[],
  available: readonly WalSummary[],
): { readonly summaries: readonly WalSummary[] } | ChangesUnknown {
  const chosen: WalSummary[] = [];
  for (const { timeline, begin, end } of spans) {
    let reached = begin > from ? begin : from;
    const goal = end !== undefined && end < to ? end : to;
    const candidates = available
      .filter((one) => one.timeline === timeline && one.end > reached && one.begin < goal)
      .sort((a, b) => (a.begin < b.begin ? -1 : 1));
    for (const one of candidates) {
      if (one.begin > reached) break;
      chosen.push(one);
      if (one.end > reached) reached = one.end;
    }
    if (reached < goal) {
      return { reason: `the WAL summaries of the server have a gap at ${formatLsn(reached)} of timeline ${timeline}` };
    }
  }
  return { summaries: chosen };
}

async function isOn({ server }: ChangedBlocksSources): Promise<boolean> {
  const [row] = await server.read({
    text: `select pg_catalog.current_setting('summarize_wal', true) as value`,
    failure: 'cannot ask the server for summarize_wal',
  });
  return optionalText(row, 'value') === 'on';
}

/** Waits: the server summarizes in the background. */
async function hasReached(to: Lsn, { server, clock, signal, logger }: ChangedBlocksSources): Promise<boolean> {
  let best = toLsn(0n);
  let bestPending = best;
  let since = clock.monotonicMs();
  for (let round = 0; ; round += 1) {
    const [row] = await server.read({
      text: `select summarized_lsn, pending_lsn from pg_catalog.pg_get_wal_summarizer_state()`,
      failure: 'cannot ask the server for its WAL summarizer',
    });
    const summarized = parseLsn(textOf(row, 'summarized_lsn'));
    const pending = parseLsn(textOf(row, 'pending_lsn'));
    if (summarized >= to) return true;
    if (round === 1) logger.info('waiting for the WAL summarizer of the server', { reached: formatLsn(summarized) });
    if (summarized > best || pending > bestPending) since = clock.monotonicMs();
    best = summarized;
    bestPending = pending;
    if (clock.monotonicMs() - since > patienceMs) return false;
    await clock.sleep(askAgainMs, signal);
  }
}

async function available({ from, to }: ChangedRange, { server }: ChangedBlocksSources): Promise<readonly WalSummary[]> {
  const rows = await server.read({
    text: `select tli, start_lsn, end_lsn from pg_catalog.pg_available_wal_summaries()
      where end_lsn operator(pg_catalog.>) $1::pg_catalog.pg_lsn and start_lsn operator(pg_catalog.<) $2::pg_catalog.pg_lsn`,
    values: [formatLsn(from), formatLsn(to)],
    failure: 'cannot ask the server for its WAL summaries',
  });
  return rows.map((row) => ({
    timeline: numberOf(row, 'tli'),
    begin: parseLsn(textOf(row, 'start_lsn')),
    end: parseLsn(textOf(row, 'end_lsn')),
  }));
}

/** One row for each relation, so that a summary of millions of blocks makes no millions of rows. */
async function readSummary(
  { timeline, begin, end }: WalSummary,
  sets: BlockSets,
  { server }: ChangedBlocksSources,
): Promise<void> {
  const rows = await server.read({
    text: `select reltablespace, reldatabase, relfilenode, pg_catalog.bool_or(is_limit_block) as is_limited,
        pg_catalog.string_agg(relblocknumber::pg_catalog.text, ',') filter (where not is_limit_block) as blocks
      from pg_catalog.pg_wal_summary_contents($1::pg_catalog.int8, $2::pg_catalog.pg_lsn, $3::pg_catalog.pg_lsn)
      where relforknumber operator(pg_catalog.=) 0 group by reltablespace, reldatabase, relfilenode`,
    values: [BigInt(timeline), formatLsn(begin), formatLsn(end)],
    failure: 'cannot read a WAL summary of the server',
  });
  for (const row of rows) {
    const tablespaceOid = numberOf(row, 'reltablespace');
    const databaseOid = numberOf(row, 'reldatabase');
    const relfilenode = numberOf(row, 'relfilenode');
    if (textOf(row, 'is_limited') === 't') sets.reset(tablespaceOid, databaseOid, relfilenode);
    const blocks = optionalText(row, 'blocks') ?? '';
    if (blocks === '') continue;
    for (const block of blocks.split(',')) sets.block(tablespaceOid, databaseOid, relfilenode, 0, Number(block));
  }
}
