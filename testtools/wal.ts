/** WAL segments and WAL folders that tests make up. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { crc32c } from '../src/bytes/crc32c.ts';
import { parseControlFile } from '../src/postgres/control-file.ts';
import { parseSegmentName, segmentStart } from '../src/postgres/wal-segment.ts';

const controlPath = join(resolve(import.meta.dirname, '..'), 'test', 'fixtures', 'server-files', 'pg17.pg_control');

/** Segments of made-up clusters are small, so that tests are quick. */
export const madeSegmentBytes = 1 << 20;

/** The control file of a real cluster, but for the segment size. */
export const madeControlFile: Buffer = withSegmentBytes(readFileSync(controlPath), madeSegmentBytes);

/** The cluster of {@link madeControlFile}. */
export const { systemIdentifier: madeSystemIdentifier } = parseControlFile(madeControlFile);

function withSegmentBytes(control: Buffer, segmentBytes: number): Buffer {
  control.writeUInt32LE(segmentBytes, 228);
  control.writeUInt32LE(crc32c(control.subarray(0, 288)), 288);
  return control;
}

/** What differs from a good segment. */
export interface MadeSegment {
  /** Default: by the name. */
  readonly timeline?: number;
  readonly start?: bigint;
  /** In the header; default {@link madeSegmentBytes}. */
  readonly segmentBytes?: number;
  /** Of the file; default the size in the header. */
  readonly sizeBytes?: number;
  readonly systemIdentifier?: bigint;
  /** Content behind the header. */
  readonly fill?: number;
}

/** A segment with the header that its name asks for. */
export function makeSegment(name: string, made: MadeSegment = {}): Buffer {
  const segmentBytes = made.segmentBytes ?? madeSegmentBytes;
  const id = parseSegmentName(name.slice(0, 24), segmentBytes);
  const sizeBytes = made.sizeBytes ?? segmentBytes;
  const bytes = Buffer.alloc(Math.max(sizeBytes, 40), made.fill ?? 0x5a);
  bytes.writeUInt16LE(0xd116, 0);
  bytes.writeUInt16LE(0x0002, 2);
  bytes.writeUInt32LE(made.timeline ?? id?.timeline ?? 1, 4);
  bytes.writeBigUInt64LE(made.start ?? (id === undefined ? 0n : segmentStart(id, segmentBytes)), 8);
  bytes.writeBigUInt64LE(made.systemIdentifier ?? madeSystemIdentifier, 24);
  bytes.writeUInt32LE(segmentBytes, 32);
  bytes.writeUInt32LE(8192, 36);
  return bytes.subarray(0, sizeBytes);
}

/** A data directory with a control file and an empty `pg_wal`; returns the path of `pg_wal`. */
export function makeDataDirectory(dataDirectory: string): string {
  const wal = join(dataDirectory, 'pg_wal');
  mkdirSync(join(wal, 'archive_status'), { recursive: true });
  mkdirSync(join(dataDirectory, 'global'));
  writeFileSync(join(dataDirectory, 'global', 'pg_control'), madeControlFile);
  return wal;
}
