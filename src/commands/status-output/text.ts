/** The status on a terminal: facts, a chart of the recovery windows, what is wrong. */
import type { Problem } from '../../catalog/status/problem.ts';
import { capital, type Fact, type ShownBackup, type ShownChart, type ShownRow, type StatusView } from './view.ts';
import { countText, timeText } from './wording.ts';

const nameWidth = 12;
const chartWidth = 60;

/** The whole screen; at most 100 columns but for long names. */
export function viewText(view: StatusView): string {
  return [
    [`Archive ${view.location}, ${timeText(view.now)}`],
    view.facts.flatMap(factLines),
    chartLines(view),
    gapLines(view),
    problemLines(view.problems),
  ]
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.map((line) => `${line}\n`).join(''))
    .join('\n');
}

function factLines({ name, value, details: [first, ...others] }: Fact): readonly string[] {
  const lines = [first === undefined ? value : `${value}: ${first}`, ...others];
  return lines.map((line, index) => `${(index === 0 ? name : '').padEnd(nameWidth)} ${line}`);
}

function chartLines({ chart, wording }: StatusView): readonly string[] {
  if (chart.rows.length === 0) return [];
  const width = Math.max(...chart.rows.map(({ label }) => label.length));
  const axis = `${dayAndTime(chart.from)}${dayAndTime(chart.to).padStart(chartWidth - dayAndTime(chart.from).length)}`;
  return [
    `Recovery windows (UTC): ━ possible, ${wording.inherited === undefined ? '' : `─ ${wording.inherited}, `}● full, ○ ${wording.delta}, × unusable`,
    ...chart.rows.map((row) => `${row.label.padEnd(width)} ${rowText(row, chart)}`.trimEnd()),
    `${' '.repeat(width)} ${axis}`,
  ];
}

function dayAndTime(time: Date): string {
  return time.toISOString().slice(0, 16).replace('T', ' ');
}

function rowText(row: ShownRow, { from, to }: ShownChart): string {
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

function markOf({ unusable, kind }: ShownBackup): string {
  if (unusable !== undefined) return '×';
  return kind === 'delta' || kind === 'increment' ? '○' : '●';
}

/** So many gaps are shown; the rest is counted. */
const shownGaps = 5;

function gapLines({ gaps, wording }: StatusView): readonly string[] {
  if (gaps.length === 0) return [];
  const more = gaps.length - shownGaps;
  return [
    `${capital(wording.logs)} that ${wording.logs === 'WAL' ? 'is' : 'are'} not there`,
    ...gaps
      .slice(-shownGaps)
      .map(({ first, last, count }) => `  ${first}${count === 1 ? '' : ` to ${last}, ${count} ${wording.log}s`}`),
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
