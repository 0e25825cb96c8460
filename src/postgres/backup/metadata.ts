/**
 * `metadata.json` of a PostgreSQL backup, its small summary and the truth about its permanence. The JSON shape is known
 * here only; see `docs/storage-layout.md`.
 */
import { JsonFields } from '../../catalog/json-fields.ts';
import type { JsonValue } from '../../catalog/json.ts';
import { formatTime, type TimeNs } from '../../catalog/time.ts';
import { toLsn, type Lsn } from '../lsn.ts';
import { dateFormatText, formatMembers, type Member } from '../../catalog/json-members.ts';
import { lsnOf, type Sentinel } from './sentinel.ts';

/** The summary of a backup. */
export interface BackupMetadata {
  readonly startTime: TimeNs;
  /** When the backup was complete but for its metadata and sentinel. */
  readonly finishTime: TimeNs;
  /** Empty when unknown. */
  readonly hostname: string;
  readonly dataDirectory: string;
  /** `server_version_num` */
  readonly pgVersion: number;
  readonly startLsn: Lsn;
  readonly finishLsn: Lsn;
  readonly isPermanent: boolean;
  /** Undefined when unknown. */
  readonly systemIdentifier: bigint | undefined;
  readonly uncompressedBytes: number;
  readonly compressedBytes: number;
  readonly userData: JsonValue | undefined;
}

/**
 * Parses `metadata.json`.
 *
 * @param what for errors, by default `metadata`
 * @throws CorruptError when it is no JSON object, lacks a time or an LSN, or a value has another type
 */
export function parseBackupMetadata(text: string, what = 'metadata'): BackupMetadata {
  const fields = JsonFields.parse(text, what);
  const identifier = fields.integer('system_identifier');
  return {
    startTime: fields.required('start_time', fields.time('start_time')),
    finishTime: fields.required('finish_time', fields.time('finish_time')),
    hostname: fields.text('hostname') ?? '',
    dataDirectory: fields.text('data_dir') ?? '',
    pgVersion: fields.count('pg_version') ?? 0,
    startLsn: fields.required('start_lsn', lsnOf(fields, 'start_lsn')),
    finishLsn: fields.required('finish_lsn', lsnOf(fields, 'finish_lsn')),
    isPermanent: fields.flag('is_permanent') ?? false,
    systemIdentifier: identifier === undefined ? undefined : BigInt.asUintN(64, identifier),
    uncompressedBytes: fields.count('uncompressed_size') ?? 0,
    compressedBytes: fields.count('compressed_size') ?? 0,
    userData: fields.value('user_data'),
  };
}

/** The members of `metadata.json` in WAL-G's order, for the object itself and for lists of backups. */
export function metadataMembers(metadata: BackupMetadata): readonly Member[] {
  return [
    ['start_time', formatTime(metadata.startTime)],
    ['finish_time', formatTime(metadata.finishTime)],
    ['date_fmt', dateFormatText],
    ['hostname', metadata.hostname],
    ['data_dir', metadata.dataDirectory],
    ['pg_version', metadata.pgVersion],
    ['start_lsn', metadata.startLsn],
    ['finish_lsn', metadata.finishLsn],
    ['is_permanent', metadata.isPermanent],
    ['system_identifier', metadata.systemIdentifier ?? null],
    ['uncompressed_size', metadata.uncompressedBytes],
    ['compressed_size', metadata.compressedBytes],
    ['user_data', metadata.userData ?? undefined],
  ];
}

/** Writes `metadata.json` as WAL-G does, key by key. */
export function formatBackupMetadata(metadata: BackupMetadata): string {
  return formatMembers(metadataMembers(metadata));
}

/** The same summary from a sentinel of version 2, for when `metadata.json` is lost; permanence may be out of date there. */
export function metadataOfSentinel(sentinel: Sentinel): BackupMetadata | undefined {
  const { summary } = sentinel;
  if (summary === undefined) return undefined;
  return {
    ...summary,
    pgVersion: sentinel.pgVersion,
    startLsn: sentinel.startLsn ?? toLsn(0n),
    finishLsn: sentinel.finishLsn ?? toLsn(0n),
    systemIdentifier: sentinel.systemIdentifier,
    uncompressedBytes: sentinel.uncompressedBytes,
    compressedBytes: sentinel.compressedBytes,
    userData: sentinel.userData,
  };
}
