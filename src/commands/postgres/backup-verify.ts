import { BackupNotFoundError, selectorOfName } from '../../catalog/backup-store.ts';
import { byteSize } from '../../config/parsers.ts';
import { ArchiverError, CorruptError } from '../../errors.ts';
import type { BackupRecord } from '../../postgres/backup/backup-record.ts';
import { listBackupRecords } from '../../postgres/backup/list.ts';
import { targetStorageOf } from '../../storage/target-storage.ts';
import { defineCommand } from '../command.ts';
import { verifyJson, verifyText, type VerifyResult } from './backup-verify-output.ts';
import { runVerify } from './verify-run.ts';

/** `backup-verify`: whether backups can be restored, by reading all of them. */
export const backupVerify = defineCommand({
  name: 'backup-verify',
  summary: 'Prove that backups can be restored: read every object, compare it with all that is known of it.',
  positionals: [
    { name: 'backup_name', text: 'A name from backup-list, or LATEST, which is the default.', required: false },
  ],
  options: {
    all: { type: 'boolean', text: 'All backups.' },
    wal: { type: 'boolean', text: 'Also all WAL from these backups on, up to the newest.' },
    budget: {
      type: 'string',
      placeholder: 'SIZE',
      text: 'Read about so much, such as 5GB, and go on there the next time; what was proven longest ago comes last.',
    },
    json: { type: 'boolean', text: 'Print JSON.' },
    'target-storage': {
      type: 'string',
      placeholder: 'NAME',
      text: 'The storage whose backups are read; default: all that are alive.',
    },
  },
  examples: [
    { line: 'backup-verify', text: 'The newest backup, with those it builds on and the WAL it needs.' },
    { line: 'backup-verify --all --wal', text: 'Every backup, and all WAL that follows them.' },
    {
      line: 'backup-verify --all --budget 50GB',
      text: 'Every night a part, so that in time all is proven, over and over.',
    },
    { line: 'backup-verify base_000000010000000000000042 --json', text: 'One backup, for a program.' },
  ],
  exitStatuses: {
    65: 'a backup is damaged; the report says what of it',
    66: 'no such backup',
    69: 'storage unavailable',
    77: 'the backups cannot be decrypted with the keys that are set, or the storage refused',
  },
  async run(app, args) {
    const { options } = args;
    const [name] = args.positionals;
    if (name !== undefined && options['all'] === true) {
      throw new ArchiverError('usage', 'a name and --all exclude each other', { hint: 'Give one of them.' });
    }
    const archive = await app.transport('read', { target: targetStorageOf(app.settings, options['target-storage']) });
    const { storage } = archive;
    const records = await listBackupRecords(storage, { clock: app.clock, signal: app.signal, everyCopy: true });
    if (records.length === 0 && options['all'] === true)
      app.logger.warn('there are no backups', { storage: storage.location });
    const chosen = options['all'] === true ? undefined : chosenName(records, name ?? 'LATEST', storage.location);
    const verified = await runVerify(app, {
      ...{ records, archive, chosen, withWal: options['wal'] === true },
      budgetBytes: typeof options['budget'] === 'string' ? parseBudget(options['budget']) : undefined,
      isTurbo: options['turbo'] === true,
    });
    await app.print(options['json'] === true ? `${verifyJson(verified)}\n` : verifyText(verified));
    const failure = failureOf(verified);
    if (failure !== undefined) throw failure;
    return undefined;
  },
});

function chosenName(records: readonly BackupRecord[], name: string, location: string): string {
  const found = name === 'LATEST' ? records.at(-1) : records.find((record) => record.name === name);
  if (found === undefined) throw new BackupNotFoundError(selectorOfName(name), location);
  return found.name;
}

function parseBudget(text: string): number {
  const parser = byteSize({ min: 1 });
  try {
    return parser.parse(text);
  } catch {
    throw new ArchiverError('usage', `--budget is no size: ${JSON.stringify(text)}`, {
      hint: `Give ${parser.allowed}.`,
    });
  }
}

function failureOf({ storages, wal }: VerifyResult): CorruptError | undefined {
  const reports = storages.flatMap((one) => [...one.reports.values()]);
  const damaged = reports.filter(({ status }) => status === 'damaged');
  const [first] = damaged;
  if (first === undefined && wal?.status !== 'damaged') return undefined;
  const message =
    first === undefined
      ? `the WAL is damaged: ${wal?.problemCount ?? 0} problems`
      : damaged.length === 1
        ? `backup "${first.backup}" is damaged`
        : `${damaged.length} of ${reports.length} backups are damaged, such as "${first.backup}"`;
  return new CorruptError(message, {
    hint: 'Push a new full backup, and keep this archive as it is until you know what happened; docs/backup-verify.md says what each finding means.',
  });
}
