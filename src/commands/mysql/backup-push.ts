import { sharing } from '../../catalog/lease/lease.ts';
import { readSetting } from '../../config/setting.ts';
import { ArchiverError } from '../../errors.ts';
import type { IncrementRequest } from '../../mysql/backup/base.ts';
import type { PushedStreamBackup } from '../../mysql/backup/push.ts';
import { defaultStorageName } from '../../storage/named-storages.ts';
import { streamSettings } from '../../stream/settings.ts';
import { defineCommand, type App, type Arguments } from '../command.ts';
import { pushOptions, pushRequestOf, serverAccessOf, showingStream } from './push-request.ts';

/** What the statuses of both pushes mean. */
export const pushStatuses = {
  64: 'options that are wrong',
  65: 'what the create command wrote is damaged or ends too early',
  66: 'the backup to build on is not there',
  69: 'server or storage unreachable, or the create command failed',
  73: 'the storage is full',
  77: 'the server or the storage refused',
  78: 'a setting is missing or wrong, or the create command makes increments itself',
};

/** `backup-push` of MySQL: what the create command writes. */
export const backupPush = defineCommand({
  name: 'backup-push',
  summary: 'Push a full backup of a MySQL or MariaDB server: what WALG_STREAM_CREATE_COMMAND writes.',
  positionals: [],
  options: pushOptions,
  examples: [
    {
      line: "backup-push --walg-stream-create-command='mariadb-backup --backup --stream=xbstream --datadir=/var/lib/mysql'",
      text: 'A physical backup of MariaDB.',
    },
    {
      line: "backup-push --walg-stream-create-command='mariadb-dump --all-databases --single-transaction --master-data=2'",
      text: 'A dump that notes its position in the binlogs.',
    },
    { line: 'backup-push --permanent', text: 'Keep this backup until it is unmarked.' },
    {
      line: `backup-push --add-user-data '{"release": "4.2"}'`,
      text: 'Note why it was made, to find it by that later.',
    },
  ],
  exitStatuses: pushStatuses,
  async run(app, { options }) {
    await runPush(app, options, { purpose: 'backup-push', increment: undefined, isAlwaysXtrabackup: false });
    return 0;
  },
});

/** How a push differs from others. */
export interface PushRun {
  readonly purpose: string;
  readonly increment: IncrementRequest | undefined;
  readonly isAlwaysXtrabackup: boolean;
}

/** Pushes, and tells about it. @throws as `pushByCommand` */
export async function runPush(
  app: App,
  options: Arguments['options'],
  { purpose, increment, isAlwaysXtrabackup }: PushRun,
): Promise<PushedStreamBackup> {
  const { clock, logger, settings } = app;
  const started = clock.monotonicMs();
  const command = readSetting(streamSettings.createCommand, settings);
  if (command === undefined) {
    throw new ArchiverError('config', 'WALG_STREAM_CREATE_COMMAND is not set: nothing says how a backup is made', {
      hint: 'Set it to a command that writes a backup to its standard output. A backup that is piped in is stored by stream-push.',
    });
  }
  const [request, { datasourceOf }, { pushByCommand }] = await Promise.all([
    pushRequestOf(app, options),
    import('../../mysql/server/connect.ts'),
    import('../../mysql/backup/command-push.ts'),
  ]);
  datasourceOf(settings);
  const access = serverAccessOf(app);
  const backup = await sharing(request.transport.storage, purpose, app, () =>
    showingStream(app, 'pushing backup', (onBytes) =>
      pushByCommand({ ...request, settings, command, access, increment, isAlwaysXtrabackup, onBytes }),
    ),
  );
  logger.info('backup pushed', {
    backup: backup.name,
    kind: backup.sentinel.kind,
    bytes: backup.rawBytes,
    storedBytes: backup.storedBytes,
    durationMs: Math.round(clock.monotonicMs() - started),
  });
  logger.info(
    `Wrote backup with name ${backup.name} to storage ${request.transport.storageName ?? defaultStorageName}`,
  );
  return backup;
}
