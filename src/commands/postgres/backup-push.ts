import { selectorOfName, type BackupSelector } from '../../catalog/backup-store.ts';
import { sharing } from '../../catalog/lease/lease.ts';
import { readSetting, readSettings, type Settings } from '../../config/setting.ts';
import { ArchiverError } from '../../errors.ts';
import { pushBackup } from '../../postgres/backup/push.ts';
import type { PushedBackup, PushOptions } from '../../postgres/backup/push-options.ts';
import { backupSettings } from '../../postgres/backup/settings.ts';
import { changedBlocksSettings } from '../../postgres/changed-blocks/settings.ts';
import { composerOf, type ComposerName } from '../../postgres/composers/composer.ts';
import { composerSettings } from '../../postgres/composers/settings.ts';
import type { BaseRequest } from '../../postgres/delta/base.ts';
import { deltaSettings } from '../../catalog/delta-settings.ts';
import { resumeSettings } from '../../postgres/resume/settings.ts';
import { serverSettings } from '../../postgres/server/settings.ts';
import { defaultStorageName } from '../../storage/named-storages.ts';
import { defineCommand, type App, type Arguments } from '../command.ts';
import { pushRemotely } from './backup-push-remote.ts';
import { backupRequestOf, corruptBlocksKept, workersOf, type BackupRequest } from './backup-request.ts';
import { parseUserData } from './user-data.ts';

/** `backup-push`: a base backup of a running server's data directory. */
export const backupPush = defineCommand({
  name: 'backup-push',
  summary: 'Push a base backup of a running server.',
  positionals: [
    {
      name: 'db_directory',
      text: 'The data directory of the server that PGHOST, PGPORT … lead to. Without it the server is asked to send its files.',
      required: false,
    },
  ],
  options: {
    full: { type: 'boolean', short: 'f', text: 'Make a full backup, whatever WALG_DELTA_MAX_STEPS says.' },
    permanent: { type: 'boolean', short: 'p', text: 'Protect the backup from being deleted by retention.' },
    'add-user-data': { type: 'string', placeholder: 'JSON', text: 'Store this JSON value in the backup.' },
    'without-files-metadata': { type: 'boolean', text: 'Store no files_metadata.json.' },
    'target-storage': {
      type: 'string',
      placeholder: 'NAME',
      text: 'The storage to push to; default: the first that is alive.',
    },
    verify: {
      type: 'boolean',
      short: 'v',
      text: 'Verify the checksums of pages; damaged ones are recorded and told of.',
    },
    'store-all-corrupt': { type: 'boolean', short: 's', text: 'Record all damaged pages of a file, not only ten.' },
    'delta-from-name': { type: 'string', placeholder: 'NAME', text: 'Make a delta of this backup; LATEST is one.' },
    'delta-from-user-data': {
      type: 'string',
      placeholder: 'JSON',
      text: 'Make a delta of the backup with this user data.',
    },
    manifest: {
      type: 'boolean',
      text: 'Without a data directory: store the backup_manifest of the server, for pg_verifybackup.',
    },
    'rating-composer': {
      type: 'boolean',
      short: 'r',
      text: 'Keep files that are seldom written apart from those often written.',
    },
    'copy-composer': {
      type: 'boolean',
      short: 'c',
      text: 'Make a full backup; the storage copies parts of the latest one in which nothing changed.',
    },
    'database-composer': {
      type: 'boolean',
      short: 'b',
      text: 'Put the files of each database into parts of their own.',
    },
  },
  examples: [
    { line: 'backup-push /var/lib/postgresql/17/main', text: 'Back up the server on the default socket.' },
    { line: 'backup-push', text: 'Back up a server on another machine, over the replication protocol.' },
    { line: 'backup-push $PGDATA --permanent', text: 'Keep this backup until it is unmarked.' },
    {
      line: `backup-push $PGDATA --add-user-data '{"release": "4.2"}'`,
      text: 'Note why it was made, to find it by that later.',
    },
    {
      line: 'backup-push $PGDATA --walg-delta-max-steps=6',
      text: 'Push only what changed since the latest backup; a full one after six of these.',
    },
    { line: 'backup-push $PGDATA --verify', text: 'Verify the checksums of all pages on the way.' },
    { line: 'backup-push $PGDATA --walg-require-wal=true', text: 'Fail unless the WAL it needs is archived too.' },
  ],
  exitStatuses: {
    64: 'options that contradict each other',
    65: 'a file of the data directory is damaged or cannot be read',
    66: 'the data directory or a tablespace is not there; with WALG_REQUIRE_WAL: WAL that the backup needs is not in the archive',
    69: 'server or storage unreachable, or lost in the middle',
    73: 'a backup of that name exists, or the storage is full',
    75: 'another run is pushing a backup of the same name',
    77: 'the server or the storage refused, or the data directory may not be read',
    78: 'the data directory is not the one of the server, or a setting is wrong',
  },
  async run(app, { positionals, options }) {
    const [directory] = positionals;
    const started = app.clock.monotonicMs();
    const request = await backupRequestOf(app, options);
    const backup = await sharing(request.transport.storage, 'backup-push', app, () =>
      directory === undefined ? pushRemotely(app, options, request) : pushLocally(app, { directory, options, request }),
    );
    const { logger } = app;
    logger.info('backup pushed', {
      backup: backup.name,
      bytes: backup.uncompressedBytes,
      storedBytes: backup.compressedBytes,
      durationMs: Math.round(app.clock.monotonicMs() - started),
    });
    // WAL-G's last line: scripts take the name from it.
    logger.info(
      `Wrote backup with name ${backup.name} to storage ${request.transport.storageName ?? defaultStorageName}`,
    );
    return 0;
  },
});

