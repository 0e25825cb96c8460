/**
 * The sentinel of a MySQL or MariaDB backup, `<backup>_backup_stop_sentinel.json`: written last, it makes the backup
 * exist. The JSON shape is known here only; see `docs/storage-layout.md`.
 */
import { JsonFields } from '../../catalog/json-fields.ts';
import { formatMembers, type Member } from '../../catalog/json-members.ts';
import { isJsonObject, parseJson, stringifyJson, type JsonValue } from '../../catalog/json.ts';
import { formatTime, zeroTimeNs, type TimeNs } from '../../catalog/time.ts';
import { CorruptError } from '../../errors.ts';

/** What made the stream: nobody knows (a dump, say), or XtraBackup and its kin, whose increments can be applied. */
export type BackupTool = 'unspecified' | 'xtrabackup';

const toolTexts: Readonly<Record<BackupTool, string>> = {
  unspecified: 'WALG_UNSPECIFIED_STREAM_BACKUP_TOOL',
  xtrabackup: 'WALG_XTRABACKUP_TOOL',
};

/** What full backups and increments have in common. Undefined: not recorded. */
export interface SentinelCommon {
  readonly tool: BackupTool;
  /** Name of the binlog that a replay begins with; where in it: see `position-note.ts`. */
  readonly binlogStart: string | undefined;
  /** The active binlog after the backup; informational. */
  readonly binlogEnd: string | undefined;
  readonly startTime: TimeNs | undefined;
  readonly stopTime: TimeNs | undefined;
  /** Bytes of the stream. */
  readonly uncompressedBytes: number | undefined;
  /** Bytes of its objects, as WAL-G counts them. */
  readonly compressedBytes: number | undefined;
  /** Of the machine that ran the push. */
  readonly hostname: string | undefined;
  /** Of MySQL only. */
  readonly serverUuid: string | undefined;
  /** `@@version`; WAL-G's own is often damaged with MariaDB. */
  readonly serverVersion: string | undefined;
  /** In Go's words: `amd64`, `linux`. */
  readonly serverArch: string | undefined;
  readonly serverOs: string | undefined;
  readonly isPermanent: boolean;
  readonly userData: JsonValue | undefined;
  /** `to_lsn`: an increment of this backup holds the pages changed since. */
  readonly toLsn: bigint | undefined;
  /** `from_lsn`: 0 of a full backup. */
  readonly fromLsn: bigint | undefined;
}

/** A backup that needs no other. */
export interface FullSentinel extends SentinelCommon {
  readonly kind: 'full';
}

/** A backup of the pages that changed since another. */
export interface IncrementSentinel extends SentinelCommon {
  readonly kind: 'increment';
  /** The backup it is applied to. */
  readonly parent: string;
  /** The full backup at the root of the chain. */
  readonly root: string;
  /** 1 for the first increment of a full backup. */
  readonly steps: number;
}

/** A sentinel of any release. */
export type Sentinel = FullSentinel | IncrementSentinel;

/**
 * Parses a sentinel of any release, with any subset of the keys.
 *
 * @param what for errors, by default `sentinel`
 * @throws CorruptError when it is no JSON object, a value has another type, or an increment does not say of what
 */
export function parseSentinel(text: string, what = 'sentinel'): Sentinel {
  const fields = JsonFields.parse(text, what);
  const common = readCommon(fields);
  const parent = textOf(fields, 'DeltaFrom');
  if (fields.flag('IsIncremental') !== true && parent === undefined) return { kind: 'full', ...common };
  const from = fields.required('DeltaFrom', parent);
  const steps = fields.count('DeltaCount') ?? 0;
  return {
    kind: 'increment',
    ...common,
    parent: from,
    root: fields.required('DeltaFullName', textOf(fields, 'DeltaFullName')),
    steps: Math.max(1, steps),
  };
}

