import { describeFetch } from '../../postgres/backup/describe-fetch.ts';
import { prepareFetch, restoreBackup } from '../../postgres/backup/fetch.ts';
import { defineCommand } from '../command.ts';
import { fetchRequestOf } from './fetch-request.ts';
import { servicesOf } from './fetch-services.ts';
import { tellNextSteps } from './restored.ts';
import { targetOptions } from './target-options.ts';

/** `backup-fetch`: a backup into an empty directory, and if wanted what a recovery from it needs. */
export const backupFetch = defineCommand({
  name: 'backup-fetch',
  summary: 'Restore a backup, and prepare recovery to a point in time.',
  positionals: [
    {
      name: 'destination',
      text: 'The directory to restore to: empty, or not there yet; with --delta that of the stopped server.',
      required: true,
    },
    {
      name: 'backup_name',
      text: 'A name from backup-list, or LATEST. With a target it may be left out: the right backup is chosen.',
      required: false,
    },
  ],
  options: {
    ...targetOptions,
    'target-user-data': { type: 'string', placeholder: 'JSON', text: 'Restore the backup that has this user data.' },
    'restore-spec': {
      type: 'string',
      placeholder: 'FILE',
      text: 'JSON that says where tablespaces go. Default: where they were when restoring to the original place, else inside the destination.',
    },
    mask: {
      type: 'string',
      placeholder: 'GLOB',
      text: 'Restore only files that match, such as "base/16384/*". The result cannot be started.',
    },
    'skip-target-check': {
      type: 'boolean',
      text: 'Do not look whether the archive leads to the target: the WAL may be elsewhere, such as in a saved pg_wal. Name a backup.',
    },
    delta: {
      type: 'boolean',
      text: 'Restore in place: the destination is the data directory of the stopped server; what is right in it is kept, what the backup does not have is removed.',
    },
    'dry-run': { type: 'boolean', text: 'Look at everything, say what would be done, write nothing.' },
    json: { type: 'boolean', text: 'With --delta and --dry-run: print JSON.' },
    'target-storage': {
      type: 'string',
      placeholder: 'NAME',
      text: 'The storage to fetch from; default: any of them.',
    },
    'reverse-unpack': {
      type: 'boolean',
      text: 'Unpack the newest backup of a chain of deltas first; each page is written once. Default: yes; --reverse-unpack=false begins with the full one.',
    },
    'skip-redundant-tars': {
      type: 'boolean',
      text: 'Fetch only parts of older backups that are still needed. Default: yes; --skip-redundant-tars=false fetches all.',
    },
    'restore-only': {
      type: 'string',
      placeholder: 'DB,…',
      text: 'Restore only these: DB, DB/TABLE, DB/SCHEMA.TABLE, separated by commas; * is any text. All others must then be dropped.',
    },
  },
  examples: [
    { line: 'backup-fetch /srv/restore LATEST', text: 'Restore the newest backup; recovery is set up by you.' },
    {
      line: "backup-fetch /srv/restore --target-time '2026-11-21 14:04:30+01' --target-action promote",
      text: 'Restore the right backup and prepare recovery to that moment.',
    },
    { line: 'backup-fetch $PGDATA LATEST --target-timeline latest', text: 'Bring back all that was archived.' },
    {
      line: 'backup-fetch $PGDATA LATEST --delta',
      text: 'Bring a stopped server back to the newest backup, fetching what differs.',
    },
    { line: 'backup-fetch /srv/restore base_000000010000000000000042', text: 'Restore a backup by its name.' },
    {
      line: 'backup-fetch /srv/restore --target-name before_migration --dry-run',
      text: 'Only see whether it can be done.',
    },
  ],
  exitStatuses: {
    65: 'the backup is damaged; the directory cannot be started',
    66: 'no such backup, or the archive does not lead to the target',
    69: 'storage unavailable',
    73: 'the destination is not empty (with --delta: not this cluster) or cannot be written, or the disk is full',
    75: 'with --delta: the server is running',
    77: 'the storage refused',
    78: 'a setting is missing or invalid, or the backup is of a kind that this version cannot restore',
  },
  async run(app, args) {
    const { clock, logger } = app;
    const started = clock.monotonicMs();
    const { request, transport } = await fetchRequestOf(app, args);
    const services = servicesOf(app, args, transport);
    if (request.inPlace) {
      const { runInPlace } = await import('./fetch-in-place.ts');
      return runInPlace(app, args, { request, services });
    }
    const prepared = await prepareFetch(services, request);
    if (args.options['dry-run'] === true) {
      await app.print(describeFetch(prepared));
      return 0;
    }
    const summary = await restoreBackup(services, prepared);
    const durationMs = Math.round(clock.monotonicMs() - started);
    logger.info('backup restored', { backup: prepared.request.backup, ...summary, durationMs });
    tellNextSteps(app, request);
    return 0;
  },
});
