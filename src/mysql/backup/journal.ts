/**
 * Journals, `journal_<backup>`: how much was written to the binlogs between one backup and the next. WAL-G keeps them with
 * `--count-journals`; nothing is restored from them. Format: `mysql.md` 16 of the specification.
 */
import { fromBytes } from '../../bytes/stage.ts';
import { readText } from '../../catalog/backup-store.ts';
import { JsonFields } from '../../catalog/json-fields.ts';
import { formatMembers } from '../../catalog/json-members.ts';
import { backupsFolder } from '../../catalog/layout.ts';
import { formatTime, modifiedOf, zeroTimeNs, type TimeNs } from '../../catalog/time.ts';
import { ArchiverError } from '../../errors.ts';
import { pushPlain } from '../../pipeline/push-object.ts';
import type { Logger } from '../../platform/logger.ts';
import { baseNameOf } from '../../storage/key.ts';
import type { Abortable, Key, Storage } from '../../storage/storage.ts';
import { listBinlogs } from '../binlog/archive.ts';

/** One journal. */
export interface Journal {
  readonly backup: string;
  /** `zeroTimeNs`: there was none before. */
  readonly priorEnd: TimeNs;
  readonly currentEnd: TimeNs;
  /** Stored bytes of the binlogs that were pushed from then to the end of the next backup; 0: there is none yet. */
  readonly bytesToNext: number;
}

/** Options of what changes journals. */
export interface JournalOptions extends Abortable {
  readonly logger: Logger;
}

const prefix = 'journal_';

/** Key of a backup's journal. */
export function journalKey(backup: string): Key {
  return `${backupsFolder}/${prefix}${backup}`;
}

/** The backup that an object is the journal of; undefined: it is none. */
export function backupOfJournal(key: Key): string | undefined {
  const name = baseNameOf(key);
  return key === `${backupsFolder}/${name}` && name.startsWith(prefix) ? name.slice(prefix.length) : undefined;
}

/** Writes the journal of a backup that is complete, and what the one before has to say of it. What fails is only warned of. */
export async function addJournal(
  storage: Storage,
  { backup, stopTime }: { readonly backup: string; readonly stopTime: TimeNs },
  { logger, ...options }: JournalOptions,
): Promise<void> {
  await warning('could not write the journal of the backup', backup, logger, async () => {
    const before = (await readJournals(storage, options)).filter((one) => orderOf(one.backup) < orderOf(backup)).at(-1);
    const priorEnd = before?.currentEnd ?? zeroTimeNs;
    await write(storage, { backup, priorEnd, currentEnd: stopTime, bytesToNext: 0 }, options);
    if (before === undefined) return;
    const bytesToNext = await binlogBytes(storage, before.currentEnd, stopTime, options);
    await write(storage, { ...before, bytesToNext }, options);
  });
}

/**
 * Makes the journals of its neighbours say what they must once a backup is gone, and removes its own. What fails is only
 * warned of. It may run before or after the backup is deleted, and twice.
 */
export async function removeJournal(
  storage: Storage,
  backup: string,
  { logger, ...options }: JournalOptions,
): Promise<void> {
  await warning('could not take the backup out of the journals', backup, logger, async () => {
    const journals = await readJournals(storage, options);
    const at = journals.findIndex((one) => one.backup === backup);
    const journal = journals[at];
    if (journal === undefined) return;
    const older = journals[at - 1];
    const newer = journals[at + 1];
    if (newer !== undefined) await write(storage, { ...newer, priorEnd: journal.priorEnd }, options);
    if (older !== undefined) {
      const bytesToNext =
        newer === undefined ? 0 : await binlogBytes(storage, older.currentEnd, newer.currentEnd, options);
      await write(storage, { ...older, bytesToNext }, options);
    }
    await storage.delete([journalKey(backup)], options);
  });
}

/** All journals that can be read, by the time in the names of their backups. */
export async function readJournals(storage: Storage, options: Abortable = {}): Promise<readonly Journal[]> {
  const journals: Journal[] = [];
  for await (const entry of storage.list(backupsFolder, options)) {
    const backup = entry.kind === 'object' ? backupOfJournal(entry.key) : undefined;
    if (backup === undefined) continue;
    journals.push(parseJournal(await readText(storage, journalKey(backup), options), backup));
  }
  return journals.toSorted((a, b) => (orderOf(a.backup) < orderOf(b.backup) ? -1 : 1));
}

/** Parses a journal. @throws CorruptError */
export function parseJournal(text: string, backup: string): Journal {
  const fields = JsonFields.parse(text, `journal of "${backup}"`);
  return {
    backup,
    priorEnd: fields.time('PriorBackupEnd') ?? zeroTimeNs,
    currentEnd: fields.required('CurrentBackupEnd', fields.time('CurrentBackupEnd')),
    bytesToNext: fields.count('SizeToNextBackup') ?? 0,
  };
}

/** Writes it as WAL-G does. */
export function formatJournal({ priorEnd, currentEnd, bytesToNext }: Omit<Journal, 'backup'>): string {
  return formatMembers([
    ['PriorBackupEnd', timeText(priorEnd)],
    ['CurrentBackupEnd', timeText(currentEnd)],
    ['SizeToNextBackup', bytesToNext],
  ]);
}

function timeText(time: TimeNs): string {
  return time === zeroTimeNs ? formatTime(time) : formatTime(time, 'local');
}

/** The time in a name, which may have a prefix. */
function orderOf(backup: string): string {
  return /\d{8}T\d{6}Z/.exec(backup)?.[0] ?? backup;
}

async function binlogBytes(storage: Storage, after: TimeNs, until: TimeNs, options: Abortable): Promise<number> {
  const binlogs = await listBinlogs(storage, options);
  return binlogs
    .filter((binlog) => modifiedOf(binlog) > after && modifiedOf(binlog) <= until)
    .reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

async function write(storage: Storage, journal: Journal, options: Abortable): Promise<void> {
  const bytes = Buffer.from(formatJournal(journal));
  await pushPlain(storage, journalKey(journal.backup), () => fromBytes(bytes), options);
}

async function warning(message: string, backup: string, logger: Logger, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof ArchiverError) || error.kind === 'interrupted') throw error;
    logger.warn(message, { backup, error: error.message });
  }
}
