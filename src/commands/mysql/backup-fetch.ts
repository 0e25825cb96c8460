import { selectorOfName, type BackupSelector } from '../../catalog/backup-store.ts';
import { sentinelKey } from '../../catalog/layout.ts';
import { userDataSettings } from '../../catalog/user-data-settings.ts';
import { readSetting, readSettings } from '../../config/setting.ts';
import { ArchiverError } from '../../errors.ts';
import { selectBackup } from '../../mysql/backup/backup-record.ts';
import { readChain } from '../../mysql/backup/chain.ts';
import { planRestore, restoreBackup } from '../../mysql/backup/restore.ts';
import { mysqlRestoreSettings } from '../../mysql/backup/settings.ts';
import { limiterOf, withNetworkLimit } from '../../pipeline/limits.ts';
import { networkSettings } from '../../pipeline/settings.ts';
import { holderOf } from '../../storage/named-storages.ts';
import { targetStorageOf } from '../../storage/target-storage.ts';
import { splitSettings, streamSettings } from '../../stream/settings.ts';
import { defineCommand, type App, type Arguments } from '../command.ts';
import { parseUserData } from '../postgres/user-data.ts';
import { showingStream } from './push-request.ts';

/** `backup-fetch` of MySQL: the stream into the restore command, increments applied by the prepare command. */
export const backupFetch = defineCommand({
  name: 'backup-fetch',
  summary: 'Restore a backup of MySQL or MariaDB by WALG_STREAM_RESTORE_COMMAND, with its increments.',
  positionals: [{ name: 'backup_name', text: 'A name from backup-list, or LATEST.', required: false }],
  options: {
    'target-user-data': { type: 'string', placeholder: 'JSON', text: 'Restore the backup that has this user data.' },
    'target-storage': {
      type: 'string',
      placeholder: 'NAME',
      text: 'The storage to fetch from; default: any of them.',
    },
  },
  examples: [
    {
      line: "backup-fetch LATEST --walg-stream-restore-command='mbstream -x -C /var/lib/mysql' --walg-mysql-backup-prepare-command='mariadb-backup --prepare --target-dir=/var/lib/mysql'",
      text: 'A physical backup of MariaDB, with the increments it needs.',
    },
    {
      line: 'backup-fetch stream_20240102T030405Z --walg-stream-restore-command=mariadb',
      text: 'A dump, into a running server.',
    },
  ],
  exitStatuses: {
    65: 'the backup is damaged, or lacks one that it builds on',
    66: 'no such backup',
    69: 'storage unavailable, or one of the commands failed',
    73: 'the directory that is restored to is not empty',
    77: 'the storage refused',
    78: 'a setting is missing or wrong',
  },
  async run(app, args) {
    const { clock, logger, signal, settings } = app;
    const started = clock.monotonicMs();
    const selector = selectorOf(app, args);
    const { restoreCommand } = readSettings(streamSettings, settings);
    if (restoreCommand === undefined) {
      throw new ArchiverError('config', 'WALG_STREAM_RESTORE_COMMAND is not set: nothing says how to restore', {
        hint: 'Set it to a command that reads the backup from its standard input, such as "mbstream -x -C /var/lib/mysql". stream-fetch writes the backup to standard output instead.',
      });
    }
    const target = targetStorageOf(settings, args.options['target-storage']);
    const archive = await app.transport('read', { target });
    const record = await selectBackup(archive.storage, selector, { clock, signal });
    if (record.sentinel === undefined) throw record.problem ?? new TypeError('a backup without a sentinel');
    const { name, sentinel } = record;
    const holder = await holderOf(archive.storage, sentinelKey(name), { signal });
    const transport = holder === undefined ? archive : await app.transport('read', { target: holder.name });
    const chain = await readChain(transport.storage, { backup: name, sentinel }, { signal });
    const { prepareCommand, incrementalDestination, dataDirectory } = readSettings(mysqlRestoreSettings, settings);
    const commands = { restore: restoreCommand, prepare: prepareCommand, incrementalDestination, dataDirectory };
    const plan = planRestore(chain, commands);
    const limit = args.options['turbo'] === true ? undefined : readSetting(networkSettings.rateLimit, settings);
    let rawBytes = 0;
    await showingStream(app, 'restoring', (show) =>
      restoreBackup(plan, {
        transport: withNetworkLimit(transport, limiterOf(limit)),
        attempts: readSetting(splitSettings.attempts, settings),
        onBytes: (bytes) => {
          show((rawBytes += bytes));
        },
        ...{ clock, logger, signal },
      }),
    );
    const durationMs = Math.round(clock.monotonicMs() - started);
    logger.info('backup restored', { backup: name, backups: chain.length, durationMs });
    if (sentinel.binlogStart !== undefined) {
      logger.info('binlogs that were pushed since can be replayed on top of it', {
        command: `${app.program.name} binlog-replay --since ${name}`,
        binlogStart: sentinel.binlogStart,
      });
    }
    return 0;
  },
});

function selectorOf(app: App, { positionals, options }: Arguments): BackupSelector {
  const [name] = positionals;
  const option = options['target-user-data'];
  if (name !== undefined && option !== undefined) {
    throw new ArchiverError('usage', 'a name and --target-user-data exclude each other', { hint: 'Give one of them.' });
  }
  if (name !== undefined) return selectorOfName(name);
  const wanted = typeof option === 'string' ? option : readSetting(userDataSettings.wanted, app.settings);
  if (wanted !== undefined) return { by: 'userData', userData: parseUserData(wanted, '--target-user-data') };
  throw new ArchiverError('usage', 'which backup is to be restored?', {
    hint: 'Give a name from backup-list, or LATEST.',
  });
}
