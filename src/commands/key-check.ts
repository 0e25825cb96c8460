import { BackupNotFoundError, selectorOfName } from '../catalog/backup-store.ts';
import { checkKeys } from '../catalog/key-check/key-check.ts';
import { failureOf, verdictOf } from '../catalog/key-check/verdict.ts';
import { listBackupRecords } from '../postgres/backup/list.ts';
import { targetStorageOf } from '../storage/target-storage.ts';
import type { Storage } from '../storage/storage.ts';
import { defineCommand, type App } from './command.ts';
import { keyCheckJson, keyCheckText } from './key-check-output.ts';
import { showTransfer } from './transfer-progress.ts';

/** `key check`: whether the keys that are set encrypt new objects and decrypt those in the storage. */
export const keyCheck = defineCommand({
  name: 'key check',
  summary: 'Find out which keys encrypt, and whether they decrypt what is in the storage.',
  positionals: [],
  options: {
    backup: { type: 'string', placeholder: 'NAME', text: 'Look at this backup only; LATEST is the newest one.' },
    all: {
      type: 'boolean',
      text: 'Look at the beginning of every object, and read all of the backup that --backup names.',
    },
    'no-write': { type: 'boolean', text: 'Do not write a small object to the storage to read it back.' },
    json: { type: 'boolean', text: 'Print JSON.' },
  },
  examples: [
    { line: 'key check', text: 'The keys, a small object of each backup, the oldest and newest WAL.' },
    { line: 'key check --backup LATEST --all', text: 'Every object; the newest backup is read in full.' },
    { line: 'key check --no-write --json', text: 'For a monitor that may only read.' },
  ],
  exitStatuses: {
    65: 'a backup is damaged, or in clear though a key is set',
    66: 'no such backup',
    69: 'storage or key service unavailable',
    73: 'standard output or the storage cannot be written',
    77: 'a backup cannot be decrypted with the keys that are set, or the storage refused',
  },
  async run(app, { options }) {
    const { storage, crypter } = await app.transport('read', {
      target: targetStorageOf(app.settings, undefined),
    });
    const all = options['all'] === true;
    const { backups, chosen } = await backupsToCheck(app, storage, { asked: options['backup'], all });
    const progress = showTransfer(app, 'reading objects', undefined);
    let check;
    try {
      check = await checkKeys({
        storage,
        crypter,
        backups,
        chosen,
        all,
        write: options['no-write'] !== true,
        signal: app.signal,
        logger: app.logger,
        onProgress: (doneBytes) => {
          progress.update(doneBytes);
        },
      });
    } finally {
      progress.finish();
    }
    const verdict = verdictOf(check, app.clock.now());
    await app.print(options['json'] === true ? `${keyCheckJson(check, verdict)}\n` : keyCheckText(check));
    for (const warning of verdict.warnings) app.logger.warn(warning);
    for (const { message } of verdict.problems.slice(1)) app.logger.warn(message);
    const failure = failureOf(verdict);
    if (failure !== undefined) throw failure;
    return undefined;
  },
});

interface BackupsToCheck {
  /** Oldest first. */
  readonly backups: readonly string[];
  readonly chosen: string | undefined;
}

async function backupsToCheck(
  { clock, signal }: App,
  storage: Storage,
  { asked, all }: { readonly asked: string | boolean | undefined; readonly all: boolean },
): Promise<BackupsToCheck> {
  const records = await listBackupRecords(storage, { clock, signal });
  const names = records.map(({ name }) => name);
  if (typeof asked !== 'string') return { backups: names, chosen: undefined };
  const chosen = asked === 'LATEST' ? names.at(-1) : names.find((name) => name === asked);
  if (chosen === undefined) throw new BackupNotFoundError(selectorOfName(asked), storage.location);
  return { backups: all ? names : [chosen], chosen };
}
