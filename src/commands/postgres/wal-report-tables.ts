/** The tables of `wal-show` and `wal-verify`, as WAL-G draws them. */
import { formatLsn } from '../../postgres/lsn.ts';
import type { IntegrityReport } from '../../postgres/wal-report/integrity.ts';
import { countOf } from '../../postgres/wal-report/segment-runs.ts';
import type { TimelineCheck } from '../../postgres/wal-report/timeline-check.ts';
import { rangeSize, timelineStatus, type TimelineReport } from '../../postgres/wal-report/timelines.ts';
import type { VerifyResult } from '../../postgres/wal-report/verify.ts';
import { segmentName } from '../../postgres/wal-segment.ts';
import { box, type BoxColumn } from '../table.ts';

const timelineColumns: readonly BoxColumn[] = [
  { title: 'TLI', right: true },
  { title: 'PARENT TLI', right: true },
  { title: 'SWITCHPOINT LSN', right: true },
  { title: 'START SEGMENT' },
  { title: 'END SEGMENT' },
  { title: 'SEGMENT RANGE', right: true },
  { title: 'SEGMENTS COUNT', right: true },
  { title: 'STATUS' },
];

/** What `wal-show` prints for people; with the number of backups unless they were left out. */
export function timelineTable(
  reports: readonly TimelineReport[],
  { segmentBytes, withBackups }: { readonly segmentBytes: number; readonly withBackups: boolean },
): string {
  const columns = withBackups ? [...timelineColumns, { title: 'BACKUPS COUNT', right: true }] : timelineColumns;
  const rows = reports.map((report) => {
    const { timeline, parent, switchLsn, range, segments, backups } = report;
    return [
      ...[String(timeline), String(parent), formatLsn(switchLsn)],
      ...[range.first, range.last].map((number) => segmentName({ timeline, number }, segmentBytes)),
      ...[String(rangeSize(report)), String(countOf(segments)), timelineStatus(report)],
      ...(withBackups ? [String(backups?.length ?? 0)] : []),
    ];
  });
  return box(columns, rows);
}

const stretchColumns: readonly BoxColumn[] = [
  { title: 'TLI', right: true },
  { title: 'START' },
  { title: 'END' },
  { title: 'SEGMENTS COUNT', right: true },
  { title: 'STATUS', right: true },
];

/** What `wal-verify` prints for people. */
export function verifyText({ integrity, timeline }: VerifyResult, segmentBytes: number): string {
  const parts = [
    integrity && checkText('integrity', integrity.status, stretchTable(integrity, segmentBytes)),
    timeline && checkText('timeline', timeline.status, timelineText(timeline)),
  ];
  return parts.filter((part) => part !== undefined).join('');
}

function checkText(name: string, status: string, details: string): string {
  return `[wal-verify] ${name} check status: ${status}\n[wal-verify] ${name} check details:\n${details}`;
}

function stretchTable({ stretches }: IntegrityReport, segmentBytes: number): string {
  const rows = stretches.map(({ timeline, first, last, status }) => [
    String(timeline),
    ...[first, last].map((number) => segmentName({ timeline, number }, segmentBytes)),
    String(last - first + 1n),
    status,
  ]);
  return box(stretchColumns, rows);
}

function timelineText({ current, highest }: TimelineCheck): string {
  return `Highest timeline found in storage: ${highest}\nCurrent cluster timeline: ${current ?? 'not known'}\n`;
}
