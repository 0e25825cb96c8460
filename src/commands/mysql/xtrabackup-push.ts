import { selectorOfName, type BackupSelector } from '../../catalog/backup-store.ts';
import { deltaSettings } from '../../catalog/delta-settings.ts';
import { readSettings } from '../../config/setting.ts';
import { ArchiverError } from '../../errors.ts';
import type { IncrementRequest } from '../../mysql/backup/base.ts';
import { defineCommand, type App, type Arguments } from '../command.ts';
import { parseUserData } from '../postgres/user-data.ts';
import { pushStatuses, runPush } from './backup-push.ts';
import { pushOptions } from './push-request.ts';

/** `xtrabackup-push`: a physical backup, full or an increment. */
export const xtrabackupPush = defineCommand({
  name: 'xtrabackup-push',
  summary: 'Push a backup of XtraBackup or mariadb-backup: a full one, or what changed since another.',
  positionals: [],
  options: {
    full: {
      type: 'boolean',
      short: 'f',
      text: 'Make a full backup. Default: yes; --full=false makes an increment where WALG_DELTA_MAX_STEPS allows one.',
    },
    ...pushOptions,
    'delta-from-name': {
      type: 'string',
      placeholder: 'NAME',
      text: 'Build on this backup; LATEST is one. With --full=false.',
    },
    'delta-from-user-data': {
      type: 'string',
      placeholder: 'JSON',
      text: 'Build on the backup with this user data. With --full=false.',
    },
  },
  examples: [
    { line: 'xtrabackup-push', text: 'A full backup.' },
    {
      line: 'xtrabackup-push --full=false --walg-delta-max-steps=6',
      text: 'What changed since the latest backup; a full one after six of these.',
    },
    {
      line: 'xtrabackup-push --full=false --walg-delta-max-steps=6 --walg-delta-origin=LATEST_FULL',
      text: 'What changed since the latest full backup: a restore applies one increment only.',
    },
  ],
  exitStatuses: pushStatuses,
  async run(app, { options }) {
    const increment = incrementRequestOf(app, options);
    await runPush(app, options, { purpose: 'xtrabackup-push', increment, isAlwaysXtrabackup: true });
    return 0;
  },
});

function incrementRequestOf(app: App, options: Arguments['options']): IncrementRequest | undefined {
  const { maxSteps, origin, fromName, fromUserData } = readSettings(deltaSettings, app.settings);
  const name = options['delta-from-name'];
  const userData = options['delta-from-user-data'];
  if (typeof name === 'string' && typeof userData === 'string') {
    throw new ArchiverError('usage', '--delta-from-name and --delta-from-user-data exclude each other', {
      hint: 'Give one of them.',
    });
  }
  if (options['full'] !== false) {
    if (name !== undefined || userData !== undefined) {
      throw new ArchiverError('usage', 'a full backup builds on no other', {
        hint: 'Say --full=false to make an increment of that backup.',
      });
    }
    return undefined;
  }
  let selector: BackupSelector = { by: 'latest' };
  if (typeof name === 'string') selector = selectorOfName(name);
  else if (typeof userData === 'string') selector = byUserData(userData, '--delta-from-user-data');
  else if (fromName !== undefined) selector = selectorOfName(fromName);
  else if (fromUserData !== undefined) selector = byUserData(fromUserData, deltaSettings.fromUserData.env);
  return { maxSteps, origin, selector, isPermanent: options['permanent'] === true };
}

function byUserData(text: string, option: string): BackupSelector {
  return { by: 'userData', userData: parseUserData(text, option) };
}
