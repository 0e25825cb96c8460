/** What a list of backups shows of each: the columns of its tables and the keys of its JSON, all named as by WAL-G. */
import { dateOfTime, formatTime, type TimeNs } from '../../catalog/time.ts';
import { defaultStorageName } from '../../storage/named-storages.ts';
import { formatLsn } from '../lsn.ts';
import type { BackupRecord } from './backup-record.ts';
import { formatMembers, type Member, type MemberLayout } from '../../catalog/json-members.ts';
import { metadataMembers, type BackupMetadata } from './metadata.ts';

/** How a time is written in a cell. */
export type TimeStyle = (time: TimeNs) => string;

/** A column: its name in the plain table, its title in the boxed one, and its cells. */
export interface ListColumn {
  readonly name: string;
  readonly title: string;
  readonly cell: (record: BackupRecord, timeStyle: TimeStyle) => string;
}

/** What stands for a value that is not known. */
const unknown = '-';

const columns: readonly ListColumn[] = [
  { name: 'backup_name', title: 'BACKUP NAME', cell: ({ name }) => name },
  { name: 'modified', title: 'MODIFIED', cell: ({ entry }, timeStyle) => timeStyle(entry.modified) },
  { name: 'wal_file_name', title: 'WAL FILE NAME', cell: ({ walFileName }) => walFileName },
  { name: 'storage_name', title: 'STORAGE NAME', cell: ({ storageName }) => storageName ?? defaultStorageName },
];

const detailColumns: readonly ListColumn[] = [
  detail('start_time', 'START TIME', ({ startTime }, timeStyle) => timeStyle(startTime)),
  detail('finish_time', 'FINISH TIME', ({ finishTime }, timeStyle) => timeStyle(finishTime)),
  detail('hostname', 'HOSTNAME', ({ hostname }) => hostname),
  detail('data_dir', 'DATADIR', ({ dataDirectory }) => dataDirectory),
  detail('pg_version', 'PG VERSION', ({ pgVersion }) => String(pgVersion)),
  detail('start_lsn', 'START LSN', ({ startLsn }) => formatLsn(startLsn)),
  detail('finish_lsn', 'FINISH LSN', ({ finishLsn }) => formatLsn(finishLsn)),
  detail('is_permanent', 'PERMANENT', ({ isPermanent }) => String(isPermanent)),
];

function detail(
  name: string,
  title: string,
  cell: (metadata: BackupMetadata, timeStyle: TimeStyle) => string,
): ListColumn {
  return {
    name,
    title,
    cell: ({ metadata }, timeStyle) => (metadata === undefined ? unknown : cell(metadata, timeStyle)),
  };
}

/** The columns, with `detail` also those of the metadata. */
export function listColumns(options: { readonly detail: boolean }): readonly ListColumn[] {
  return options.detail ? [...columns, ...detailColumns] : columns;
}

/** `2026-11-21T03:07:44Z` */
export function timeToTheSecond(time: TimeNs): string {
  return `${dateOfTime(time).toISOString().slice(0, 19)}Z`;
}

const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `Saturday, 21-Nov-26 03:07:44 UTC` (RFC 850) */
export function timeForPeople(time: TimeNs): string {
  const date = dateOfTime(time);
  const iso = date.toISOString();
  const day = `${iso.slice(8, 10)}-${months[date.getUTCMonth()] ?? ''}-${iso.slice(2, 4)}`;
  return `${days[date.getUTCDay()] ?? ''}, ${day} ${iso.slice(11, 19)} UTC`;
}

/** The list as a JSON array, without a line end. Keys whose values are not known are left out. */
export function formatBackupList(
  records: readonly BackupRecord[],
  options: { readonly detail: boolean; readonly indent?: number | undefined },
): string {
  if (records.length === 0) return '[]';
  const layout: MemberLayout | undefined =
    options.indent === undefined ? undefined : { indent: options.indent, level: 1 };
  const texts = records.map((record) => formatMembers(membersOf(record, options.detail), layout));
  if (layout === undefined) return `[${texts.join(',')}]`;
  const lead = `\n${' '.repeat(layout.indent)}`;
  return `[${lead}${texts.join(`,${lead}`)}\n]`;
}

function membersOf(
  { name, entry, walFileName, metadata, storageName }: BackupRecord,
  withDetail: boolean,
): readonly Member[] {
  return [
    ['backup_name', name],
    ['time', formatTime(entry.modified)],
    ['wal_file_name', walFileName],
    ['storage_name', storageName ?? defaultStorageName],
    ...(withDetail && metadata !== undefined ? metadataMembers(metadata) : []),
  ];
}
