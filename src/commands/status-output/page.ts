/** The status as one page of HTML that needs nothing else: no script, no other file. */
import type { Problem } from '../../catalog/status/problem.ts';
import { formatBytes } from '../../doctor/format.ts';
import { escaped } from './escaped.ts';
import { storedChart } from './page-stored.ts';
import { pageStyle } from './page-style.ts';
import { windowsChart } from './page-windows.ts';
import { capital, type Fact, type StatusView } from './view.ts';
import { agoText, countText, timeText } from './wording.ts';

/** The whole document. */
export function viewPage(view: StatusView): string {
  const { problems, location, now } = view;
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
<title>${escaped(`${verdict}: ${location}`)}</title>
<style>
${pageStyle}</style>
</head>
<body>
<header>
<h1>Archive <code>${escaped(location)}</code></h1>
<p><time datetime="${now.toISOString()}">${timeText(now)}</time></p>
</header>
<main>
${problemsSection(problems)}
<section aria-labelledby="overview">
<h2 id="overview">Overview</h2>
<dl class="facts">
${view.facts.map(factHtml).join('\n')}
</dl>
</section>
${windowsChart(view)}
${gapsSection(view)}
${storedChart(view)}
${backupsSection(view)}
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

function gapsSection({ gaps, wording }: StatusView): string {
  if (gaps.length === 0) return '';
  const rows = gaps
    .slice(-shownGaps)
    .map(
      ({ line, first, last, count }) =>
        `<tr><td>${escaped(line)}</td><td><code>${escaped(first)}</code></td><td><code>${escaped(last)}</code></td><td class="number">${count}</td></tr>`,
    );
  const { logs, log } = wording;
  const title = `${capital(logs)} that ${logs === 'WAL' ? 'is' : 'are'} not there`;
  const columns = [wording.line.replace('#', ''), `First ${log}`, `Last ${log}`, `#${capital(log)}s`];
  return section('gaps', title, columns, rows);
}

function backupsSection(view: StatusView): string {
  const rows = view.backups.toReversed().map((backup) => backupRow(backup, view));
  if (rows.length === 0) return '';
  const columns = ['Backup', 'Complete', 'Kind', view.wording.line, '#Stored', 'Proven', 'State'];
  return section('backups', 'Backups', columns, rows);
}

function backupRow(backup: StatusView['backups'][number], { now, wording }: StatusView): string {
  const { name, finished, kind, line, storedBytes, unusable, isPermanent, report, storageName } = backup;
  const proven = report?.provenAt;
  const state = [
    ...(unusable === undefined ? [] : [`unusable: ${unusable}`]),
    ...(report?.status === 'damaged' ? ['damaged'] : []),
    ...(isPermanent ? ['permanent'] : []),
    ...(storageName === undefined ? [] : [`in ${storageName}`]),
  ];
  return `<tr${unusable === undefined && report?.status !== 'damaged' ? '' : ' class="failure"'}><th scope="row"><code>${escaped(name)}</code></th><td title="${timeText(finished)}">${agoText(finished, now)}</td><td>${kind ?? 'unknown'}</td><td${wording.line.startsWith('#') ? ' class="number"' : ''}>${escaped(line)}</td><td class="number">${formatBytes(storedBytes)}</td><td>${proven === undefined ? 'never' : agoText(new Date(Number(proven / 1_000_000n)), now)}</td><td class="text">${escaped(state.join(', '))}</td></tr>`;
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
