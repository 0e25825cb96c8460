/** What is written about a backup when all its parts are stored: files metadata, metadata and, last, the sentinel. */
import { fromBytes, collect, type ByteSource } from '../../bytes/stage.ts';
import { filesMetadataKey, metadataKey, sentinelKey, tarPartitionsFolder } from '../../catalog/layout.ts';
import type { JsonValue } from '../../catalog/json.ts';
import { timeOfDate } from '../../catalog/time.ts';
import { ArchiverError } from '../../errors.ts';
import { pushPlain } from '../../pipeline/push-object.ts';
import { ObjectExistsError } from '../../storage/errors.ts';
import { baseNameOf } from '../../storage/key.ts';
import type { Abortable, Key, Storage, StoredObject, WriteOptions } from '../../storage/storage.ts';
import type { ClusterWalk } from '../cluster/walk.ts';
import { formatFilesMetadata, type DatabaseEntry, type FileEntry } from './files-metadata.ts';
import { formatBackupMetadata, metadataOfSentinel } from './metadata.ts';
import { labelMember, tablespaceMapMember } from './names.ts';
import type { PlannedPart } from './plan-parts.ts';
import type { PushedPart } from './push-part.ts';
import { formatSentinel, type FullSentinel } from './sentinel.ts';
import type { BackupEnd, BackupSession } from './session.ts';

/** All that is known of a finished backup. */
export interface FinishedBackup {
  readonly session: Pick<BackupSession, 'name' | 'startLsn' | 'startTime'>;
  readonly end: BackupEnd;
  readonly walk: ClusterWalk;
  /** Planned parts with what became of them. */
  readonly parts: readonly (readonly [PlannedPart, PushedPart])[];
  readonly controlPart: PushedPart;
  readonly labelPart: PushedPart;
  readonly pgVersion: number;
  readonly systemIdentifier: bigint | undefined;
  readonly dataDirectory: string;
  readonly hostname: string;
  readonly userData: JsonValue | undefined;
  readonly isPermanent: boolean;
  readonly filesMetadataDisabled: boolean;
}

/** The sentinel of the backup. */
export function sentinelOf(backup: FinishedBackup): FullSentinel {
  const { session, end, walk, dataDirectory } = backup;
  const stored = storedParts(backup);
  const { tablespaces } = walk;
  return {
    kind: 'full',
    startLsn: session.startLsn,
    finishLsn: end.lsn,
    pgVersion: backup.pgVersion,
    systemIdentifier: backup.systemIdentifier,
    uncompressedBytes: stored.reduce((sum, part) => sum + part.memberBytes, 0),
    compressedBytes: stored.reduce((sum, part) => sum + part.storedBytes, 0),
    dataDirectoryBytes: walk.catalogBytes,
    tablespaces:
      tablespaces.length === 0
        ? undefined
        : {
            basePrefix: dataDirectory,
            tablespaces: tablespaces.map(({ oid, location }) => ({ name: oid, location, link: `pg_tblspc/${oid}` })),
          },
    userData: backup.userData,
    filesMetadataDisabled: backup.filesMetadataDisabled,
    summary: {
      startTime: timeOfDate(session.startTime),
      finishTime: timeOfDate(end.time),
      hostname: backup.hostname,
      dataDirectory,
      isPermanent: backup.isPermanent,
    },
  };
}

/** The files metadata of the backup. */
function filesMetadataOfBackup(
  backup: FinishedBackup,
  databases: Iterable<readonly [string, DatabaseEntry]>,
): ByteSource {
  const vanished = new Set(backup.parts.flatMap(([, pushed]) => pushed.vanished));
  return formatFilesMetadata({
    files: fileEntries(backup.walk, vanished),
    tarFileSets: tarFileSets(backup),
    databases,
  });
}

function* fileEntries({ entries }: ClusterWalk, vanished: ReadonlySet<string>): Generator<[string, FileEntry]> {
  for (const { name, mtimeNs } of entries) {
    if (vanished.has(name)) continue;
    yield [name, { isIncremented: false, isSkipped: false, modified: mtimeNs, updatesCount: 0 }];
  }
}

