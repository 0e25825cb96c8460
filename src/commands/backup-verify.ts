import { byteSize } from '../config/parsers.ts';
import { ArchiverError, CorruptError } from '../errors.ts';
import { targetStorageOf } from '../storage/target-storage.ts';
import { verifyJson, verifyText, type VerifyResult } from './backup-verify-output.ts';
import { defineCommand } from './command.ts';
import { databaseOf } from './database.ts';

/** `backup-verify`: whether backups can be restored, by reading all of them. */
export const backupVerify = defineCommand({
  name: 'backup-verify',
  summary: 'Prove that backups can be restored: read every object, compare it with all that is known of it.',
  positionals: [
    { name: 'backup_name', text: 'A name from backup-list, or LATEST, which is the default.', required: false },
  ],
  options: {
    all: { type: 'boolean', text: 'All backups.' },
    wal: { type: 'boolean', text: 'Also all WAL or binlogs from these backups on, up to the newest.' },
    binlogs: { type: 'boolean', text: 'The same.' },
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
    { line: 'backup-verify', text: 'The newest backup, with those it builds on and, of PostgreSQL, the WAL it needs.' },
    { line: 'backup-verify --all --wal', text: 'Every backup, and all WAL or binlogs that follow them.' },
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
    const budgetBytes = typeof options['budget'] === 'string' ? parseBudget(options['budget']) : undefined;
    const database = await databaseOf(app, args);
    const archive = await app.transport('read', { target: targetStorageOf(app.settings, options['target-storage']) });
    const { verifyArchive } =
      database === 'mysql' ? await import('./mysql/verify-run.ts') : await import('./postgres/verify-run.ts');
    const verified = await verifyArchive(app, {
      archive,
      name: options['all'] === true ? undefined : (name ?? 'LATEST'),
      withLogs: options['wal'] === true || options['binlogs'] === true,
      budgetBytes,
      isTurbo: options['turbo'] === true,
    });
    await app.print(options['json'] === true ? `${verifyJson(verified)}\n` : verifyText(verified));
    const failure = failureOf(verified);
    if (failure !== undefined) throw failure;
    return undefined;
  },
});

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

function failureOf({ storages, logs }: VerifyResult): CorruptError | undefined {
  const reports = storages.flatMap((one) => [...one.reports.values()]);
  const damaged = reports.filter(({ status }) => status === 'damaged');
  const [first] = damaged;
  if (first === undefined && logs?.status !== 'damaged') return undefined;
  const message =
    first === undefined
      ? `damage in the ${logs?.names.title ?? ''}: ${logs?.problemCount ?? 0} problems`
      : damaged.length === 1
        ? `backup "${first.backup}" is damaged`
        : `${damaged.length} of ${reports.length} backups are damaged, such as "${first.backup}"`;
  return new CorruptError(message, {
    hint: 'Push a new full backup, and keep this archive as it is until you know what happened; docs/backup-verify.md says what each finding means.',
  });
}
