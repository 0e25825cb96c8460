import { availableParallelism, hostname } from 'node:os';
import { parseJson, type JsonValue } from '../../catalog/json.ts';
import { readSetting, readSettings, type RawSettings, type Settings } from '../../config/setting.ts';
import { ArchiverError } from '../../errors.ts';
import { networkSettings, uploadSettings } from '../../pipeline/settings.ts';
import { pushBackup } from '../../postgres/backup/push.ts';
import { backupSettings, laterBackupSettings } from '../../postgres/backup/settings.ts';
import { serverSettings } from '../../postgres/server/settings.ts';
import { postgresSettings } from '../../postgres/settings.ts';
import { targetStorageOf } from '../../postgres/target-storage.ts';
import { defaultStorageName } from '../../storage/named-storages.ts';
import { defineCommand, type App, type Arguments } from '../command.ts';
import { showTransfer } from '../transfer-progress.ts';
import { parseUserData } from './user-data.ts';

const later = 'Not in this version';

/** Streams that `--turbo` reads the disk with, as in WAL-G. */
const turboWorkers = 4;

/** `backup-push`: a base backup of a running server's data directory. */
export const backupPush = defineCommand({
  name: 'backup-push',
  summary: 'Push a base backup of a running server.',
  positionals: [
    {
      name: 'db_directory',
      text: 'The data directory of the server that PGHOST, PGPORT … lead to.',
      required: false,
    },
  ],
  options: {
    full: { type: 'boolean', short: 'f', text: 'Make a full backup; in this version every backup is one.' },
    permanent: { type: 'boolean', short: 'p', text: 'Protect the backup from being deleted by retention.' },
    'add-user-data': { type: 'string', placeholder: 'JSON', text: 'Store this JSON value in the backup.' },
    'without-files-metadata': { type: 'boolean', text: 'Store no files_metadata.json.' },
    'target-storage': {
      type: 'string',
      placeholder: 'NAME',
      text: 'The storage to push to; default: the first that is alive.',
    },
    verify: { type: 'boolean', short: 'v', text: `Check page checksums. ${later}: only warns.` },
    'store-all-corrupt': { type: 'boolean', short: 's', text: `Record all corrupt pages. ${later}: only warns.` },
    'delta-from-name': { type: 'string', placeholder: 'NAME', text: `Make a delta of this backup. ${later}.` },
    'delta-from-user-data': { type: 'string', placeholder: 'JSON', text: `Make a delta of that backup. ${later}.` },
    'rating-composer': { type: 'boolean', short: 'r', text: `Compose parts by update rates. ${later}: only warns.` },
    'copy-composer': { type: 'boolean', short: 'c', text: `Copy unchanged parts. ${later}: only warns.` },
    'database-composer': { type: 'boolean', short: 'b', text: `Compose parts by database. ${later}: only warns.` },
  },
  examples: [
    { line: 'backup-push /var/lib/postgresql/17/main', text: 'Back up the server on the default socket.' },
    { line: 'backup-push $PGDATA --permanent', text: 'Keep this backup until it is unmarked.' },
    {
      line: `backup-push $PGDATA --add-user-data '{"release": "4.2"}'`,
      text: 'Note why it was made, to find it by that later.',
    },
    { line: 'backup-push $PGDATA --walg-require-wal=true', text: 'Fail unless the WAL it needs is archived too.' },
  ],
  exitStatuses: {
    64: 'no data directory given, or an option that this version lacks',
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
    if (directory === undefined) {
      throw new ArchiverError('usage', 'the data directory is missing', {
        hint: 'Give the data directory of the server; backups over the replication protocol are not in this version.',
      });
    }
    const settings = readSettings(backupSettings, app.settings);
    const userData = userDataOf(options, settings);
    const isTurbo = options['turbo'] === true;
    refuseWhatIsMissing(app, options);
    const upload = readSettings(uploadSettings, app.settings);
    const network = readSettings(networkSettings, app.settings);
    const { clock, logger, signal } = app;

    const started = clock.monotonicMs();
    const target = targetStorageOf(app.settings, options['target-storage']);
    const transport = await app.transport('write', { target, wholly: true });
    const { storageName = defaultStorageName } = transport;
    const backup = await pushBackup({
      directory,
      settings: app.settings,
      transport,
      // The WAL may have gone to another storage than the backup, and one that is dead must not keep this from ending.
      archive: transport.storageName === undefined ? transport : await app.transport('write', { target }),
      clock,
      logger,
      signal,
      workerEntry: app.program.workerEntry,
      workers: isTurbo ? turboWorkers : workersOf(upload),
      diskRateLimit: isTurbo ? undefined : upload.diskRateLimit,
      networkRateLimit: isTurbo ? undefined : network.rateLimit,
      thresholdBytes: settings.tarSizeThreshold,
      segmentBytes: configuredSegmentBytes(app.settings),
      hostname: hostname(),
      userData,
      isPermanent: options['permanent'] === true,
      filesMetadataDisabled: options['without-files-metadata'] === true || settings.withoutFilesMetadata,
      recordDatabases: !settings.disablePartialRestore,
      aliveCheckIntervalMs: readSetting(serverSettings.aliveCheckInterval, app.settings),
      stopTimeoutMs: readSetting(serverSettings.stopBackupTimeout, app.settings),
      walWaitTimeoutMs: settings.walWaitTimeout,
      requireWal: settings.requireWal,
      openProgress: (totalBytes) => showTransfer(app, 'pushing backup', totalBytes),
    });
    logger.info('backup pushed', {
      backup: backup.name,
      bytes: backup.uncompressedBytes,
      storedBytes: backup.compressedBytes,
      durationMs: Math.round(clock.monotonicMs() - started),
    });
    // WAL-G's last line: scripts take the name from it.
    logger.info(`Wrote backup with name ${backup.name} to storage ${storageName}`);
    return 0;
  },
});

