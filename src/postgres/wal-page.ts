/** The header of a WAL segment's first page: what wal-push can tell from it. Format: PostgreSQL `XLogLongPageHeaderData`. */
import { toLsn, type Lsn } from './lsn.ts';

/** What the first page of a segment says about it. */
export interface SegmentHeader {
  readonly magic: number;
  /** Major version of the server by the magic number (13 … 18); undefined for one that this program does not know. */
  readonly majorVersion: number | undefined;
  readonly flags: number;
  readonly timeline: number;
  /** Position of the segment's first byte in the WAL. */
  readonly start: Lsn;
  readonly systemIdentifier: bigint;
  readonly segmentBytes: number;
  readonly pageBytes: number;
}

/** Bytes of the header; {@link readSegmentHeader} needs that many. */
export const segmentHeaderBytes = 40;

const longHeader = 0x0002;
const allFlags = 0x000f;
const lowestMagic = 0xd061;
const highestMagic = 0xd1ff;

const majorVersions: ReadonlyMap<number, number> = new Map([
  [0xd106, 13],
  [0xd10d, 14],
  [0xd110, 15],
  [0xd113, 16],
  [0xd116, 17],
  [0xd118, 18],
]);

/**
 * Reads the header at the start of a segment.
 *
 * @param bytes the beginning of the file, at least {@link segmentHeaderBytes}
 * @returns undefined when these are not the first bytes of a WAL segment: too short, no WAL magic, no long header, or
 *   impossible flags
 */
export function readSegmentHeader(bytes: Uint8Array): SegmentHeader | undefined {
  if (bytes.length < segmentHeaderBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, segmentHeaderBytes);
  const magic = view.getUint16(0, true);
  const flags = view.getUint16(2, true);
  if (magic < lowestMagic || magic > highestMagic) return undefined;
  if ((flags & longHeader) === 0 || (flags & ~allFlags) !== 0) return undefined;
  return {
    magic,
    majorVersion: majorVersions.get(magic),
    flags,
    timeline: view.getUint32(4, true),
    start: toLsn(view.getBigUint64(8, true)),
    systemIdentifier: view.getBigUint64(24, true),
    segmentBytes: view.getUint32(32, true),
    pageBytes: view.getUint32(36, true),
  };
}
