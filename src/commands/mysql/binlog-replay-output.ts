/** What `binlog-replay` tells of its plan and of its result. */
import { stringifyJson, type JsonObject } from '../../catalog/json.ts';
import { formatTime } from '../../catalog/time.ts';
import type { BinlogRange } from '../../mysql/binlog/range/plan.ts';
import { describeTarget } from '../../mysql/binlog/range/target.ts';
import type { ReplayResult } from '../../mysql/binlog/replay/replay.ts';
import type { LogFields } from '../../platform/logger.ts';
import { alignedTable } from '../table.ts';

/** The plan for people. */
export function describePlan(range: BinlogRange): string {
  const { start, steps, target, isReached, archiveEnd } = range;
  const lines = [
    `from:   ${start.binlog}:${start.position}${start.backup === undefined ? '' : ` (${start.backup})`}`,
    `until:  ${describeTarget(target)}`,
  ];
  if (archiveEnd !== undefined) lines.push(`ends:   ${archiveEnd.binlog}, ${formatTime(archiveEnd.time)}`);
  lines.push(`reached: ${isReached ? 'yes' : 'no, the archive ends before'}`, '');
  const rows = steps.map(({ binlog, from, skipsKnown }) => [
    binlog.name,
    String(from),
    String(binlog.sizeBytes),
    skipsKnown ? 'without what was executed before' : '-',
  ]);
  return lines.join('\n') + alignedTable(['name', 'start', 'stored_bytes', 'note'], rows);
}

/** The plan for programs. */
export function planJson(range: BinlogRange): string {
  const { steps, isReached, archiveEnd, notes } = range;
  return print({
    ...rangeMembers(range),
    target_reached: isReached,
    archive_end: archiveEnd && {
      binlog: archiveEnd.binlog,
      time: formatTime(archiveEnd.time),
      gtids: archiveEnd.gtids?.toString(),
    },
    binlogs: steps.map(({ binlog, from, skipsKnown }) => ({
      name: binlog.name,
      start: from,
      stored_bytes: binlog.sizeBytes,
      leaves_out_known: skipsKnown,
    })),
    notes,
  });
}

/** The result for programs. */
export function resultJson(range: BinlogRange, { transactions, binlogs, last }: ReplayResult): string {
  return print({
    ...rangeMembers(range),
    target_reached: range.isReached,
    transactions,
    binlogs,
    reached: last && {
      binlog: last.binlog,
      position: last.position,
      gtid: last.gtid,
      time: formatTime(last.time),
    },
  });
}

/** The result for the log. */
export function describeResult({ transactions, binlogs, last }: ReplayResult): LogFields {
  return {
    transactions,
    binlogs,
    reached: last && `${last.binlog}:${last.position}`,
    gtid: last?.gtid,
    committed: last && formatTime(last.time),
  };
}

function rangeMembers({ start, target }: BinlogRange): JsonObject {
  return {
    start: { backup: start.backup, binlog: start.binlog, position: start.position, exact: start.isExact },
    target: describeTarget(target),
  };
}

function print(value: JsonObject): string {
  return `${stringifyJson(value)}\n`;
}
