/** What is written about a local backup when all its parts are stored: files metadata, metadata and, last, the sentinel. */
import type { ByteSource } from '../../bytes/stage.ts';
import type { JsonValue } from '../../catalog/json.ts';
import { timeOfDate } from '../../catalog/time.ts';
import { baseNameOf } from '../../storage/key.ts';
import type { Abortable, Storage } from '../../storage/storage.ts';
import type { ClusterWalk } from '../cluster/walk.ts';
import { completeBackup, type StoredBackup } from './complete-backup.ts';
import { formatFilesMetadata, type DatabaseEntry, type FileEntry } from './files-metadata.ts';
import { labelMember, tablespaceMapMember } from './names.ts';
import type { PlannedPart } from './plan-parts.ts';
import type { PushedPart } from './push-part.ts';
import type { FullSentinel } from './sentinel.ts';
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
): Promise<FullSentinel> {
  const sentinel = sentinelOf(backup);
  const entries = [...databases];
  const stored: StoredBackup = {
    name: backup.session.name,
    parts: storedParts(backup),
    sentinel,
    filesMetadata: backup.filesMetadataDisabled ? undefined : () => filesMetadataOfBackup(backup, entries),
  };
  await completeBackup(storage, stored, options);
  return sentinel;
}

function storedParts({ parts, controlPart, labelPart: label }: FinishedBackup): readonly PushedPart[] {
  return [...parts.map(([, pushed]) => pushed), controlPart, label];
}
