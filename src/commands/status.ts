import type { Problem } from '../catalog/status/problem.ts';
import { ArchiverError } from '../errors.ts';
import { targetStorageOf } from '../storage/target-storage.ts';
import { defineCommand } from './command.ts';
import { databaseOf } from './database.ts';
import { writeReport } from './write-report.ts';

/** `status`: the archive and its server on one screen. It changes nothing in either. */
export const status = defineCommand({
  name: 'status',
  summary: 'Show on one screen what can be recovered, and what needs attention.',
  positionals: [],
  options: {
    json: { type: 'boolean', text: 'Print JSON.' },
    html: { type: 'string', placeholder: 'FILE', text: 'Also write a page that needs no other file.' },
    prometheus: { type: 'string', placeholder: 'FILE', text: 'Also write metrics for a textfile collector.' },
    'storage-only': { type: 'boolean', text: 'Do not ask the server.' },
    'exit-code': { type: 'boolean', text: 'Fail when there is a failure among what needs attention.' },
    'target-storage': {
      type: 'string',
      placeholder: 'NAME',
      text: 'The storage to look at; default: all that are alive.',
    },
  },
  examples: [
    { line: 'status', text: 'For a look.' },
    { line: 'status --json --storage-only', text: 'For programs, on a machine without a server.' },
    { line: 'status --html /var/www/backups.html', text: 'A page for everybody.' },
    {
      line: 'status --prometheus /var/lib/prometheus/node-exporter/walvault.prom',
      text: 'From cron, for alerts.',
    },
  ],
  exitStatuses: {
    65: 'with --exit-code: the newest backup is damaged',
    66: 'with --exit-code: there is no usable backup, or WAL or binlogs behind it are missing',
    69: 'storage unavailable; with --exit-code also: archiving fails',
    73: 'a file or standard output cannot be written',
    77: 'the storage refused',
  },
  async run(app, args) {
    const { options } = args;
    const database = await databaseOf(app, args);
    const transport = await app.transport('read', { target: targetStorageOf(app.settings, options['target-storage']) });
    const { readShown } =
      database === 'mysql' ? await import('./mysql/status-run.ts') : await import('./postgres/status-run.ts');
    const shown = await readShown(app, transport, { storageOnly: options['storage-only'] === true });
    const { html, prometheus } = options;
    if (typeof html === 'string') writeReport(html, shown.page(), shown.now);
    if (typeof prometheus === 'string') writeReport(prometheus, shown.metrics(), shown.now);
    await app.print(options['json'] === true ? `${shown.json()}\n` : shown.text());
    if (options['exit-code'] === true) throwFailure(shown.problems);
    return undefined;
  },
});

function throwFailure(problems: readonly Problem[]): void {
  const failures = problems.filter(({ severity }) => severity === 'failure');
  const [first] = failures;
  if (first === undefined) return;
  const more = failures.length === 1 ? '' : ` (and ${failures.length - 1} more)`;
  throw new ArchiverError(first.kind, `${first.text}${more}`, { hint: first.hint });
}
