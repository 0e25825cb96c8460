import { readSetting } from '../../config/setting.ts';
import { describeBackup } from '../../postgres/show/describe-backup.ts';
import { postgresSettings } from '../../postgres/settings.ts';
import { targetStorageOf } from '../../storage/target-storage.ts';
import { defineCommand } from '../command.ts';
import { backupJson, backupText } from './backup-show-output.ts';

/** `backup-show`: one backup in full. It reads no part and changes nothing. */
export const backupShow = defineCommand({
  name: 'backup-show',
  summary: 'Show one backup in full: what it holds, needs, and is needed by. (walvault only)',
  positionals: [{ name: 'backup_name', text: 'As backup-list shows it; default: LATEST.', required: false }],
  options: {
    json: { type: 'boolean', text: 'Print JSON.' },
    'target-storage': {
      type: 'string',
      placeholder: 'NAME',
      text: 'The storage that the backup is in; default: any that is alive.',
    },
  },
  examples: [
    { line: 'backup-show LATEST', text: 'The newest.' },
    { line: 'backup-show base_000000010000000000000042 --json', text: 'One of them, for programs.' },
  ],
  exitStatuses: {
    65: 'its sentinel is damaged',
    66: 'there is no such backup',
    69: 'storage unavailable',
    73: 'standard output cannot be written',
    77: 'the storage refused',
  },
  async run(app, { positionals: [name = 'LATEST'], options }) {
    const { settings, clock, logger, signal } = app;
    const transport = await app.transport('read', { target: targetStorageOf(settings, options['target-storage']) });
    const segmentBytes = readSetting(postgresSettings.segmentBytes, settings);
    const description = await describeBackup({ transport, segmentBytes, clock, logger, signal }, name);
    await app.print(options['json'] === true ? `${backupJson(description)}\n` : backupText(description));
    return undefined;
  },
});
