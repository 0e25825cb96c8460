/**
 * What a push notes beside its parts before it writes them, so that another one can take them over if it is cut off: who it
 * is, and which files go into which part. Objects of our own, gone when the backup is complete; WAL-G does not mind them.
 */
import { fromBytes, type ByteSource } from '../../bytes/stage.ts';
import { readText } from '../../catalog/backup-store.ts';
import { JsonFields } from '../../catalog/json-fields.ts';
import { stringifyJson } from '../../catalog/json.ts';
import { backupFolder } from '../../catalog/layout.ts';
import { formatTime, timeOfDate, type TimeNs } from '../../catalog/time.ts';
import { pushPlain } from '../../pipeline/push-object.ts';
import type { Abortable, Key, Storage } from '../../storage/storage.ts';
import { formatFilesMetadata, type FileEntry } from '../backup/files-metadata.ts';
import type { PlannedPart } from '../backup/plan-parts.ts';

/** Which push it is. One of another cluster, machine or directory has other files under the same names. */
export interface PushIdentity {
  readonly systemIdentifier: bigint;
  readonly hostname: string;
  readonly dataDirectory: string;
}

/** A push that was noted. */
export interface PushRecord extends PushIdentity {
  readonly backup: string;
  readonly startTime: TimeNs;
}

/** JSON: `SystemIdentifier`, `Hostname`, `DataDir`, `StartTime`. */
export function pushRecordKey(backup: string): Key {
  return `${backupFolder(backup)}/walvault_push.json`;
}

/** As `files_metadata.json`, with the names of parts without the suffix of a codec. */
export function pushFilesKey(backup: string): Key {
  return `${backupFolder(backup)}/walvault_push_files.json`;
}

/** Notes a push; the record comes last, so that what it tells of is there. */
export async function writePushRecord(
  storage: Storage,
  record: Omit<PushRecord, 'startTime'> & { readonly startTime: Date },
  planned: readonly PlannedPart[],
  options: Abortable,
): Promise<void> {
  await pushPlain(storage, pushFilesKey(record.backup), () => formatPlan(planned), options);
  const text = stringifyJson({
    SystemIdentifier: record.systemIdentifier,
    Hostname: record.hostname,
    DataDir: record.dataDirectory,
    StartTime: formatTime(timeOfDate(record.startTime)),
  });
  await pushPlain(storage, pushRecordKey(record.backup), () => fromBytes(Buffer.from(text)), options);
}

/** @throws ObjectNotFoundError when that push noted nothing, CorruptError */
export async function readPushRecord(storage: Storage, backup: string, options: Abortable): Promise<PushRecord> {
  const key = pushRecordKey(backup);
  const fields = JsonFields.parse(await readText(storage, key, options), `"${key}"`);
  return {
    backup,
    systemIdentifier: fields.required('SystemIdentifier', fields.integer('SystemIdentifier')),
    hostname: fields.required('Hostname', fields.text('Hostname')),
    dataDirectory: fields.required('DataDir', fields.text('DataDir')),
    startTime: fields.required('StartTime', fields.time('StartTime')),
  };
}

function formatPlan(planned: readonly PlannedPart[]): ByteSource {
  return formatFilesMetadata({ files: filesOf(planned), tarFileSets: setsOf(planned) });
}

function* filesOf(planned: readonly PlannedPart[]): Generator<[string, FileEntry]> {
  for (const { entries } of planned) {
    for (const { name, mtimeNs, sizeBytes } of entries) {
      yield [name, { isIncremented: false, isSkipped: false, modified: mtimeNs, sizeBytes, updatesCount: 0 }];
    }
  }
}

function* setsOf(planned: readonly PlannedPart[]): Generator<[string, readonly string[]]> {
  for (const { name, entries } of planned) yield [name, entries.map((entry) => entry.name)];
}