function* tarFileSets({ parts, labelPart: label }: FinishedBackup): Generator<[string, readonly string[]]> {
  for (const [planned, pushed] of parts) {
    const vanished = new Set(pushed.vanished);
    yield [baseNameOf(pushed.key), planned.entries.map((entry) => entry.name).filter((name) => !vanished.has(name))];
  }
  // In WAL-G's order, the reverse of the tar's.
  yield [baseNameOf(label.key), [tablespaceMapMember, labelMember]];
}

/** The storage has other parts under the name of this backup than this run wrote: it must leave them alone. */
export class ForeignPartsError extends ArchiverError {
  constructor(message: string) {
    super('busy', message, {
      hint: 'Another run wrote a backup of the same name meanwhile, from another server or machine. Push again.',
    });
  }
}

/**
 * Makes sure that the storage has exactly the parts that were pushed: another run elsewhere, which no lock of this server
 * keeps out, may have written a backup of the same name.
 *
 * @throws ForeignPartsError (kind `busy`)
 */
export async function checkStoredParts(storage: Storage, backup: FinishedBackup, options: Abortable): Promise<void> {
  const expected = new Map(storedParts(backup).map((part) => [part.key, part.storedBytes]));
  const folder = tarPartitionsFolder(backup.session.name);
  for await (const info of storage.list(folder, { recursive: true, ...options })) {
    if (info.kind !== 'object') continue;
    if (expected.get(info.key) !== info.sizeBytes) {
      throw new ForeignPartsError(`the storage holds another "${info.key}" than this run wrote`);
    }
    expected.delete(info.key);
  }
  const [lost] = expected.keys();
  if (lost !== undefined) throw new ForeignPartsError(`the storage no longer holds "${lost}"`);
}

/**
 * Writes metadata, files metadata (unless disabled) and sentinel, in this order. With the sentinel the backup exists; just
 * before it the parts are looked at once more.
 *
 * @throws ForeignPartsError, and ObjectExistsError when another run completed a backup of that name first
 */
export async function recordBackup(
  storage: Storage,
  backup: FinishedBackup,
  databases: Iterable<readonly [string, DatabaseEntry]>,
  options: Abortable,
): Promise<FullSentinel> {
  const { name } = backup.session;
  const sentinel = sentinelOf(backup);
  const metadata = metadataOfSentinel(sentinel);
  if (metadata === undefined) throw new Error('a sentinel without a summary');
  const completes: StoredObject[] = storedParts(backup).map(({ key, storedBytes }) => ({
    key,
    sizeBytes: storedBytes,
  }));
  async function push(key: Key, open: () => ByteSource): Promise<void> {
    completes.push({ key, sizeBytes: await pushPlain(storage, key, open, options) });
  }
  await push(metadataKey(name), () => fromBytes(Buffer.from(formatBackupMetadata(metadata))));
  if (!backup.filesMetadataDisabled) {
    const entries = [...databases];
    await push(filesMetadataKey(name), () => filesMetadataOfBackup(backup, entries));
  }
  await checkStoredParts(storage, backup, options);
  await pushSentinel(storage, name, Buffer.from(formatSentinel(sentinel)), { ...options, completes });
  return sentinel;
}

async function pushSentinel(storage: Storage, name: string, bytes: Buffer, options: WriteOptions): Promise<void> {
  const key = sentinelKey(name);
  try {
    await pushPlain(storage, key, () => fromBytes(bytes), { ...options, ifAbsent: true });
  } catch (error) {
    if (!(error instanceof ObjectExistsError)) throw error;
    // The answer to a first attempt of our own may have been lost.
    const stored = await collect(await storage.read(key, options), bytes.length + 1).catch(() => undefined);
    if (stored?.equals(bytes) !== true) throw error;
  }
}

function storedParts({ parts, controlPart, labelPart: label }: FinishedBackup): readonly PushedPart[] {
  return [...parts.map(([, pushed]) => pushed), controlPart, label];
}