async function pushLocally(
  app: App,
  {
    directory,
    options,
    request,
  }: { readonly directory: string; readonly options: Arguments['options']; readonly request: BackupRequest },
): Promise<PushedBackup> {
  if (options['manifest'] === true) {
    throw new ArchiverError('usage', '--manifest is for backups without a data directory', {
      hint: 'Leave out --manifest, or the data directory: a manifest is made by the server while it sends its files.',
    });
  }
  const composer = composerFor(app, options, request);
  const settings = readSettings(backupSettings, app.settings);
  return await pushBackup({
    ...request,
    directory,
    workerEntry: app.program.workerEntry,
    workers: workersOf(app, options),
    composer,
    delta: deltaRequestOf(app, options, { ...request, composer }),
    changes: readSettings(changedBlocksSettings, app.settings),
    verify: {
      enabled: request.verifiesChecksums,
      blocksKept: options['store-all-corrupt'] === true || settings.storeAllCorrupt ? Infinity : corruptBlocksKept,
    },
    resume: resumeOf(app),
    recordDatabases: !settings.disablePartialRestore,
    stopTimeoutMs: readSetting(serverSettings.stopBackupTimeout, app.settings),
  });
}

function resumeOf({ settings }: App): PushOptions['resume'] {
  const { resume, resumeMinSize } = readSettings(resumeSettings, settings);
  return { enabled: resume, minBytes: resumeMinSize };
}

/** What delta is wanted; flags before settings. @throws ArchiverError (kind `usage`) when they contradict each other */
function deltaRequestOf(
  { settings: raw, logger }: App,
  options: Arguments['options'],
  {
    filesMetadataDisabled,
    isPermanent,
    composer,
  }: Pick<BackupRequest, 'filesMetadataDisabled' | 'isPermanent'> & { readonly composer: ComposerName },
): BaseRequest {
  const settings = readSettings(deltaSettings, raw);
  const selector = baseSelectorOf(options, settings);
  const isChosen = selector.by !== 'latest';
  if (isChosen && filesMetadataDisabled) {
    throw new ArchiverError('usage', 'a delta backup cannot be made without files metadata', {
      hint: 'Leave out either --without-files-metadata or --delta-from-name and --delta-from-user-data.',
    });
  }
  const isFull = options['full'] === true || filesMetadataDisabled || composer === 'copy';
  if (isChosen && !isFull && settings.maxSteps === 0) {
    logger.warn('making a full backup: no deltas are allowed, since WALG_DELTA_MAX_STEPS is 0');
  }
  if (isChosen && composer === 'copy') logger.warn('making a full backup: the copy composer makes no others');
  return { maxSteps: isFull ? 0 : settings.maxSteps, origin: settings.origin, selector, isPermanent };
}

function baseSelectorOf(options: Arguments['options'], settings: Settings<typeof deltaSettings>): BackupSelector {
  const given = { name: options['delta-from-name'], userData: options['delta-from-user-data'] };
  const isGiven = given.name !== undefined || given.userData !== undefined;
  const name = isGiven ? given.name : settings.fromName;
  const userData = isGiven ? given.userData : settings.fromUserData;
  if (typeof name === 'string' && typeof userData === 'string') {
    throw new ArchiverError('usage', 'a name and user data are given of the backup to build on', {
      hint: 'Give either --delta-from-name (WALG_DELTA_FROM_NAME) or --delta-from-user-data (WALG_DELTA_FROM_USER_DATA).',
    });
  }
  if (typeof name === 'string') return selectorOfName(name);
  if (typeof userData !== 'string') return { by: 'latest' };
  return { by: 'userData', userData: parseUserData(userData, '--delta-from-user-data') };
}

/** Flags and settings add up. @throws ArchiverError (kind `usage`) */
function composerFor({ settings: raw }: App, options: Arguments['options'], request: BackupRequest): ComposerName {
  const settings = readSettings(composerSettings, raw);
  const wishes = {
    rating: options['rating-composer'] === true || settings.rating,
    database: options['database-composer'] === true || settings.database,
    copy: options['copy-composer'] === true || settings.copy,
  };
  return composerOf(wishes, request);
}
