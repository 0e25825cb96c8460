/** What was stored on each of the last days, as an SVG of bars. */
import type { StoredDay } from '../../catalog/status/archive-size.ts';
import { formatBytes } from '../../doctor/format.ts';
import { escaped } from './escaped.ts';
import type { StatusView } from './view.ts';

const width = 1000;
const left = 84;
const right = 980;
const height = 150;
const top = 8;
const bottom = 122;

/** A section with the chart; nothing when nothing was stored lately. */
export function storedChart({ size, wording }: Pick<StatusView, 'size' | 'wording'>): string {
  const { days, bytesPerDay } = size;
  const most = Math.max(...days.map(({ backupBytes, logBytes }) => backupBytes + logBytes));
  if (most <= 0) return '';
  const step = (right - left) / days.length;
  const heightOf = (bytes: number): number => round((bytes / most) * (bottom - top));
  const bars = days.map((day, index) =>
    barSvg(day, { logs: wording.logs, x: round(left + index * step), width: round(step - 4), heightOf }),
  );
  const labels = days.flatMap(({ day }, index) =>
    index % 5 === 4
      ? [
          `<text class="faint" x="${round(left + (index + 0.5) * step)}" y="${bottom + 18}" text-anchor="middle">${day.slice(5)}</text>`,
        ]
      : [],
  );
  const average =
    bytesPerDay === undefined ? '' : ` ${formatBytes(bytesPerDay)} a day on the average of the last week.`;
  return `<section aria-labelledby="stored">
<h2 id="stored">Stored, day by day</h2>
<div class="scroll" tabindex="0" role="region" aria-labelledby="stored">
<svg viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="stored-title stored-text">
<title id="stored-title">What was stored on each of the last ${days.length} days</title>
<desc id="stored-text">${escaped(`At most ${formatBytes(most)} on a day.${average}`)}</desc>
<text class="faint" x="${left - 10}" y="${top + 10}" text-anchor="end">${formatBytes(most)}</text>
<text class="faint" x="${left - 10}" y="${bottom}" text-anchor="end">0</text>
<line class="axis" x1="${left}" y1="${bottom}" x2="${right}" y2="${bottom}"/>
${bars.join('\n')}
${labels.join('\n')}
</svg>
</div>
<p class="legend"><span class="key backup"></span>backups<span class="key wal"></span>${wording.logs}; what was deleted since is not in it.${escaped(average)}</p>
</section>`;
}

function barSvg(
  { day, backupBytes, logBytes }: StoredDay,
  place: {
    readonly logs: string;
    readonly x: number;
    readonly width: number;
    readonly heightOf: (bytes: number) => number;
  },
): string {
  const [backups, wal] = [place.heightOf(backupBytes), place.heightOf(logBytes)];
  const rectangle = (style: string, y: number, tall: number): string =>
    `<rect class="${style}" x="${place.x}" y="${round(y)}" width="${place.width}" height="${tall}" stroke="none"/>`;
  const text = `${day}: backups ${formatBytes(backupBytes)}, ${place.logs} ${formatBytes(logBytes)}`;
  return `<g><title>${text}</title>${rectangle('wal', bottom - wal, wal)}${rectangle('backup', bottom - wal - backups, backups)}</g>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
