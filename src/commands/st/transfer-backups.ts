import { BackupNotFoundError, selectorOfName } from '../../catalog/backup-store.ts';
import { backupsFolder } from '../../catalog/layout.ts';
import { holdShared } from '../../catalog/lease/lease.ts';
import { totalBytesOf } from '../../catalog/storage-tools/listing.ts';
import { planBackupTransfer } from '../../catalog/storage-tools/transfer-plan.ts';
import { moveGroups } from '../../catalog/storage-tools/transfer.ts';
import { defineCommand } from '../command.ts';
import { endsOf, limitOf, listBelow, transfer, transferOptions, transferStatuses } from './transfer.ts';

/** `st transfer backups`: moves backups so that none ever looks whole and is not. */
export const stTransferBackups = defineCommand({
  name: 'st transfer backups',
  summary: 'Move backups from one of several storages to another, one after the other, oldest first.',
  positionals: [{ name: 'name', text: 'This backup; default: all', required: false }],
  options: {
    ...transferOptions,
    'max-backups': { type: 'string', placeholder: 'N', text: 'Move at most so many backups.' },
  },
  examples: [{ line: 'st transfer backups --source disk', text: 'Bring home what went to a failover storage.' }],
  exitStatuses: transferStatuses,
  async run(app, { positionals: [name], options }) {
    const { signal, logger } = app;
    const ends = await endsOf(app, options);
    await using sourceLease = await holdShared(ends.source, 'st transfer backups', app);
    await using targetLease = await holdShared(ends.target, 'st transfer backups', app);
    const source = await listBelow(ends.source, backupsFolder, signal);
    const target = await listBelow(ends.target, backupsFolder, signal);
    const { groups, leftovers, passedOver } = planBackupTransfer([...source.values()], target, {
      name,
      overwrite: options['overwrite'] === true,
      maxBackups: limitOf(options, 'max-backups'),
      maxObjects: limitOf(options, 'max-files'),
    });
    if (name !== undefined && groups.length + leftovers.length + passedOver.length === 0) {
      throw new BackupNotFoundError(selectorOfName(name), ends.source.location);
    }
    for (const backup of passedOver)
      logger.warn('backup not transferred', { backup, reason: 'unfinished, or another at the target' });
    sourceLease.check();
    targetLease.check();
    if (leftovers.length > 0 && options['preserve'] !== true) {
      logger.info('deleting what an earlier transfer left at the source', { objects: leftovers.length });
      await ends.source.delete(
        leftovers.map(({ key }) => key),
        { signal },
      );
    }
    const objects = groups.flatMap(({ payload, sentinel }) =>
      sentinel === undefined ? payload : [...payload, sentinel],
    );
    await transfer(app, ends, {
      options,
      totalBytes: totalBytesOf(objects),
      move: (moving) => moveGroups(groups, moving),
    });
    return undefined;
  },
});
