import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { createRateLimiter } from '../../bytes/rate-limiter.ts';
import { selectorOfName, type BackupSelector } from '../../catalog/backup-store.ts';
import { sentinelKey } from '../../catalog/layout.ts';
import { readSettings } from '../../config/setting.ts';
import { ArchiverError, messageOf } from '../../errors.ts';
import { downloadSettings, networkSettings } from '../../pipeline/settings.ts';
import type { Transport } from '../../pipeline/transport.ts';
import { openWorkerPool } from '../../pipeline/worker-pool.ts';
import { readSentinel } from '../../postgres/backup/backup-record.ts';
import { describeFetch } from '../../postgres/backup/describe-fetch.ts';
import { prepareFetch, restoreBackup, type PreparedFetch } from '../../postgres/backup/fetch.ts';
import { fetchSettings } from '../../postgres/backup/fetch-settings.ts';
import type { TablespaceSpec } from '../../postgres/backup/tablespace-spec.ts';
import { parseRestoreSpec } from '../../postgres/backup/tablespaces.ts';
import { parseRestoreOnly } from '../../postgres/restore/restore-only.ts';
import { chooseBackup, recoveryAdditions } from '../../postgres/recovery/prepare.ts';
import { restoreCommandOf } from '../../postgres/recovery/recovery-settings.ts';
import { postgresSettings } from '../../postgres/settings.ts';
import { targetStorageOf, withTargetStorage } from '../../postgres/target-storage.ts';
import { holderOf } from '../../storage/named-storages.ts';
import { defineCommand, type App, type Arguments } from '../command.ts';
import { showTransfer } from '../transfer-progress.ts';
import { recoveryRequestOf, targetOptions, textOf } from './target-options.ts';
import { parseUserData } from './user-data.ts';

/** `backup-fetch`: a backup into an empty directory, and if wanted what a recovery from it needs. */
export const backupFetch = defineCommand({
  name: 'backup-fetch',
  summary: 'Restore a backup, and prepare recovery to a point in time.',
  positionals: [
    { name: 'destination', text: 'The directory to restore to: empty, or not there yet.', required: true },
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
    'dry-run': { type: 'boolean', text: 'Look at everything, say what would be done, write nothing.' },
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
    73: 'the destination is not empty or cannot be written, or the disk is full',
    77: 'the storage refused',
    78: 'a setting is missing or invalid, or the backup is of a kind that this version cannot restore',
  },
  async run(app, args) {
    const { clock, logger } = app;
    const started = clock.monotonicMs();
    const { prepared, transport } = await prepare(app, args);
    if (args.options['dry-run'] === true) {
      await app.print(describeFetch(prepared));
      return 0;
    }
    const { concurrency, fileRetries } = readSettings(downloadSettings, app.settings);
    const { rateLimit } = readSettings(networkSettings, app.settings);
    const limited = rateLimit !== undefined && args.options['turbo'] !== true;
    const summary = await restoreBackup(
      {
        transport,
        clock,
        logger,
        signal: app.signal,
        retries: fileRetries,
        openPool: (parts) =>
          openWorkerPool({
            entry: app.program.workerEntry,
            workers: Math.min(parts, concurrency, availableParallelism()),
            environment: withTargetStorage(app.settings.toEnvironment(), transport.storageName),
            networkLimit: limited ? createRateLimiter(rateLimit) : undefined,
            signal: app.signal,
            logger,
          }),
        openProgress: (totalBytes) => showTransfer(app, 'restoring backup', totalBytes),
      },
      prepared,
    );
    const durationMs = Math.round(clock.monotonicMs() - started);
    logger.info('backup restored', { backup: prepared.request.backup, ...summary, durationMs });
    if (process.getuid?.() === 0) {
      logger.warn('the files belong to root: give them to the server’s user before it starts', {
        directory: summary.destination,
      });
    }
    if (prepared.request.additions.size > 0) tellNextStep(app);
    return 0;
  },
});

