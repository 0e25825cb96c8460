/** What a list of backups shows of each: the columns of its tables and the keys of its JSON, all named as by WAL-G. */
import { formatTime } from '../../catalog/time.ts';
import type { TimeStyle } from '../../catalog/time-text.ts';
import { defaultStorageName } from '../../storage/named-storages.ts';
import { formatLsn } from '../lsn.ts';
import type { BackupRecord } from './backup-record.ts';
import { formatMemberList, type Member } from '../../catalog/json-members.ts';
import { metadataMembers, type BackupMetadata } from './metadata.ts';

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

/** The list as a JSON array, without a line end. Keys whose values are not known are left out. */
export function formatBackupList(
  records: readonly BackupRecord[],
  options: { readonly detail: boolean; readonly indent?: number | undefined },
): string {
  return formatMemberList(
    records.map((record) => membersOf(record, options.detail)),
    options.indent,
  );
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
