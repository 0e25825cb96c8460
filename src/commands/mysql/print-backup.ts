/** `backup-show` of a backup of MySQL. */
import { describeBackup } from '../../mysql/show/describe-backup.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { App } from '../command.ts';
import { backupJson, backupText } from './backup-show-output.ts';

/** The backup of a name as text, or as JSON with a line end. @throws as {@link describeBackup} */
export async function backupShown(
  { clock, logger, signal }: App,
  transport: Transport,
  { name, json }: { readonly name: string; readonly json: boolean },
): Promise<string> {
  const description = await describeBackup({ transport, clock, logger, signal }, name);
  return json ? `${backupJson(description)}\n` : backupText(description);
}
