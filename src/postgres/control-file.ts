/**
 * `global/pg_control`, the file that says which cluster this is and where its recovery would start. The layout up to the
 * checksum is the same from PostgreSQL 13 to 18; `ControlFileData` in src/include/catalog/pg_control.h.
 */
import { crc32c } from '../bytes/crc32c.ts';
import { CorruptError } from '../errors.ts';
import { toLsn, type Lsn } from './lsn.ts';

/** What the cluster was doing when the file was written (`DBState`). */
export type ClusterState =
  | 'starting up'
  | 'shut down'
  | 'shut down in recovery'
  | 'shutting down'
  | 'in crash recovery'
  | 'in archive recovery'
  | 'in production';

/** The parts of `pg_control` that backups need. */
export interface ControlFile {
  readonly systemIdentifier: bigint;
  /** `pg_control_version`: 1300 for PostgreSQL 13 to 16, 1700, 1800. */
  readonly controlVersion: number;
  readonly catalogVersion: number;
  readonly state: ClusterState;
  readonly checkpoint: {
    readonly lsn: Lsn;
    /** Where recovery from it starts. */
    readonly redo: Lsn;
    readonly timeline: number;
    readonly previousTimeline: number;
    readonly time: Date;
  };
  /** How far recovery must go before the cluster is consistent; 0/0 outside recovery. */
  readonly minRecoveryPoint: { readonly lsn: Lsn; readonly timeline: number };
  /** Set between starting a restored backup and reaching its end; 0/0 otherwise. */
  readonly backupStartPoint: Lsn;
  readonly blockBytes: number;
  readonly walPageBytes: number;
  readonly segmentBytes: number;
  /** 0: pages have no checksums. */
  readonly dataChecksumVersion: number;
}

/** Size of the file on disk; {@link parseControlFile} needs only its beginning. */
export const controlFileBytes = 8192;

const states: readonly ClusterState[] = [
  'starting up',
  'shut down',
  'shut down in recovery',
  'shutting down',
  'in crash recovery',
  'in archive recovery',
  'in production',
];

/** Where the CRC-32C of everything before it stands, by `pg_control_version`. */
const checksumOffsets: ReadonlyMap<number, number> = new Map([
  [1300, 288],
  [1700, 288],
  [1800, 292],
]);

/** A control file of a server that this program does not know. */
export class UnknownControlVersionError extends CorruptError {
  readonly controlVersion: number;
  constructor(controlVersion: number) {
    super(`unknown version of pg_control: ${controlVersion}`, {
      hint: 'PostgreSQL 13 to 18 are supported; the file is of another version, or is no pg_control.',
    });
    this.controlVersion = controlVersion;
  }
}

/**
 * Reads the contents of `pg_control` and verifies its checksum, so that a torn read is noticed.
 *
 * @throws CorruptError when it is too short or fails its checksum, UnknownControlVersionError
 */
export function parseControlFile(bytes: Uint8Array): ControlFile {
  if (bytes.length < 16) throw new CorruptError(`pg_control has only ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const controlVersion = view.getUint32(8, true);
  const checksumOffset = checksumOffsets.get(controlVersion);
  if (checksumOffset === undefined) throw new UnknownControlVersionError(controlVersion);
  if (bytes.length < checksumOffset + 4) throw new CorruptError(`pg_control has only ${bytes.length} bytes`);
  if (crc32c(bytes.subarray(0, checksumOffset)) !== view.getUint32(checksumOffset, true)) {
    throw new CorruptError('pg_control fails its checksum');
  }
  const lsn = (offset: number) => toLsn(view.getBigUint64(offset, true));
  const state = states[view.getUint32(16, true)];
  if (state === undefined) throw new CorruptError('pg_control names an unknown state of the cluster');
  return {
    systemIdentifier: view.getBigUint64(0, true),
    controlVersion,
    catalogVersion: view.getUint32(12, true),
    state,
    checkpoint: {
      lsn: lsn(32),
      redo: lsn(40),
      timeline: view.getUint32(48, true),
      previousTimeline: view.getUint32(52, true),
      time: new Date(Number(view.getBigInt64(104, true)) * 1000),
    },
    minRecoveryPoint: { lsn: lsn(136), timeline: view.getUint32(144, true) },
    backupStartPoint: lsn(152),
    blockBytes: view.getUint32(216, true),
    walPageBytes: view.getUint32(224, true),
    segmentBytes: view.getUint32(228, true),
    dataChecksumVersion: view.getUint32(252, true),
  };
}