function readCommon(fields: JsonFields): SentinelCommon {
  return {
    tool: fields.text('Tool') === toolTexts.xtrabackup ? 'xtrabackup' : 'unspecified',
    binlogStart: textOf(fields, 'BinLogStart'),
    binlogEnd: textOf(fields, 'BinLogEnd'),
    startTime: timeOf(fields, 'StartLocalTime'),
    stopTime: timeOf(fields, 'StopLocalTime'),
    uncompressedBytes: fields.count('UncompressedSize'),
    compressedBytes: fields.count('CompressedSize'),
    hostname: textOf(fields, 'Hostname'),
    serverUuid: textOf(fields, 'ServerUUID'),
    serverVersion: textOf(fields, 'ServerVersion'),
    serverArch: textOf(fields, 'ServerArch'),
    serverOs: textOf(fields, 'ServerOS'),
    isPermanent: fields.flag('IsPermanent') ?? false,
    userData: fields.value('UserData'),
    toLsn: fields.integer('LSN'),
    fromLsn: fields.integer('DeltaLSN'),
  };
}

function textOf(fields: JsonFields, name: string): string | undefined {
  const text = fields.text(name);
  return text === '' ? undefined : text;
}

function timeOf(fields: JsonFields, name: string): TimeNs | undefined {
  const time = fields.time(name);
  return time === zeroTimeNs ? undefined : time;
}

/** Writes a new sentinel as WAL-G does, key by key, the times in this process's zone. */
export function formatSentinel(sentinel: Sentinel): string {
  const increment = sentinel.kind === 'increment' ? sentinel : undefined;
  const members: readonly Member[] = [
    ['Tool', toolTexts[sentinel.tool]],
    ['BinLogStart', sentinel.binlogStart],
    ['BinLogEnd', sentinel.binlogEnd],
    ['StartLocalTime', timeText(sentinel.startTime)],
    ['StopLocalTime', timeText(sentinel.stopTime)],
    ['UncompressedSize', unlessZero(sentinel.uncompressedBytes)],
    ['CompressedSize', unlessZero(sentinel.compressedBytes)],
    ['Hostname', sentinel.hostname],
    ['ServerUUID', sentinel.serverUuid],
    ['ServerVersion', sentinel.serverVersion],
    ['ServerArch', sentinel.serverArch],
    ['ServerOS', sentinel.serverOs],
    ['IsPermanent', sentinel.isPermanent],
    ['IsIncremental', increment !== undefined],
    ['UserData', sentinel.userData],
    ['LSN', sentinel.toLsn ?? null],
    ['DeltaLSN', sentinel.fromLsn],
    ['DeltaFrom', increment?.parent],
    ['DeltaFullName', increment?.root],
    ['DeltaCount', increment?.steps ?? 0],
  ];
  return formatMembers(members);
}

function unlessZero(bytes: number | undefined): number | undefined {
  return bytes === 0 ? undefined : bytes;
}

/** Microseconds, rounded up, as WAL-G has them. */
function timeText(time: TimeNs | undefined): string {
  if (time === undefined) return formatTime(zeroTimeNs);
  return formatTime(((time + 999n) / 1000n) * 1000n, 'local');
}

/** What {@link rewriteSentinel} changes; what is left out stays. */
export interface SentinelChanges {
  readonly isPermanent?: boolean;
  readonly parent?: string;
  readonly root?: string;
  /** Written only where there is one. */
  readonly compressedBytes?: number;
}

/**
 * Changes some values of a stored sentinel and leaves everything else as it stands, keys that nobody here knows included.
 *
 * @returns the new text
 * @throws CorruptError when it is no JSON object
 */
export function rewriteSentinel(text: string, changes: SentinelChanges, what = 'sentinel'): string {
  const value = parseJson(text, what);
  if (!isJsonObject(value)) throw new CorruptError(`${what} is not a JSON object`);
  const changed = {
    ...value,
    ...(changes.isPermanent === undefined ? {} : { IsPermanent: changes.isPermanent }),
    ...(changes.parent === undefined ? {} : { DeltaFrom: changes.parent }),
    ...(changes.root === undefined ? {} : { DeltaFullName: changes.root }),
    ...(changes.compressedBytes === undefined || value['CompressedSize'] === undefined
      ? {}
      : { CompressedSize: changes.compressedBytes }),
  };
  return stringifyJson(changed, { htmlSafe: true });
}
