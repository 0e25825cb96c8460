/** `backup-show`: all that an archive tells of one backup without looking into its parts. */
import { selectorOfName } from '../../catalog/backup-store.ts';
import { backupFolder, sentinelKey, tarPartitionsFolder } from '../../catalog/layout.ts';
import { ArchiverError } from '../../errors.ts';
import { mapConcurrently } from '../../pipeline/concurrency.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import { baseNameOf } from '../../storage/key.ts';
import { holderOf } from '../../storage/named-storages.ts';
import type { ObjectInfo } from '../../storage/storage.ts';
import { readBackupRecord, readSentinel, type BackupRecord } from '../backup/backup-record.ts';
import { listBackupRecords, selectBackup } from '../backup/list.ts';
import type { Sentinel } from '../backup/sentinel.ts';
import { readChain } from '../restore/chain.ts';
import { countContents, type BackupCounts } from './count-contents.ts';
import { walOfBackup, type BackupWal } from './wal-of-backup.ts';

/** A part as it is stored. */
export interface StoredPart {
  /** With its suffix. */
  readonly name: string;
  readonly storedBytes: number;
  /** Files in it; undefined where the backup does not tell. */
  readonly files: number | undefined;
}

/** A backup that this one builds on, or that builds on this one. */
export interface RelatedBackup {
  readonly name: string;
  readonly isPermanent: boolean;
  readonly storedBytes: number;
}

/** A delta that needs the backup. */
export interface Dependent extends RelatedBackup {
  /** Its base is the backup itself, not one of its deltas. */
  readonly isDirect: boolean;
}

/** One backup in full. */
export interface BackupDescription {
  readonly record: BackupRecord;
  readonly sentinel: Sentinel;
  /** Everything of the backup, the sentinel included. */
  readonly storedBytes: number;
  readonly objects: number;
  readonly parts: readonly StoredPart[];
  /** Undefined where the backup has no list of files, or none that can be read. */
  readonly counts: BackupCounts | undefined;
  /** It has what walvault alone writes; without it nobody knows. */
  readonly madeByWalvault: boolean;
  /** What it builds on, the nearest first; empty of a full one. */
  readonly bases: readonly RelatedBackup[];
  /** Why it cannot be restored with what it builds on. */
  readonly brokenChain: string | undefined;
  readonly dependents: readonly Dependent[];
  /** Undefined where the backup does not say where it began and ended. */
  readonly wal: BackupWal | undefined;
}

/** Who helps. */
export interface DescribeServices {
  readonly transport: Transport;
  readonly segmentBytes: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

const sentinelsAtOnce = 16;

/**
 * Describes the backup of this name, or the newest for `LATEST`. What is damaged beside its sentinel is warned of.
 *
 * @throws BackupNotFoundError; CorruptError for a damaged sentinel; the storage's errors
 */
export async function describeBackup(services: DescribeServices, name: string): Promise<BackupDescription> {
  const { transport: archive, clock, logger, signal } = services;
  const selected = await selectBackup(archive.storage, selectorOfName(name), { clock, signal });
  const holder = await holderOf(archive.storage, selected.entry.sentinelKey, { signal });
  const transport = holder === undefined ? archive : { ...archive, storage: holder.storage };
  const { storage } = transport;
  const read = holder === undefined ? selected : await readBackupRecord(storage, selected.entry, { signal });
  const record = { ...read, ...(holder === undefined ? {} : { storageName: holder.name }) };
  if (record.problem !== undefined) logger.warn('metadata.json cannot be used', { reason: record.problem.message });
  const sentinel = await readSentinel(storage, record.name, { signal });
  const stored = [
    await storage.stat(sentinelKey(record.name), { signal }),
    ...(await objectsOf(transport, record.name, signal)),
  ];
  const objects = stored.filter((object) => object !== undefined);
  const counts = await countContents(transport, record.name, { sentinel, logger, signal });
  const chain = await chainOf(transport, record, { sentinel, signal });
  const relatives = await relativesOf(transport, services);
  return {
    record,
    sentinel,
    storedBytes: objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    objects: objects.length,
    parts: objects
      .filter(({ key }) => key.startsWith(`${tarPartitionsFolder(record.name)}/`))
      .map(({ key, sizeBytes }) => {
        const part = baseNameOf(key);
        return { name: part, storedBytes: sizeBytes, files: counts?.filesOfParts.get(part) };
      }),
    counts,
    madeByWalvault: objects.some(({ key }) => baseNameOf(key).startsWith('walvault_')),
    bases: chain.names.map((base) => relatives.related(base)),
    brokenChain: chain.problem,
    dependents: relatives.dependentsOf(record.name),
    wal: await walOfBackup(services, record.name, sentinel),
  };
}

async function objectsOf({ storage }: Transport, backup: string, signal: AbortSignal): Promise<readonly ObjectInfo[]> {
  const objects: ObjectInfo[] = [];
  for await (const entry of storage.list(backupFolder(backup), { recursive: true, signal })) {
    if (entry.kind === 'object') objects.push(entry);
  }
  return objects.sort((a, b) => (a.key < b.key ? -1 : 1));
}

async function chainOf(
  { storage }: Transport,
  { name: backup }: BackupRecord,
  { sentinel, signal }: { readonly sentinel: Sentinel; readonly signal: AbortSignal },
): Promise<{ readonly names: readonly string[]; readonly problem: string | undefined }> {
  try {
    const chain = await readChain(storage, { backup, sentinel }, { signal });
    return { names: chain.slice(1).map((link) => link.backup), problem: undefined };
  } catch (error) {
    if (!(error instanceof ArchiverError) || !['corrupt', 'missing'].includes(error.kind)) throw error;
    return { names: [], problem: error.message };
  }
}

/** All backups of the storage, and which builds on which. */
async function relativesOf({ storage }: Transport, { clock, logger, signal }: DescribeServices) {
  const records = new Map((await listBackupRecords(storage, { clock, signal })).map((one) => [one.name, one]));
  const parents = new Map<string, string>();
  await mapConcurrently([...records.keys()], sentinelsAtOnce, async (name) => {
    try {
      const sentinel = await readSentinel(storage, name, { signal });
      if (sentinel.kind === 'delta') parents.set(name, sentinel.parent);
    } catch (error) {
      if (!(error instanceof ArchiverError) || !['corrupt', 'missing'].includes(error.kind)) throw error;
      logger.warn('the sentinel of a backup cannot be read', { backup: name, reason: error.message });
    }
  });
  const related = (name: string): RelatedBackup => {
    const metadata = records.get(name)?.metadata;
    return { name, isPermanent: metadata?.isPermanent ?? false, storedBytes: metadata?.compressedBytes ?? 0 };
  };
  return {
    related,
    dependentsOf(name: string): readonly Dependent[] {
      const needing = new Set([name]);
      // Oldest first: a base comes before its deltas; a clock that was wrong may need another round.
      for (let before = 0; before !== needing.size;) {
        before = needing.size;
        for (const [delta, parent] of parents) if (needing.has(parent)) needing.add(delta);
      }
      needing.delete(name);
      return [...records.keys()]
        .filter((one) => needing.has(one))
        .map((one) => ({ ...related(one), isDirect: parents.get(one) === name }));
    },
  };
}
