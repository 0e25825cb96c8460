/** The status as one page of HTML that needs nothing else: no script, no other file. */
import type { ArchiveStatus, StatusBackup } from '../../../postgres/status/archive-status.ts';
import type { Problem } from '../../../postgres/status/problems.ts';
import { timelineChart } from '../../../postgres/status/timeline-chart.ts';
import { escaped } from './escaped.ts';
import { agoText, countText, factsOf, timeText, type Fact } from './figures.ts';
import { formatBytes } from '../../../doctor/format.ts';
import { storedChart } from './page-stored.ts';
import { pageStyle } from './page-style.ts';
import { windowsChart } from './page-windows.ts';

/** The whole document. */
export function statusPage(status: ArchiveStatus, problems: readonly Problem[]): string {
  const failures = problems.filter(({ severity }) => severity === 'failure').length;
  const verdict =
    problems.length === 0
      ? 'ok'
      : failures === 0
        ? countText(problems.length, 'warning')
        : countText(failures, 'failure');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escaped(`${verdict}: ${status.location}`)}</title>
<style>
${pageStyle}</style>
</head>
<body>
<header>
<h1>Archive <code>${escaped(status.location)}</code></h1>
<p><time datetime="${status.now.toISOString()}">${timeText(status.now)}</time></p>
</header>
<main>
${problemsSection(problems)}
<section aria-labelledby="overview">
<h2 id="overview">Overview</h2>
<dl class="facts">
${factsOf(status).map(factHtml).join('\n')}
</dl>
</section>
${windowsChart(timelineChart(status))}
${gapsSection(status)}
${storedChart(status.size)}
${backupsSection(status)}
</main>
</body>
</html>
`;
}

function problemsSection(problems: readonly Problem[]): string {
  const items = problems.map(
    ({ severity, text, hint }) =>
      `<li class="${severity}"><strong>${severity}</strong> ${escaped(text)}<p>${escaped(hint)}</p></li>`,
  );
  const content =
    items.length === 0 ? '<p class="ok">Nothing.</p>' : `<ul class="problems">\n${items.join('\n')}\n</ul>`;
  return `<section aria-labelledby="attention">\n<h2 id="attention">Needs attention</h2>\n${content}\n</section>`;
}

function factHtml({ name, value, details }: Fact): string {
  const rest = details.map((detail) => `<dd class="detail">${escaped(detail)}</dd>`).join('');
  return `<div><dt>${escaped(name)}</dt><dd>${escaped(value)}</dd>${rest}</div>`;
}

/** Of more the newest are shown. */
const shownGaps = 100;

function gapsSection({ recovery: { gaps } }: ArchiveStatus): string {
  if (gaps.length === 0) return '';
  const rows = gaps
    .slice(-shownGaps)
    .map(
      ({ timeline, first, last, segments }) =>
        `<tr><td>${timeline}</td><td><code>${first}</code></td><td><code>${last}</code></td><td class="number">${segments}</td></tr>`,
    );
  return section('gaps', 'WAL that is not there', ['Timeline', 'First segment', 'Last segment', '#Segments'], rows);
}

function backupsSection(status: ArchiveStatus): string {
  const rows = status.backups.toReversed().map((backup) => backupRow(backup, status));
  if (rows.length === 0) return '';
  const columns = ['Backup', 'Complete', 'Kind', '#Timeline', '#Stored', 'Proven', 'State'];
  return section('backups', 'Backups', columns, rows);
}

function backupRow(backup: StatusBackup, { now }: ArchiveStatus): string {
  const { name, finished, kind, timeline, storedBytes, unusable, isPermanent, report, storageName } = backup;
  const proven = report?.provenAt;
  const state = [
    ...(unusable === undefined ? [] : [`unusable: ${unusable}`]),
    ...(report?.status === 'damaged' ? ['damaged'] : []),
    ...(isPermanent ? ['permanent'] : []),
    ...(storageName === undefined ? [] : [`in ${storageName}`]),
  ];
  return `<tr${unusable === undefined && report?.status !== 'damaged' ? '' : ' class="failure"'}><th scope="row"><code>${escaped(name)}</code></th><td title="${timeText(finished)}">${agoText(finished, now)}</td><td>${kind ?? 'unknown'}</td><td class="number">${timeline ?? ''}</td><td class="number">${formatBytes(storedBytes)}</td><td>${proven === undefined ? 'never' : agoText(new Date(Number(proven / 1_000_000n)), now)}</td><td class="text">${escaped(state.join(', '))}</td></tr>`;
}

/** @param columns titles; those of numbers begin with a `#` that is not shown */
function section(id: string, title: string, columns: readonly string[], rows: readonly string[]): string {
  const heads = columns
    .map(
      (column) =>
        `<th scope="col"${column.startsWith('#') ? ' class="number"' : ''}>${escaped(column.replace('#', ''))}</th>`,
    )
    .join('');
  return `<section aria-labelledby="${id}">
<h2 id="${id}">${escaped(title)}</h2>
<div class="scroll" tabindex="0" role="region" aria-labelledby="${id}">
<table>
<thead><tr>${heads}</tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>
</div>
</section>`;
}
