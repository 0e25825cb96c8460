/** The status on a terminal: facts, a chart of the recovery windows, what is wrong. */
import type { ArchiveStatus, StatusBackup } from '../../../postgres/status/archive-status.ts';
import type { Problem } from '../../../postgres/status/problems.ts';
import { timelineChart, type ChartRow, type TimelineChart } from '../../../postgres/status/timeline-chart.ts';
import { countText, factsOf, timeText, type Fact } from './figures.ts';

const nameWidth = 12;
const chartWidth = 60;

/** The whole screen; at most 100 columns but for long names. */
export function statusText(status: ArchiveStatus, problems: readonly Problem[]): string {
  return [
    [`Archive ${status.location}, ${timeText(status.now)}`],
    factsOf(status).flatMap(factLines),
    chartLines(timelineChart(status)),
    gapLines(status),
    problemLines(problems),
  ]
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.map((line) => `${line}\n`).join(''))
    .join('\n');
}

function factLines({ name, value, details: [first, ...others] }: Fact): readonly string[] {
  const lines = [first === undefined ? value : `${value}: ${first}`, ...others];
  return lines.map((line, index) => `${(index === 0 ? name : '').padEnd(nameWidth)} ${line}`);
}

function chartLines(chart: TimelineChart): readonly string[] {
  if (chart.rows.length === 0) return [];
  const width = Math.max(...chart.rows.map(({ label }) => label.length));
  const axis = `${dayAndTime(chart.from)}${dayAndTime(chart.to).padStart(chartWidth - dayAndTime(chart.from).length)}`;
  return [
    'Recovery windows (UTC): ━ possible, ─ by an older timeline, ● full, ○ delta, × unusable',
    ...chart.rows.map((row) => `${row.label.padEnd(width)} ${rowText(row, chart)}`.trimEnd()),
    `${' '.repeat(width)} ${axis}`,
  ];
}

function dayAndTime(time: Date): string {
  return time.toISOString().slice(0, 16).replace('T', ' ');
}

function rowText(row: ChartRow, { from, to }: TimelineChart): string {
  const span = Math.max(1, to.getTime() - from.getTime());
  const column = (time: Date): number => {
    const at = Math.floor(((time.getTime() - from.getTime()) / span) * chartWidth);
    return Math.min(chartWidth - 1, Math.max(0, at));
  };
  const cells = Array.from({ length: chartWidth }, () => ' ');
  for (const bar of row.bars) {
    const inherited = bar.inheritedUntil === undefined ? -1 : column(bar.inheritedUntil);
    for (let at = column(bar.from); at <= column(bar.to); at++) cells[at] = at < inherited ? '─' : '━';
  }
  for (const backup of row.backups) cells[column(backup.finished)] = markOf(backup);
  return cells.join('');
}

function markOf({ unusable, kind }: StatusBackup): string {
  if (unusable !== undefined) return '×';
  return kind === 'delta' ? '○' : '●';
}

/** So many gaps are shown; the rest is counted. */
const shownGaps = 5;

function gapLines({ recovery: { gaps } }: ArchiveStatus): readonly string[] {
  if (gaps.length === 0) return [];
  const more = gaps.length - shownGaps;
  return [
    'WAL that is not there',
    ...gaps
      .slice(-shownGaps)
      .map(({ first, last, segments }) => `  ${first}${segments === 1 ? '' : ` to ${last}, ${segments} segments`}`),
    ...(more > 0 ? [`  and ${countText(more, 'gap')} before`] : []),
  ];
}

function problemLines(problems: readonly Problem[]): readonly string[] {
  if (problems.length === 0) return ['Nothing needs attention.'];
  return [
    'Needs attention',
    ...problems.flatMap(({ severity, text, hint }) => [`  ${severity.padEnd(7)}  ${text}`, `${' '.repeat(11)}${hint}`]),
  ];
}
