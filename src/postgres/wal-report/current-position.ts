/** Where the WAL of the cluster ends now, which is up to where the archive should reach. */
import type { PostgresServer } from '../server/server.ts';
import { toLsn, type Lsn } from '../lsn.ts';
import { segmentOf, type SegmentId } from '../wal-segment.ts';
import type { ListedWal } from './listed-wal.ts';

/** The end of the WAL, and who told it. */
export interface CurrentPosition {
  /** The segment of the last byte. */
  readonly segment: SegmentId;
  /** The storage knows nothing of what was never archived. */
  readonly toldBy: 'server' | 'user' | 'storage';
  /** Undefined when it is not known. */
  readonly systemIdentifier: bigint | undefined;
}

/** Asks the server. @throws as the calls of `PostgresServer` */
export async function positionOfServer(server: PostgresServer): Promise<CurrentPosition> {
  const lsn = await server.currentLsn();
  const timeline = await server.currentTimeline();
  const segment = segmentOfLastByte(lsn, timeline, server.segmentBytes);
  return { segment, toldBy: 'server', systemIdentifier: server.systemIdentifier };
}

/** The position that a user gives. */
export function positionOfUser(timeline: number, lsn: Lsn, segmentBytes: number): CurrentPosition {
  return { segment: segmentOfLastByte(lsn, timeline, segmentBytes), toldBy: 'user', systemIdentifier: undefined };
}

/** Just behind the newest segment of the highest timeline with any; undefined when there is none. */
export function positionOfStorage(
  { segments }: ListedWal,
  systemIdentifier: bigint | undefined,
): CurrentPosition | undefined {
  const [timeline, runs] = [...segments].at(-1) ?? [];
  const last = runs?.at(-1)?.last;
  if (timeline === undefined || last === undefined) return undefined;
  return { segment: { timeline, number: last + 1n }, toldBy: 'storage', systemIdentifier };
}

/** The position is where the next byte comes. */
function segmentOfLastByte(lsn: Lsn, timeline: number, segmentBytes: number): SegmentId {
  return segmentOf(toLsn(lsn === 0n ? 0n : lsn - 1n), timeline, segmentBytes);
}
