/** What is written about a local backup when all its parts are stored: files metadata, metadata and, last, the sentinel. */
import type { ByteSource } from '../../bytes/stage.ts';
import type { JsonValue } from '../../catalog/json.ts';
import { timeOfDate } from '../../catalog/time.ts';
import { baseNameOf } from '../../storage/key.ts';
import type { Abortable, Storage, StoredObject } from '../../storage/storage.ts';
import type { ClusterWalk } from '../cluster/walk.ts';
import type { DeltaBase } from '../delta/base.ts';
import { completeBackup, type StoredBackup } from './complete-backup.ts';
import { formatFilesMetadata, type CorruptBlocks, type DatabaseEntry, type FileEntry } from './files-metadata.ts';
import { labelMember, tablespaceMapMember } from './names.ts';
import type { PlannedPart } from './plan-parts.ts';
import type { PackedFiles, PushedPart, WrittenPart } from './push-part.ts';
import type { Sentinel, SentinelCommon } from './sentinel.ts';
import type { BackupEnd, BackupSession } from './session.ts';

/** What makes a backup a delta. */
export interface DeltaOrigin {
  /** Its name is empty in a catchup, which builds on a standby. */
  readonly base: Pick<DeltaBase, 'name' | 'startLsn' | 'root' | 'steps'>;
  /** Files that are as in the base. */
  readonly skipped: ReadonlySet<string>;
}

/** All that is known of a finished backup. */
export interface FinishedBackup {
  readonly session: Pick<BackupSession, 'name' | 'startLsn' | 'startTime'>;
  readonly end: BackupEnd;
  readonly walk: ClusterWalk;
  /** Planned parts with what became of them. */
  readonly parts: readonly (readonly [PlannedPart, PushedPart])[];
  readonly controlPart: WrittenPart;
  readonly labelPart: WrittenPart;
  /** Undefined in a full backup. */
  readonly delta: DeltaOrigin | undefined;
  /** Tuples written to the relation that a file is of; default: not known of any. */
  readonly updatesCountOf?: (name: string) => number;
  readonly pgVersion: number;
  readonly systemIdentifier: bigint | undefined;
  readonly dataDirectory: string;
  readonly hostname: string;
  readonly userData: JsonValue | undefined;
  readonly isPermanent: boolean;
  readonly filesMetadataDisabled: boolean;
  /** What was stored beside the parts. */
  readonly beside?: readonly StoredObject[] | undefined;
  /** The timeline that the server ended on, if that is another than it began on: then the backup is only pending. */
  readonly finishTimeline?: number | undefined;
}

/** Whether it is no backup but a catchup. */
export function isCatchup({ delta }: Pick<FinishedBackup, 'delta'>): boolean {
  return delta?.base.name === '';
}

/** The sentinel of the backup. */
export function sentinelOf(backup: FinishedBackup): Sentinel {
  const { session, end, walk, dataDirectory, delta } = backup;
  const stored = storedParts(backup);
  const { tablespaces } = walk;
  const common: SentinelCommon = {
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
    finishTimeline: backup.finishTimeline,
    filesMetadataDisabled: backup.filesMetadataDisabled,
    summary: {
      startTime: timeOfDate(session.startTime),
      finishTime: timeOfDate(end.time),
      hostname: backup.hostname,
      dataDirectory,
      isPermanent: backup.isPermanent,
    },
  };
  if (delta === undefined) return { kind: 'full', ...common };
  const { name, startLsn, root, steps } = delta.base;
  return { kind: 'delta', ...common, parent: name, parentLsn: startLsn, root, steps };
}

/** The files metadata of the backup. */
function filesMetadataOfBackup(
  backup: FinishedBackup,
  databases: Iterable<readonly [string, DatabaseEntry]>,
): ByteSource {
  return formatFilesMetadata({
    files: fileEntries(backup),
    tarFileSets: tarFileSets(backup),
    databases,
  });
}

function* fileEntries({
  walk,
  parts,
  delta,
  updatesCountOf = () => 0,
}: FinishedBackup): Generator<[string, FileEntry]> {
  const { vanished, incremented, corrupt } = gathered(parts.map(([, pushed]) => pushed));
  for (const { name, mtimeNs, sizeBytes } of walk.entries) {
    if (vanished.has(name)) continue;
    const entry = {
      isIncremented: incremented.has(name),
      isSkipped: delta?.skipped.has(name) === true,
      modified: mtimeNs,
      sizeBytes,
      updatesCount: updatesCountOf(name),
    };
    const corruptBlocks = corrupt.get(name);
    yield [name, corruptBlocks === undefined ? entry : { ...entry, corruptBlocks }];
  }
}

function gathered(parts: readonly PackedFiles[]) {
  return {
    vanished: new Set(parts.flatMap((part) => part.vanished)),
    incremented: new Set(parts.flatMap((part) => part.incremented)),
    corrupt: new Map<string, CorruptBlocks>(parts.flatMap((part) => part.corrupt)),
  };
}

function* tarFileSets({ parts, labelPart: label }: FinishedBackup): Generator<[string, readonly string[]]> {
  for (const [planned, pushed] of parts) {
    const vanished = new Set(pushed.vanished);
    yield [baseNameOf(pushed.key), planned.entries.map((entry) => entry.name).filter((name) => !vanished.has(name))];
  }
  // In WAL-G's order, the reverse of the tar's.
  yield [baseNameOf(label.key), [tablespaceMapMember, labelMember]];
}

/**
 * Writes metadata, files metadata (unless disabled) and sentinel; see {@link completeBackup}.
 *
 * @throws ForeignPartsError, ObjectExistsError
 */
export async function recordBackup(
  storage: Storage,
  backup: FinishedBackup,
  databases: Iterable<readonly [string, DatabaseEntry]>,
  options: Abortable,
): Promise<Sentinel> {
  const sentinel = sentinelOf(backup);
  const entries = [...databases];
  const { delta } = backup;
  const stored: StoredBackup = {
    name: backup.session.name,
    parts: storedParts(backup),
    sentinel,
    beside: backup.beside,
    filesMetadata: backup.filesMetadataDisabled ? undefined : () => filesMetadataOfBackup(backup, entries),
    isPending: backup.finishTimeline !== undefined,
    ...(delta === undefined || isCatchup(backup) ? {} : { base: delta.base.name }),
  };
  await completeBackup(storage, stored, options);
  return sentinel;
}

function storedParts({ parts, controlPart, labelPart: label }: FinishedBackup): readonly WrittenPart[] {
  return [...parts.map(([, pushed]) => pushed), controlPart, label];
}
