/**
 * Timelines and their history files: which timeline a position belongs to on the way to another one. Formats and rules:
 * PostgreSQL src/backend/access/transam/timeline.c.
 */
import { CorruptError } from '../errors.ts';
import { formatLsn, parseLsn, toLsn, type Lsn } from './lsn.ts';

/** A line of a history file: `timeline` was left at `switchLsn`. */
export interface TimelineSwitch {
  readonly timeline: number;
  readonly switchLsn: Lsn;
  readonly reason: string;
}

/** A stretch of WAL on one timeline: from `begin` up to, not including, `end` (undefined: still growing). */
export interface TimelineSpan {
  readonly timeline: number;
  readonly begin: Lsn;
  readonly end: Lsn | undefined;
}

/** Name of the history file of a timeline: `00000002.history`. Timeline 1 has none. */
export function historyFileName(timeline: number): string {
  return `${timeline.toString(16).toUpperCase().padStart(8, '0')}.history`;
}

/** The timeline whose history file this is; undefined for any other name. */
export function parseHistoryFileName(name: string): number | undefined {
  const digits = /^([0-9A-Fa-f]{8})\.history$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 16);
}

/**
 * Reads the history of `timeline`: its ancestors, oldest first. Empty lines and `#` comments are skipped.
 *
 * @throws CorruptError for a line that PostgreSQL would refuse, or when the ancestors are not in increasing order
 */
export function parseTimelineHistory(text: string, timeline: number): readonly TimelineSwitch[] {
  const switches: TimelineSwitch[] = [];
  for (const line of text.split('\n')) {
    if (/^\s*(#|$)/.test(line)) continue;
    const [, id, lsn, reason = ''] =
      /^\s*(\d{1,10})\s+([0-9A-Fa-f]{1,8}\/[0-9A-Fa-f]{1,8})(?:\s+(.*?))?\s*$/.exec(line) ?? [];
    if (id === undefined || lsn === undefined) throw malformed(timeline, `unreadable line ${JSON.stringify(line)}`);
    const ancestor = Number(id);
    if (ancestor < 1 || ancestor <= (switches.at(-1)?.timeline ?? 0) || ancestor >= timeline) {
      throw malformed(timeline, `timeline ${ancestor} is out of order`);
    }
    switches.push({ timeline: ancestor, switchLsn: parseLsn(lsn), reason });
  }
  return switches;
}

function malformed(timeline: number, what: string): CorruptError {
  return new CorruptError(`malformed timeline history "${historyFileName(timeline)}": ${what}`);
}

/**
 * The stretches of WAL that lead to `timeline` and along it, oldest first; the last one is `timeline` itself.
 *
 * @param history its parsed history file; empty for a timeline without ancestors
 */
export function spansOf(timeline: number, history: readonly TimelineSwitch[]): readonly TimelineSpan[] {
  const spans: TimelineSpan[] = [];
  let begin = toLsn(0n);
  for (const { timeline: ancestor, switchLsn } of history) {
    spans.push({ timeline: ancestor, begin, end: switchLsn });
    begin = switchLsn;
  }
  return [...spans, { timeline, begin, end: undefined }];
}

/** The timeline on which the byte at `lsn` lies. @throws CorruptError when no span holds it, which `spansOf` never makes */
export function timelineAt(spans: readonly TimelineSpan[], lsn: Lsn): number {
  for (const { timeline, begin, end } of spans) {
    if (begin <= lsn && (end === undefined || lsn < end)) return timeline;
  }
  throw new CorruptError(`no timeline holds ${formatLsn(lsn)}`);
}

/**
 * Whether WAL of `timeline` up to `lsn` (not included) is on the way described by `spans`: the question for a backup
 * that ended there and is to be recovered along them.
 */
export function leadsThrough(spans: readonly TimelineSpan[], timeline: number, lsn: Lsn): boolean {
  return spans.some((span) => span.timeline === timeline && (span.end === undefined || lsn <= span.end));
}