/** restore_command runs with the server's environment, not with this one. */
function tellNextStep({ settings, logger }: App): void {
  const needed = Object.keys(settings.toEnvironment()).filter(
    (name) => /^WAL[GE]_/.test(name) && settings.get(name)?.origin !== 'file',
  );
  if (needed.length === 0) logger.info('start the server to recover');
  else logger.info('start the server to recover; its environment needs these settings', { names: needed.join(' ') });
}

/** A restore, and the storage that holds the whole backup. */
interface Preparation {
  readonly prepared: PreparedFetch;
  readonly transport: Transport;
}

async function prepare(app: App, { positionals, options }: Arguments): Promise<Preparation> {
  const { logger, signal, clock } = app;
  const [destination = '', name] = positionals;
  const request = recoveryRequestOf(options);
  const mask = textOf(options['mask']);
  const only = textOf(options['restore-only']);
  const restoreOnly = only === undefined ? undefined : parseRestoreOnly(only);
  if (mask !== undefined && restoreOnly !== undefined) {
    throw usage('--mask and --restore-only exclude each other', 'Give one of them.');
  }
  if (mask !== undefined && request !== undefined) {
    throw usage('--mask and recovery exclude each other', 'What --mask restores cannot be started.');
  }
  const target = targetStorageOf(app.settings, options['target-storage']);
  const settings = readSettings(fetchSettings, app.settings);
  const selector = selectorOf(name, textOf(options['target-user-data']), settings.targetUserData);
  const specPath = textOf(options['restore-spec']);
  const restoreSpec = specPath === undefined ? undefined : await readRestoreSpec(specPath);

  const { segmentBytes } = readSettings(postgresSettings, app.settings);
  const archive = await app.transport('read', { target });
  const { backup, request: planned } = await chooseBackup(
    { transport: archive, clock, logger, signal, segmentBytes },
    { selector, request, unchecked: options['skip-target-check'] === true },
  );
  const holder = await holderOf(archive.storage, sentinelKey(backup), { signal });
  const transport = holder === undefined ? archive : await app.transport('read', { target: holder.name });
  const sentinel = await readSentinel(transport.storage, backup, { signal });
  const additions =
    planned === undefined
      ? new Map<string, string>()
      : recoveryAdditions(planned, restoreCommandOfProgram(app, options), sentinel.pgVersion);
  const prepared = await prepareFetch(
    { transport, logger, signal },
    {
      ...{ destination, backup, sentinel, restoreSpec, mask, restoreOnly, additions },
      durable: !settings.disableFsync,
      inPlace: false,
      newestFirst: restoreOnly !== undefined || flagOf(options['reverse-unpack'], settings.reverseUnpack),
      skipRedundantParts:
        restoreOnly !== undefined || flagOf(options['skip-redundant-tars'], settings.skipRedundantTars),
    },
  );
  return { prepared, transport };
}

function flagOf(option: string | boolean | undefined, setting: boolean): boolean {
  return typeof option === 'boolean' ? option : setting;
}

function selectorOf(
  name: string | undefined,
  userData: string | undefined,
  fromSettings: string | undefined,
): BackupSelector | undefined {
  if (name !== undefined && userData !== undefined) {
    throw usage('a name and --target-user-data exclude each other', 'Give one of them.');
  }
  if (name !== undefined) return selectorOfName(name);
  const given = userData ?? fromSettings;
  if (given === undefined) return undefined;
  return { by: 'userData', userData: parseUserData(given, '--target-user-data') };
}

async function readRestoreSpec(path: string): Promise<TablespaceSpec> {
  try {
    return parseRestoreSpec(await readFile(path, 'utf8'), path);
  } catch (error) {
    if (error instanceof ArchiverError) throw error;
    throw new ArchiverError('missing', `cannot read the restore specification: ${messageOf(error)}`, { cause: error });
  }
}

/** The server calls this very program, with the same configuration file. */
function restoreCommandOfProgram({ program }: App, options: Arguments['options']): string {
  const config = textOf(options['config']);
  return restoreCommandOf(
    [program.path, ...program.leadingArguments],
    config === undefined ? [] : ['--config', config],
  );
}

function usage(message: string, hint: string): ArchiverError {
  return new ArchiverError('usage', message, { hint });
}
