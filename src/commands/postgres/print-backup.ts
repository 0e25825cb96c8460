/** `backup-show` of a backup of PostgreSQL. */
import { readSetting } from '../../config/setting.ts';
import type { Transport } from '../../pipeline/transport.ts';
import { describeBackup } from '../../postgres/show/describe-backup.ts';
import { postgresSettings } from '../../postgres/settings.ts';
import type { App } from '../command.ts';
import { backupJson, backupText } from './backup-show-output.ts';

/** The backup of a name as text, or as JSON with a line end. @throws as {@link describeBackup} */
export async function backupShown(
  { settings, clock, logger, signal }: App,
  transport: Transport,
  { name, json }: { readonly name: string; readonly json: boolean },
): Promise<string> {
  const segmentBytes = readSetting(postgresSettings.segmentBytes, settings);
  const description = await describeBackup({ transport, segmentBytes, clock, logger, signal }, name);
  return json ? `${backupJson(description)}\n` : backupText(description);
}
