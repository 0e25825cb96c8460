/** `backup-push` without a data directory. */
import { readSettings } from '../../config/setting.ts';
import type { PushedBackup } from '../../postgres/backup/push-options.ts';
import { deltaSettings } from '../../catalog/delta-settings.ts';
import { pushRemoteBackup } from '../../postgres/remote/push.ts';
import { remoteBackupSettings } from '../../postgres/remote/settings.ts';
import type { App, Arguments } from '../command.ts';
import type { BackupRequest } from './backup-request.ts';

/** Pushes what the server streams. Options about parts and deltas have no meaning here, as in WAL-G. */
export async function pushRemotely(
  app: App,
  options: Arguments['options'],
  request: BackupRequest,
): Promise<PushedBackup> {
  const { maxSteps } = readSettings(deltaSettings, app.settings);
  const { backupManifest } = readSettings(remoteBackupSettings, app.settings);
  const asksForDelta = ['delta-from-name', 'delta-from-user-data'].some((name) => options[name] !== undefined);
  if (asksForDelta || (maxSteps > 0 && options['full'] !== true)) {
    app.logger.warn('making a full backup: deltas need the data directory, and none is given');
  }
  return await pushRemoteBackup({ ...request, withManifest: options['manifest'] === true || backupManifest });
}
