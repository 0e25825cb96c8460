/** `backup-show`: all that an archive tells of one backup without reading its stream. */
import { selectorOfName } from '../../catalog/backup-store.ts';
import { backupFolder, sentinelKey } from '../../catalog/layout.ts';
import { ArchiverError } from '../../errors.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import { baseNameOf } from '../../storage/key.ts';
import { holderOf } from '../../storage/named-storages.ts';
import type { ObjectInfo, StoredObject } from '../../storage/storage.ts';
import { findStream } from '../../stream/find-stream.ts';
import { listBackupRecords, readBackupRecord, selectBackup, type BackupRecord } from '../backup/backup-record.ts';
import { readChain } from '../backup/chain.ts';
import { readPositionNote, type StartPosition } from '../backup/position-note.ts';
import type { Sentinel } from '../backup/sentinel.ts';
import { listBinlogs } from '../binlog/archive.ts';
import { parseBinlogName } from '../binlog/binlog-name.ts';
import { binlogRunFrom, type MissingBinlogs } from '../binlog/binlog-run.ts';
import { openTail } from '../binlog/follow/tail.ts';

/** A backup that this one builds on, or that builds on this one. */
export interface RelatedBackup {
  readonly name: string;
  readonly isPermanent: boolean;
  readonly storedBytes: number;
}

/** An increment that needs the backup. */
export interface Dependent extends RelatedBackup {
  /** Its base is the backup itself, not one of its increments. */
  readonly isDirect: boolean;
}

/** The objects of its stream. */
export interface StreamObjects {
  readonly objects: readonly StoredObject[];
  readonly parts: number;
  /** Of blocks that were dealt out to parts in turn. */
  readonly blockBytes: number | undefined;
}

/** The binlogs that a replay on top of the backup needs. */
export interface BinlogsOfBackup {
  /** Where it begins. */
  readonly first: string;
  /** The last complete one that is in the archive; undefined: none is. */
  readonly last: string | undefined;
  readonly count: number;
  readonly missing: readonly MissingBinlogs[];
  /** The one behind them of which the beginning is in the archive. */
  readonly tail: string | undefined;
}

/** One backup in full. */
export interface BackupDescription {
  readonly record: BackupRecord;
  readonly sentinel: Sentinel;
  /** Everything of the backup, the sentinel included. */
  readonly storedBytes: number;
  readonly objects: number;
  /** Why its stream cannot be read, if that shows from the names of its objects. */
  readonly stream: StreamObjects | { readonly problem: string };
  /** It has what walvault alone writes; without it nobody knows. */
  readonly madeByWalvault: boolean;
  /** As the backup's own note has it; of those of WAL-G it is in the stream alone. */
  readonly position: StartPosition | undefined;
  /** What it builds on, the nearest first; empty of a full one. */
  readonly bases: readonly RelatedBackup[];
  /** Why it cannot be restored with what it builds on. */
  readonly brokenChain: string | undefined;
  readonly dependents: readonly Dependent[];
  /** Undefined where the backup does not say where it began. */
  readonly binlogs: BinlogsOfBackup | undefined;
}

