/** What a list of backups of MySQL shows of each: the columns of its tables and the keys of its JSON, all named as by WAL-G. */
import { formatMemberList, type Member } from '../../catalog/json-members.ts';
import type { TimeStyle } from '../../catalog/time-text.ts';
import { formatTime, zeroTimeNs, type TimeNs } from '../../catalog/time.ts';
import { defaultStorageName } from '../../storage/named-storages.ts';
import type { BackupRecord } from '../backup/backup-record.ts';
import type { Sentinel } from '../backup/sentinel.ts';

/** A column: its name in the plain table, its title in the boxed one, and its cells. */
export interface ListColumn {
  readonly name: string;
  readonly title: string;
  readonly cell: (record: BackupRecord, timeStyle: TimeStyle) => string;
}

/** What WAL-G shows of databases that have no WAL. */
const noWalFileName = 'Z'.repeat(24);

/** What stands for a value that is not known. */
const unknown = '-';

const columns: readonly ListColumn[] = [
  { name: 'backup_name', title: 'BACKUP NAME', cell: ({ name }) => name },
  { name: 'modified', title: 'MODIFIED', cell: ({ entry }, timeStyle) => timeStyle(entry.modified) },
  { name: 'wal_file_name', title: 'WAL FILE NAME', cell: () => noWalFileName },
  { name: 'storage_name', title: 'STORAGE NAME', cell: ({ storageName }) => storageName ?? defaultStorageName },
];

const detailColumns: readonly ListColumn[] = [
  { name: 'name', title: 'NAME', cell: ({ name }) => name },
  { name: 'last_modified', title: 'LAST MODIFIED', cell: ({ entry }, timeStyle) => timeStyle(entry.modified) },
  detail('start_time', 'START TIME', ({ startTime }, timeStyle) => timeCell(startTime, timeStyle)),
  detail('stop_time', 'STOP TIME', ({ stopTime }, timeStyle) => timeCell(stopTime, timeStyle)),
  detail('hostname', 'HOSTNAME', ({ hostname = '' }) => hostname),
  detail('binlog_start', 'BINLOG START', ({ binlogStart = '' }) => binlogStart),
  detail('binlog_end', 'BINLOG END', ({ binlogEnd = '' }) => binlogEnd),
  detail('uncompressed_size', 'UNCOMPRESSED SIZE', ({ uncompressedBytes = 0 }) => String(uncompressedBytes)),
  detail('compressed_size', 'COMPRESSED SIZE', ({ compressedBytes = 0 }) => String(compressedBytes)),
  detail('is_permanent', 'PERMANENT', ({ isPermanent }) => String(isPermanent)),
];

function detail(name: string, title: string, cell: (sentinel: Sentinel, timeStyle: TimeStyle) => string): ListColumn {
  return {
    name,
    title,
    cell: ({ sentinel }, timeStyle) => (sentinel === undefined ? unknown : cell(sentinel, timeStyle)),
  };
}

function timeCell(time: TimeNs | undefined, timeStyle: TimeStyle): string {
  return time === undefined ? unknown : timeStyle(time);
}

/** The columns; with `detail` others. */
export function listColumns(options: { readonly detail: boolean }): readonly ListColumn[] {
  return options.detail ? detailColumns : columns;
}

/**
 * The order of the list with details: by name, as storages list objects.
 *
 * @returns a new list
 */
export function inOrderOfName(records: readonly BackupRecord[]): readonly BackupRecord[] {
  const key = ({ entry }: BackupRecord): string => entry.sentinelKey;
  return records.toSorted((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
}

/** The list as a JSON array, without a line end. */
export function formatBackupList(
  records: readonly BackupRecord[],
  options: { readonly detail: boolean; readonly indent?: number | undefined },
): string {
  return formatMemberList(
    records.map((record) => (options.detail ? detailMembers(record) : members(record))),
    options.indent,
  );
}

function members({ name, entry, storageName }: BackupRecord): readonly Member[] {
  return [
    ['backup_name', name],
    ['time', formatTime(entry.modified)],
    ['wal_file_name', noWalFileName],
    ['storage_name', storageName ?? defaultStorageName],
  ];
}

/** As WAL-G: names and times are always there, sizes and what else is empty are not. */
function detailMembers({ name, entry, sentinel }: BackupRecord): readonly Member[] {
  return [
    ['backup_name', name],
    ['modify_time', formatTime(entry.modified)],
    ['binlog_start', sentinel?.binlogStart ?? ''],
    ['binlog_end', sentinel?.binlogEnd ?? ''],
    ['start_local_time', formatTime(sentinel?.startTime ?? zeroTimeNs)],
    ['stop_local_time', formatTime(sentinel?.stopTime ?? zeroTimeNs)],
    ['uncompressed_size', unlessZero(sentinel?.uncompressedBytes)],
    ['compressed_size', unlessZero(sentinel?.compressedBytes)],
    ['hostname', sentinel?.hostname],
    ['is_permanent', sentinel?.isPermanent ?? false],
    ['user_data', sentinel?.userData],
  ];
}

function unlessZero(bytes: number | undefined): number | undefined {
  return bytes === 0 ? undefined : bytes;
}
