/** `copy` and `backup-copy` of archives of MySQL. */
import { listAll } from '../../catalog/copy/carry-out.ts';
import { isBackupName } from '../../catalog/layout.ts';
import { ArchiverError } from '../../errors.ts';
import { lackOfBinlogs, planMysqlCopy } from '../../mysql/copy/plan.ts';
import { mysqlCopySteps } from '../../mysql/copy/steps.ts';
import { readMysqlInventories } from '../../mysql/inventory/read-inventory.ts';
import type { App, Arguments } from '../command.ts';
import { reencodingOf, type CopyArchives } from '../copy-run.ts';
import { runCopy } from '../run-copy.ts';

/** Copies backups, with history also their binlogs. */
export async function copyMysql(app: App, options: Arguments['options'], archives: CopyArchives): Promise<void> {
  const { source, target } = archives;
  const { clock, signal } = app;
  const prefix = prefixOf(options['add-prefix']);
  const stored = await readMysqlInventories(source, { clock, signal });
  const name = options['backup-name'];
  const mayLackBinlogs = options['allow-missing-wal'] === true;
  await runCopy(app, options, {
    archives,
    sources: stored.map(({ transport }) => transport),
    steps: ({ gtidSentinel }) => mysqlCopySteps(gtidSentinel, prefix),
    // What is permanent is said by each archive.
    keepsSentinels: false,
    logs: { title: 'binlogs', key: 'binlogs', counted: 'count' },
    plan: async () =>
      planMysqlCopy({
        inventories: stored.map(({ inventory }) => inventory),
        target: await listAll(target, signal),
        choice: { name: typeof name === 'string' ? name : undefined, location: source.storage.location },
        withHistory: options['with-history'] === true,
        prefix,
        reencodedKey: reencodingOf(archives),
      }),
    missingLogs: ({ missingBinlogs }) => missingBinlogs,
    lackError: (plan) => (mayLackBinlogs ? undefined : lackOfBinlogs(plan)),
  });
}

function prefixOf(option: Arguments['options'][string]): string {
  if (typeof option !== 'string' || option === '') return '';
  // The name of a backup ends where its sentinel has `_backup`, and those of PostgreSQL begin with `base_`.
  if (isBackupName(option) && !option.includes('_backup') && !option.startsWith('base_')) return option;
  throw new ArchiverError('usage', `--add-prefix cannot begin the name of a backup: ${JSON.stringify(option)}`, {
    hint: 'Give letters, digits, "-" and "_", but neither "base_" at first nor "_backup" anywhere.',
  });
}
