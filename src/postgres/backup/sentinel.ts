/**
 * The sentinel of a PostgreSQL backup, `<backup>_backup_stop_sentinel.json`: written last, it makes the backup exist. The
 * JSON shape is known here only; see `docs/storage-layout.md`.
 */
import { JsonFields } from '../../catalog/json-fields.ts';
import type { JsonValue } from '../../catalog/json.ts';
import { formatTime, type TimeNs } from '../../catalog/time.ts';
import { CorruptError } from '../../errors.ts';
import { toLsn, type Lsn } from '../lsn.ts';
import { dateFormatText, formatMembers, type Member } from '../../catalog/json-members.ts';
import { filesMetadataOf } from './files-metadata-reader.ts';
import type { FilesMetadata } from './files-metadata.ts';
import { parseTablespaceSpec, tablespaceSpecToJson, type TablespaceSpec } from './tablespace-spec.ts';

/** The copy of the metadata that sentinels of version 2 hold. Times are whole microseconds. */
export interface SentinelSummary {
  readonly startTime: TimeNs;
  readonly finishTime: TimeNs;
  readonly hostname: string;
  readonly dataDirectory: string;
  /** As it was when the backup was made; `metadata.json` has the truth. */
  readonly isPermanent: boolean;
}

/** What full and delta backups have in common. Undefined: not recorded. */
export interface SentinelCommon {
  readonly startLsn: Lsn | undefined;
  readonly finishLsn: Lsn | undefined;
  /** `server_version_num`; 0 when not recorded (WAL-E). */
  readonly pgVersion: number;
  readonly systemIdentifier: bigint | undefined;
  readonly uncompressedBytes: number;
  readonly compressedBytes: number;
  /** Size of everything walked; undefined in remote backups. */
  readonly dataDirectoryBytes: number | undefined;
  /** Undefined: a local backup without tablespaces. */
  readonly tablespaces: TablespaceSpec | undefined;
  readonly userData: JsonValue | undefined;
  readonly filesMetadataDisabled: boolean;
  /** Undefined in sentinels of version 1. */
  readonly summary: SentinelSummary | undefined;
  /** Files metadata inside the sentinel (releases before 2.0); then there is no object of its own. */
  readonly embeddedFiles?: FilesMetadata | undefined;
  /**
   * The timeline that it ended on, where that is another than the one in its name; only walvault records it, of a standby
   * that changed over in the middle.
   */
  readonly finishTimeline?: number | undefined;
  /** OrioleDB's checkpoint number; only ever read. */
  readonly orioleCheckpoint?: bigint | undefined;
}

/** A backup that needs no other. */
export interface FullSentinel extends SentinelCommon {
  readonly kind: 'full';
}

/** A backup of what changed since another. */
export interface DeltaSentinel extends SentinelCommon {
  readonly kind: 'delta';
  /** The backup it builds on. */
  readonly parent: string;
  /** Start of that backup: pages from there on are in this one. */
  readonly parentLsn: Lsn;
  /** The full backup at the root of the chain. */
  readonly root: string;
  /** 1 for the first delta after a full backup. */
  readonly steps: number;
}

export type Sentinel = FullSentinel | DeltaSentinel;

/**
 * Parses a sentinel of any release, WAL-E's included.
 *
 * @param what for errors, by default `sentinel`
 * @throws CorruptError when it is no JSON object, a value has another type, or a delta lacks one of its four keys
 */
export function parseSentinel(text: string, what = 'sentinel'): Sentinel {
  const fields = JsonFields.parse(text, what);
  const common = readCommon(fields, what);
  const parent = fields.text('DeltaFrom');
  if (parent === undefined) return { kind: 'full', ...common };
  const parentLsn = lsnOf(fields, 'DeltaFromLSN') ?? lsnOf(fields, 'DeltaLSN');
  return {
    kind: 'delta',
    ...common,
    parent,
    parentLsn: fields.required('DeltaLSN', parentLsn),
    root: fields.required('DeltaFullName', fields.text('DeltaFullName')),
    steps: fields.required('DeltaCount', fields.count('DeltaCount')),
  };
}