/** Who helps. */
export interface DescribeServices {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * Describes the backup of this name, or the newest for `LATEST`.
 *
 * @throws BackupNotFoundError; CorruptError for a damaged sentinel; the storage's errors
 */
export async function describeBackup(services: DescribeServices, name: string): Promise<BackupDescription> {
  const { transport: archive, clock, logger, signal } = services;
  const selected = await selectBackup(archive.storage, selectorOfName(name), { clock, signal });
  const holder = await holderOf(archive.storage, selected.entry.sentinelKey, { signal });
  const transport = holder === undefined ? archive : { ...archive, storage: holder.storage };
  const read = holder === undefined ? selected : await readBackupRecord(transport.storage, selected.entry, { signal });
  const record = { ...read, ...(holder === undefined ? {} : { storageName: holder.name }) };
  const { sentinel } = record;
  if (sentinel === undefined) throw record.problem ?? new Error(`no sentinel of "${record.name}"`);
  const objects = await objectsOf(transport, record.name, signal);
  const note = await tolerant(() => readPositionNote(transport.storage, record.name, { signal }));
  if (note.problem !== undefined) logger.warn('the position of the backup cannot be read', { reason: note.problem });
  const position = note.value?.position;
  const chain = await tolerant(() => readChain(transport.storage, { backup: record.name, sentinel }, { signal }));
  const records = await listBackupRecords(transport.storage, { clock, signal });
  const relatives = new Map(records.map((one) => [one.name, one]));
  const stream = await tolerant(() => findStream(transport, record.name, { signal }));
  return {
    record,
    sentinel,
    storedBytes: objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    objects: objects.length,
    stream:
      stream.value === undefined
        ? { problem: stream.problem ?? '' }
        : { objects: stream.value.parts.flat(), parts: stream.value.parts.length, blockBytes: stream.value.blockBytes },
    madeByWalvault: objects.some(({ key }) => baseNameOf(key).startsWith('walvault_')),
    position,
    bases: (chain.value ?? [])
      .slice(0, -1)
      .toReversed()
      .map(({ backup }) => related(backup, relatives.get(backup)?.sentinel)),
    brokenChain: chain.problem,
    dependents: dependentsOf(record.name, records),
    binlogs: await binlogsFrom(archive, position?.binlog ?? sentinel.binlogStart, signal),
  };
}

async function tolerant<T>(read: () => Promise<T>): Promise<{ readonly value?: T; readonly problem?: string }> {
  try {
    return { value: await read() };
  } catch (error) {
    if (!(error instanceof ArchiverError) || !['corrupt', 'missing'].includes(error.kind)) throw error;
    return { problem: error.message };
  }
}

async function objectsOf({ storage }: Transport, backup: string, signal: AbortSignal): Promise<readonly ObjectInfo[]> {
  const sentinel = await storage.stat(sentinelKey(backup), { signal });
  const objects: ObjectInfo[] = sentinel === undefined ? [] : [sentinel];
  for await (const entry of storage.list(backupFolder(backup), { recursive: true, signal })) {
    if (entry.kind === 'object') objects.push(entry);
  }
  return objects;
}

function related(name: string, sentinel: Sentinel | undefined): RelatedBackup {
  return { name, isPermanent: sentinel?.isPermanent ?? false, storedBytes: sentinel?.compressedBytes ?? 0 };
}

function dependentsOf(name: string, records: readonly BackupRecord[]): readonly Dependent[] {
  const parents = new Map(
    records.flatMap((one) => (one.sentinel?.kind === 'increment' ? [[one.name, one.sentinel.parent] as const] : [])),
  );
  const needing = new Set([name]);
  for (let before = 0; before !== needing.size;) {
    before = needing.size;
    for (const [increment, parent] of parents) if (needing.has(parent)) needing.add(increment);
  }
  needing.delete(name);
  return records
    .filter((one) => needing.has(one.name))
    .map((one) => ({ ...related(one.name, one.sentinel), isDirect: parents.get(one.name) === name }));
}

async function binlogsFrom(
  archive: Transport,
  first: string | undefined,
  signal: AbortSignal,
): Promise<BinlogsOfBackup | undefined> {
  const name = first === undefined ? undefined : parseBinlogName(first);
  if (name === undefined) return undefined;
  const { present, missing } = binlogRunFrom(await listBinlogs(archive.storage, { signal }), name);
  const last = present.at(-1);
  const tail = (await openTail(archive, { signal })).find((one) => {
    const own = parseBinlogName(one.name);
    return own?.base === name.base && own.number === (last?.number ?? name.number - 1) + 1;
  });
  return { first: name.name, last: last?.name, count: present.length, missing, tail: tail?.name };
}
