/** The recovery windows as an SVG: a row for each timeline, time from left to right, backups as marks. */
import { escaped } from './escaped.ts';
import { ticksBetween } from './time-axis.ts';
import type { ShownBackup, ShownBar, ShownChart, ShownRow, StatusView } from './view.ts';
import { timeText } from './wording.ts';

const width = 1000;
const right = 984;
const rowHeight = 34;
const top = 8;
const barHeight = 12;
/** Width of a letter of a label, roughly. */
const letter = 6.6;

/** A section with the chart and what its signs mean; nothing without a row. */
export function windowsChart({ chart, wording }: Pick<StatusView, 'chart' | 'wording'>): string {
  if (chart.rows.length === 0) return '';
  const left = Math.ceil(Math.max(...chart.rows.map(({ label }) => label.length)) * letter) + 16;
  const span = Math.max(1, chart.to.getTime() - chart.from.getTime());
  const x = (time: Date): number => round(left + ((time.getTime() - chart.from.getTime()) / span) * (right - left));
  const bottom = top + chart.rows.length * rowHeight;
  const ticks = ticksBetween(chart.from, chart.to).map(
    ({ at, text }) =>
      `<line class="axis" x1="${x(at)}" y1="${top}" x2="${x(at)}" y2="${bottom}"/><text class="faint" x="${x(at)}" y="${bottom + 16}" text-anchor="middle">${text}</text>`,
  );
  const inherited =
    wording.inherited === undefined ? '' : `<span class="key inherited"></span>${escaped(wording.inherited)}`;
  const rows = chart.rows.map((row, index) => rowSvg(row, { y: top + index * rowHeight, x }));
  return `<section aria-labelledby="windows">
<h2 id="windows">Recovery windows</h2>
<div class="scroll" tabindex="0" role="region" aria-labelledby="windows">
<svg viewBox="0 0 ${width} ${bottom + 24}" role="img" aria-labelledby="windows-title windows-text">
<title id="windows-title">Recovery windows by ${escaped(wording.line.replace('#', '').toLowerCase())}</title>
<desc id="windows-text">${escaped(description(chart))}</desc>
${ticks.join('\n')}
<line class="now" x1="${right}" y1="${top}" x2="${right}" y2="${bottom}"/>
${rows.join('\n')}
</svg>
</div>
<p class="legend"><span class="key wal"></span>recovery to any moment${inherited}<span class="key backup round"></span>full backup<span class="key delta round"></span>${wording.delta} backup<span class="sign" aria-hidden="true">×</span>cannot be used; all times in UTC</p>
</section>`;
}

interface Place {
  readonly y: number;
  readonly x: (time: Date) => number;
}

function rowSvg(row: ShownRow, place: Place): string {
  const middle = place.y + rowHeight / 2;
  return [
    `<text x="0" y="${middle + 4}">${escaped(row.label)}</text>`,
    ...row.bars.map((bar) => barSvg(bar, place)),
    ...row.backups.map((backup) => markSvg(backup, place.x(backup.finished), middle)),
  ].join('\n');
}

function barSvg(bar: ShownBar, { x, y }: Place): string {
  const rectangle = (style: string, from: number, to: number): string =>
    `<rect class="${style}" x="${from}" y="${y + (rowHeight - barHeight) / 2}" width="${round(Math.max(2, to - from))}" height="${barHeight}" rx="2"/>`;
  const [from, to] = [x(bar.from), x(bar.to)];
  const branch = bar.inheritedUntil === undefined ? from : x(bar.inheritedUntil);
  const inherited = branch > from ? rectangle('inherited', from, branch) : '';
  return `<g><title>${escaped(barText(bar))}</title>${inherited}${rectangle('wal', branch, to)}</g>`;
}

function barText({ from, to, places }: ShownBar): string {
  return `${timeText(from)} (${places.from}) to ${timeText(to)} (${places.to})`;
}

function markSvg({ name, finished, kind, unusable }: ShownBackup, x: number, y: number): string {
  const title = `<title>${escaped(`${name}, ${timeText(finished)}${unusable === undefined ? '' : `: ${unusable}`}`)}</title>`;
  if (unusable !== undefined) {
    const cross = `M${round(x - 4)} ${y - 4}l8 8m0 -8l-8 8`;
    return `<g>${title}<circle class="behind" cx="${x}" cy="${y}" r="8"/><path class="unusable" d="${cross}"/></g>`;
  }
  const isDelta = kind === 'delta' || kind === 'increment';
  return `<circle class="${isDelta ? 'delta' : 'backup'}" cx="${x}" cy="${y}" r="${isDelta ? 4.5 : 6}">${title}</circle>`;
}

function description({ rows }: ShownChart): string {
  return rows
    .map(({ label, bars, backups }) => {
      const windows = bars.length === 0 ? 'no recovery' : bars.map(barText).join(', and ');
      return `${label}: ${windows}; ${backups.length} backups.`;
    })
    .join(' ');
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
