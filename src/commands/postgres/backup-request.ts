/** What is asked of backup-push wherever the files come from, from the options and the settings. */
import { availableParallelism, hostname } from 'node:os';
import { parseJson, type JsonValue } from '../../catalog/json.ts';
import { readSetting, readSettings, type RawSettings, type Settings } from '../../config/setting.ts';
import { networkSettings, uploadSettings } from '../../pipeline/settings.ts';
import type { PushOptions } from '../../postgres/backup/push-options.ts';
import { backupSettings } from '../../postgres/backup/settings.ts';
import type { RemotePushOptions } from '../../postgres/remote/push.ts';
import { serverSettings } from '../../postgres/server/settings.ts';
import { postgresSettings } from '../../postgres/settings.ts';
import { targetStorageOf } from '../../storage/target-storage.ts';
import type { App, Arguments } from '../command.ts';
import { showTransfer } from '../transfer-progress.ts';
import { parseUserData } from './user-data.ts';

/** What both kinds of a push are asked. */
export type BackupRequest = Pick<PushOptions & RemotePushOptions, keyof PushOptions & keyof RemotePushOptions> & {
  readonly verifiesChecksums: boolean;
};

/** Opens the storage as well. @throws ArchiverError for options that are wrong, and what opening a storage fails with */
export async function backupRequestOf(app: App, options: Arguments['options']): Promise<BackupRequest> {
  const settings = readSettings(backupSettings, app.settings);
  const userData = userDataOf(options, settings);
  const isTurbo = options['turbo'] === true;
  const { clock, logger, signal } = app;
  const target = targetStorageOf(app.settings, options['target-storage']);
  const transport = await app.transport('write', { target, wholly: true });
  return {
    settings: app.settings,
    transport,
    // The WAL may have gone to another storage than the backup, and one that is dead must not keep this from ending.
    archive: transport.storageName === undefined ? transport : await app.transport('write', { target }),
    clock,
    logger,
    signal,
    diskRateLimit: isTurbo ? undefined : readSettings(uploadSettings, app.settings).diskRateLimit,
    networkRateLimit: isTurbo ? undefined : readSettings(networkSettings, app.settings).rateLimit,
    thresholdBytes: settings.tarSizeThreshold,
    segmentBytes: configuredSegmentBytes(app.settings),
    hostname: hostname(),
    userData,
    isPermanent: options['permanent'] === true,
    filesMetadataDisabled: options['without-files-metadata'] === true || settings.withoutFilesMetadata,
    verifiesChecksums: options['verify'] === true || settings.verify,
    aliveCheckIntervalMs: readSetting(serverSettings.aliveCheckInterval, app.settings),
    walWaitTimeoutMs: settings.walWaitTimeout,
    requireWal: settings.requireWal,
    openProgress: (totalBytes) => showTransfer(app, 'pushing backup', totalBytes),
  };
}

/** Numbers of damaged pages that are kept of a file, as in WAL-G. */
export const corruptBlocksKept = 10;

/** Streams that `--turbo` reads the disk with, as in WAL-G. */
const turboWorkers = 4;

/** How many parts are written at once: half of the CPUs are the server's, unless somebody says otherwise. */
export function workersOf({ settings }: App, options: Arguments['options']): number {
  if (options['turbo'] === true) return turboWorkers;
  const { concurrency, diskConcurrency } = readSettings(uploadSettings, settings);
  const cpus = availableParallelism();
  return Math.min(concurrency, diskConcurrency ?? Math.min(cpus, Math.max(2, Math.ceil(cpus / 2))));
}

/** Without a word of the user's the server is asked. */
function configuredSegmentBytes(raw: RawSettings): number | undefined {
  const setting = postgresSettings.segmentBytes;
  return raw.get(setting.env) === undefined ? undefined : readSetting(setting, raw);
}

function userDataOf(options: Arguments['options'], settings: Settings<typeof backupSettings>): JsonValue | undefined {
  const given = options['add-user-data'];
  if (typeof given !== 'string') {
    return settings.userData === undefined ? undefined : parseJson(settings.userData, 'WALG_SENTINEL_USER_DATA');
  }
  return parseUserData(given, '--add-user-data');
}