function readCommon(fields: JsonFields, what: string): SentinelCommon {
  const spec = fields.value('Spec');
  const identifier = fields.integer('SystemIdentifier');
  return {
    startLsn: lsnOf(fields, 'LSN'),
    finishLsn: lsnOf(fields, 'FinishLSN'),
    pgVersion: fields.count('PgVersion') ?? 0,
    systemIdentifier: identifier === undefined ? undefined : BigInt.asUintN(64, identifier),
    uncompressedBytes: fields.count('UncompressedSize') ?? 0,
    compressedBytes: fields.count('CompressedSize') ?? 0,
    dataDirectoryBytes: fields.count('DataCatalogSize'),
    tablespaces: spec === undefined ? undefined : parseTablespaceSpec(spec, `"Spec" of ${what}`),
    userData: fields.value('UserData'),
    filesMetadataDisabled: fields.flag('FilesMetadataDisabled') ?? false,
    summary: readSummary(fields),
    embeddedFiles: fields.value('Files') === undefined ? undefined : filesMetadataOf(fields),
    finishTimeline: fields.count('FinishTimeline'),
    orioleCheckpoint: fields.integer('ChkpNum'),
  };
}

function readSummary(fields: JsonFields): SentinelSummary | undefined {
  const startTime = fields.time('StartTime');
  const finishTime = fields.time('FinishTime');
  if (startTime === undefined || finishTime === undefined) return undefined;
  return {
    startTime,
    finishTime,
    hostname: fields.text('Hostname') ?? '',
    dataDirectory: fields.text('DataDir') ?? '',
    isPermanent: fields.flag('IsPermanent') ?? false,
  };
}

/** An LSN field: a number, taken as unsigned. */
export function lsnOf(fields: JsonFields, name: string): Lsn | undefined {
  const value = fields.integer(name);
  return value === undefined ? undefined : toLsn(BigInt.asUintN(64, value));
}

/**
 * Writes a sentinel as WAL-G does, key by key: version 2 when it has a summary, else version 1.
 *
 * @throws CorruptError when files metadata is embedded, which is never written any more
 */
export function formatSentinel(sentinel: Sentinel): string {
  if (sentinel.embeddedFiles !== undefined) throw new CorruptError('files metadata cannot be written into a sentinel');
  const { summary, tablespaces, userData } = sentinel;
  const delta = sentinel.kind === 'delta' ? sentinel : undefined;
  const members: readonly Member[] = [
    ['LSN', sentinel.startLsn ?? null],
    ['DeltaLSN', delta?.parentLsn],
    ['DeltaFrom', delta?.parent],
    ['DeltaFullName', delta?.root],
    ['DeltaCount', delta?.steps],
    ['PgVersion', sentinel.pgVersion],
    ['FinishLSN', sentinel.finishLsn ?? null],
    ['SystemIdentifier', sentinel.systemIdentifier],
    ['UncompressedSize', sentinel.uncompressedBytes],
    ['CompressedSize', sentinel.compressedBytes],
    ['DataCatalogSize', sentinel.dataDirectoryBytes === 0 ? undefined : sentinel.dataDirectoryBytes],
    ['Spec', tablespaces === undefined ? undefined : tablespaceSpecToJson(tablespaces), 'top'],
    ['UserData', userData ?? undefined],
    ['FilesMetadataDisabled', sentinel.filesMetadataDisabled ? true : undefined],
    ['ChkpNum', sentinel.orioleCheckpoint ?? null],
    ['Version', summary === undefined ? undefined : 2],
    ['StartTime', timeText(summary?.startTime)],
    ['FinishTime', timeText(summary?.finishTime)],
    ['DateFmt', summary === undefined ? undefined : dateFormatText],
    ['Hostname', summary?.hostname],
    ['DataDir', summary?.dataDirectory],
    ['IsPermanent', summary?.isPermanent],
    ['FinishTimeline', sentinel.finishTimeline],
  ];
  return formatMembers(members);
}

function timeText(time: TimeNs | undefined): string | undefined {
  return time === undefined ? undefined : formatTime(time);
}
