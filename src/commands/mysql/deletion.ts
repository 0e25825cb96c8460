/** What the commands of `delete` need of an archive of MySQL. */
import type { JsonValue } from '../../catalog/json.ts';
import { timeToTheSecond } from '../../catalog/time-text.ts';
import { formatTime, timeOfDate } from '../../catalog/time.ts';
import type { Transport } from '../../pipeline/transport.ts';
import { removeJournal } from '../../mysql/backup/journal.ts';
import { readMysqlInventories } from '../../mysql/inventory/read-inventory.ts';
import { recoveryWindows, type RecoveryWindow } from '../../mysql/inventory/windows.ts';
import { afterDeletion } from '../../mysql/retention/after-deletion.ts';
import { planDeletion } from '../../mysql/retention/plan.ts';
import { applyPolicy } from '../../mysql/retention/policy.ts';
import type { App } from '../command.ts';
import type { DeletionArchive, LogWords } from '../deletion/archive.ts';

const words: LogWords = {
  log: 'binlogs',
  own: 'none',
  of: () => 'binlogs',
  file: 'binlog',
  files: 'binlogs',
  key: 'binlogs',
  rangeJson: ({ storageName, sequence, first, last, files, sizeBytes }) => ({
    storage_name: storageName ?? null,
    base: sequence,
    first,
    last,
    binlogs: files,
    bytes: sizeBytes,
  }),
};

/** Looks at the archive. @throws the storage's errors */
export async function readDeletionArchive(
  { clock, logger, signal }: App,
  transport: Transport,
): Promise<DeletionArchive> {
  const stored = await readMysqlInventories(transport, { clock, signal });
  const inventories = stored.map(({ inventory }) => inventory);
  return {
    words,
    storages: stored.map((one) => one.transport.storage),
    plan: (rule, options) => planDeletion(inventories, rule, options),
    applyPolicy: (policy, now) => applyPolicy(inventories, policy, now),
    windowsWithout: (removals) =>
      recoveryWindows(afterDeletion(inventories, removals), timeOfDate(clock.now())).windows.map((window) => ({
        text: windowText(window),
        json: windowJson(window),
      })),
    async beforehand({ kind }, { removals }) {
      if (kind !== 'target') return;
      for (const [at, { backups }] of removals.entries()) {
        const storage = stored[at]?.transport.storage;
        if (storage === undefined) continue;
        for (const { name } of backups) await removeJournal(storage, name, { logger, signal });
      }
    },
  };
}

function windowText({ from, to }: RecoveryWindow): string {
  const stored = timeToTheSecond(timeOfDate(to.stored));
  const end = `${to.binlog}${to.isOpen ? ' as far as it was streamed' : ''} (stored ${stored})`;
  return `from ${from.backup} (${timeToTheSecond(from.time)}), in ${from.binlog}, to ${end}`;
}

function windowJson({ base, from, to, backups, isBroken }: RecoveryWindow): JsonValue {
  return {
    base,
    from_backup: from.backup,
    from_binlog: from.binlog,
    from_time: formatTime(from.time),
    to_binlog: to.binlog,
    to_stored: formatTime(timeOfDate(to.stored)),
    to_is_open: to.isOpen,
    backups: [...backups],
    is_broken: isBroken,
  };
}