/** Without a word of the user's the server is asked. */
function configuredSegmentBytes(raw: RawSettings): number | undefined {
  const setting = postgresSettings.segmentBytes;
  return raw.get(setting.env) === undefined ? undefined : readSetting(setting, raw);
}

/** Half of the CPUs are the server's, unless somebody says how many parts to write at once. */
function workersOf({ concurrency, diskConcurrency }: Settings<typeof uploadSettings>): number {
  const cpus = availableParallelism();
  return Math.min(concurrency, diskConcurrency ?? Math.min(cpus, Math.max(2, Math.ceil(cpus / 2))));
}

function userDataOf(options: Arguments['options'], settings: Settings<typeof backupSettings>): JsonValue | undefined {
  const given = options['add-user-data'];
  if (typeof given !== 'string') {
    return settings.userData === undefined ? undefined : parseJson(settings.userData, 'WALG_SENTINEL_USER_DATA');
  }
  return parseUserData(given, '--add-user-data');
}

/** Whatever is asked for and not there yet: refused where the result would be another, else told. */
function refuseWhatIsMissing({ settings: raw, logger }: App, options: Arguments['options']): void {
  const settings = readSettings(laterBackupSettings, raw);
  const deltaFrom = ['delta-from-name', 'delta-from-user-data'].find((name) => options[name] !== undefined);
  if (deltaFrom !== undefined) {
    throw new ArchiverError('usage', `--${deltaFrom} asks for a delta backup, which this version cannot make`, {
      hint: `Leave --${deltaFrom} out to make a full backup.`,
    });
  }
  const warnings: readonly (readonly [boolean, string])[] = [
    [
      settings.deltaMaxSteps > 0 && options['full'] !== true,
      'WALG_DELTA_MAX_STEPS is set, but this version cannot make delta backups: making a full one',
    ],
    [asked('verify') || settings.verify, 'page checksums are not verified: not in this version'],
    [asked('store-all-corrupt') || settings.storeAllCorrupt, 'corrupt pages are not looked for: not in this version'],
    [
      asked('rating-composer') || settings.ratingComposer,
      'parts are composed in the order of the walk: no rating composer in this version',
    ],
    [asked('copy-composer') || settings.copyComposer, 'all parts are packed anew: no copy composer in this version'],
    [
      asked('database-composer') || settings.databaseComposer,
      'parts are composed in the order of the walk: no database composer in this version',
    ],
  ];
  for (const [applies, message] of warnings) if (applies) logger.warn(message);

  function asked(option: string): boolean {
    return options[option] === true;
  }
}
