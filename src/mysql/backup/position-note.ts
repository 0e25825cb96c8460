/**
 * Where in the binlogs a replay on top of a backup begins: our own object `walvault_position.json` in the backup's folder,
 * taken from the stream as it passed. WAL-G ignores it, and it survives WAL-G's backup-mark.
 */
import { fromBytes } from '../../bytes/stage.ts';
import { readText } from '../../catalog/backup-store.ts';
import { JsonFields } from '../../catalog/json-fields.ts';
import { formatMembers, type Member } from '../../catalog/json-members.ts';
import type { JsonObject } from '../../catalog/json.ts';
import { backupFolder } from '../../catalog/layout.ts';
import { pushPlain } from '../../pipeline/push-object.ts';
import type { Transport } from '../../pipeline/transport.ts';
import { systemClock, type Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import { ObjectNotFoundError } from '../../storage/errors.ts';
import type { Abortable, Key, Storage, StoredObject } from '../../storage/storage.ts';
import { openStream } from '../../stream/open-stream.ts';
import type { Flavor } from '../server/server.ts';
import type { Sentinel } from './sentinel.ts';
import { StreamInspection } from './stream-inspection.ts';

/** Who said where the backup stands. */
export type PositionSource = 'xtrabackup_binlog_info' | 'mariadb_backup_binlog_info' | 'mysqldump' | 'server';

/** A position in the binlogs of one server. */
export interface StartPosition {
  readonly flavor: Flavor | undefined;
  /** Name of the binlog. */
  readonly binlog: string;
  /** Offset of the first event that is not in the backup; 4 is the beginning. */
  readonly position: number;
  /** What has been executed up to there, in the flavour's text form; undefined when unknown. */
  readonly gtid: string | undefined;
  readonly serverId: number | undefined;
  readonly source: PositionSource | 'sentinel';
  /** Whether everything before is in the backup and nothing after; else the backup has more than that. */
  readonly isExact: boolean;
}

/** The file that proves that an increment's base came from the same data directory; of MariaDB, which has no server UUID. */
export interface Lineage {
  readonly dataDirectory: string;
  /** Inode and time of birth of its `ibdata1`. */
  readonly inode: bigint;
  readonly bornNs: bigint;
  /** `uuid` of the `xtrabackup_info` that a restore left there, if any. */
  readonly restoredFrom: string | undefined;
}

/** What the note of a backup says. */
export interface PositionNote {
  readonly position: StartPosition | undefined;
  readonly lineage: Lineage | undefined;
}

/** Key of the note. */
export function positionKey(backup: string): Key {
  return `${backupFolder(backup)}/walvault_position.json`;
}

/** The note as it is stored; its position's `source` is never `sentinel`. */
export function formatPositionNote({ position, lineage }: PositionNote): string {
  const members: readonly Member[] = [
    ['flavor', position?.flavor],
    ['binlog', position?.binlog],
    ['position', position?.position],
    ['gtid', position?.gtid],
    ['server_id', position?.serverId],
    ['source', position?.source],
    ['exact', position?.isExact],
    ['lineage', lineage === undefined ? undefined : lineageToJson(lineage)],
  ];
  return formatMembers(members);
}

function lineageToJson({ dataDirectory, inode, bornNs, restoredFrom }: Lineage): JsonObject {
  return { data_directory: dataDirectory, inode, born_ns: bornNs, restored_from: restoredFrom };
}

const sources: readonly string[] = ['xtrabackup_binlog_info', 'mariadb_backup_binlog_info', 'mysqldump', 'server'];

export function parsePositionNote(text: string, what: string): PositionNote {
  const fields = JsonFields.parse(text, what);
  const lineage = fields.object('lineage');
  return { position: positionOf(fields), lineage: lineage === undefined ? undefined : lineageOf(lineage) };
}

function positionOf(fields: JsonFields): StartPosition | undefined {
  const binlog = fields.text('binlog');
  if (binlog === undefined) return undefined;
  const flavor = fields.text('flavor');
  const source = fields.text('source') ?? '';
  return {
    flavor: flavor === 'mysql' || flavor === 'mariadb' ? flavor : undefined,
    binlog,
    position: fields.required('position', fields.count('position')),
    gtid: fields.text('gtid'),
    serverId: fields.count('server_id'),
    source: isSource(source) ? source : 'server',
    isExact: fields.flag('exact') ?? false,
  };
}

function isSource(text: string): text is PositionSource {
  return sources.includes(text);
}

function lineageOf(fields: JsonFields): Lineage {
  return {
    dataDirectory: fields.required('data_directory', fields.text('data_directory')),
    inode: fields.required('inode', fields.integer('inode')),
    bornNs: fields.required('born_ns', fields.integer('born_ns')),
    restoredFrom: fields.text('restored_from'),
  };
}

/** Stores the note of a backup that has no sentinel yet. @throws the storage's error */
export async function writePositionNote(
  storage: Storage,
  backup: string,
  note: PositionNote,
  options: Abortable = {},
): Promise<StoredObject> {
  const bytes = Buffer.from(formatPositionNote(note));
  const key = positionKey(backup);
  await pushPlain(storage, key, () => fromBytes(bytes), options);
  return { key, sizeBytes: bytes.length };
}

export async function readPositionNote(
  storage: Storage,
  backup: string,
  options: Abortable = {},
): Promise<PositionNote | undefined> {
  try {
    const key = positionKey(backup);
    return parsePositionNote(await readText(storage, key, options), `"${key}"`);
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return undefined;
    throw error;
  }
}

/** What {@link readStartPosition} needs. */
export interface ReadPositionOptions extends Abortable {
  readonly logger: Logger;
  readonly clock?: Clock;
}

/**
 * Where a replay on top of a backup begins: what its note says; else, of a backup that WAL-G made, what is found in its
 * stream, all of which may be read for that; else the beginning of the binlog that its sentinel names.
 *
 * @returns undefined when nothing tells
 * @throws CorruptError; the storage's errors
 */
export async function readStartPosition(
  transport: Transport,
  { name, sentinel }: { readonly name: string; readonly sentinel: Pick<Sentinel, 'binlogStart'> },
  options: ReadPositionOptions,
): Promise<StartPosition | undefined> {
  const note = await readPositionNote(transport.storage, name, options);
  if (note?.position !== undefined) return note.position;
  const found = note === undefined ? await searchStream(transport, name, options) : undefined;
  if (found !== undefined) return found;
  const { binlogStart: binlog } = sentinel;
  if (binlog === undefined) return undefined;
  const unknown = { flavor: undefined, gtid: undefined, serverId: undefined };
  return { ...unknown, binlog, position: 4, source: 'sentinel', isExact: false };
}

async function searchStream(
  transport: Transport,
  backup: string,
  { logger, clock = systemClock, signal = new AbortController().signal }: ReadPositionOptions,
): Promise<StartPosition | undefined> {
  logger.info('reading the backup for its position in the binlogs: whoever made it did not note it', { backup });
  const inspection = new StreamInspection({ allowCut: true });
  const stream = await openStream(transport, backup, { attempts: 1, clock, logger, signal });
  for await (const chunk of stream) {
    inspection.feed(chunk);
    if (!inspection.mayTellPosition) break;
  }
  return (await inspection.findings()).position;
}
