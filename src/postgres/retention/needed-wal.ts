/**
 * Which WAL the kept backups need. WAL has no system identifier in its names, so nothing is concluded from them but this:
 * recovery never reads a segment with a number below that of the segment it begins in, on no timeline, of no system.
 * `docs/retention.md` has the whole rule. Pure.
 */
import type { KeptLog } from '../../catalog/retention/policy.ts';
import { modifiedOf, type TimeNs } from '../../catalog/time.ts';
import { ArchiverError } from '../../errors.ts';
import type { ArchivedBackup, Inventory, WalObject } from '../inventory/inventory.ts';
import { toLsn, type Lsn } from '../lsn.ts';
import { parseSegmentName, segmentOf } from '../wal-segment.ts';
import { segmentRanges, type SegmentRanges, type Stretch } from './segment-ranges.ts';

/** The WAL that must stay. */
export interface NeededWal {
  /** All segments from this number on, of every timeline; undefined: nothing follows a backup. */
  readonly from: bigint | undefined;
  /** What makes backups consistent that are older. */
  readonly ranges: SegmentRanges;
  /**
   * What was stored later than this is not taken for old, whatever its number: it may be of a new system, of which there is no
   * backup yet. Undefined: no such rule.
   */
  readonly storedUntil: TimeNs | undefined;
}

/** A backup that stays, with what is to stay for it. */
export interface KeptBackupWal {
  readonly backup: ArchivedBackup;
  readonly wal: KeptLog;
}

/**
 * The WAL that kept backups need, and those that are being made, of which only the first segment is known.
 *
 * @param kept oldest first
 * @param running segment numbers; undefined: one is not known
 */
export function neededWal(
  kept: readonly KeptBackupWal[],
  running: readonly (bigint | undefined)[],
  inventories: readonly Inventory[],
): NeededWal {
  const segmentBytes = inventories[0]?.segmentBytes ?? 1;
  const stretches: Stretch[] = [];
  const starts: bigint[] = running.map((number) => number ?? 0n);
  for (const { backup, wal } of kept) {
    const stretch = wal === 'consistent' ? stretchOf(backup, segmentBytes) : undefined;
    if (stretch !== undefined) stretches.push(stretch);
    else starts.push(startOf(backup, segmentBytes) ?? 0n);
  }
  const from = starts.reduce<bigint | undefined>(
    (least, n) => (least === undefined || n < least ? n : least),
    undefined,
  );
  const follows = kept.some(({ wal }) => wal === 'following');
  return {
    from,
    ranges: segmentRanges(stretches),
    storedUntil: follows ? lastStored(kept, from, inventories) : undefined,
  };
}

/** When the newest backup was completed, or the newest WAL of its timeline stored. */
function lastStored(
  kept: readonly KeptBackupWal[],
  from: bigint | undefined,
  inventories: readonly Inventory[],
): TimeNs {
  let last = kept.reduce((newest, { backup: { entry } }) => (entry.modified > newest ? entry.modified : newest), 0n);
  const timeline = kept.at(-1)?.backup.startSegment?.timeline;
  for (const { wal } of inventories) {
    for (const { kind, segment, object } of wal) {
      if (kind !== 'segment' || segment === undefined || from === undefined || segment.number < from) continue;
      if (segment.timeline !== timeline) continue;
      const stored = modifiedOf(object);
      if (stored > last) last = stored;
    }
  }
  return last;
}

/** Number of the segment that recovery from a backup begins in. */
function startOf({ startSegment, sentinel }: ArchivedBackup, segmentBytes: number): bigint | undefined {
  if (startSegment !== undefined) return startSegment.number;
  const lsn = sentinel?.startLsn;
  return lsn === undefined ? undefined : before(lsn, segmentBytes);
}

/** From the start of a backup to its end; undefined when its end is not known. */
function stretchOf({ startSegment, sentinel, metadata }: ArchivedBackup, segmentBytes: number): Stretch | undefined {
  const start = sentinel?.startLsn ?? metadata?.startLsn;
  const finish = sentinel?.finishLsn ?? metadata?.finishLsn;
  if (startSegment === undefined || start === undefined || finish === undefined || finish < start) return undefined;
  return {
    firstTimeline: startSegment.timeline,
    lastTimeline: Math.max(startSegment.timeline, sentinel?.finishTimeline ?? 0),
    first: before(start, segmentBytes),
    last: before(finish, segmentBytes),
  };
}

/** The segment of the byte before a position, as WAL-G counts. */
function before(lsn: Lsn, segmentBytes: number): bigint {
  return segmentOf(toLsn(lsn > 0n ? lsn - 1n : 0n), 0, segmentBytes).number;
}

/** The segments that an object of `wal_005/` is about, first and last; undefined when it is about none. */
function segmentsOf({ kind, name, segment }: WalObject, segmentBytes: number): readonly [bigint, bigint] | undefined {
  if (kind !== 'note') return segment === undefined ? undefined : [segment.number, segment.number];
  const group = /^([0-9A-F]{23})\.json$/.exec(name)?.[1];
  if (group !== undefined) {
    const first = parseSegmentName(`${group}0`, segmentBytes);
    const last = parseSegmentName(`${group}F`, segmentBytes);
    return first === undefined || last === undefined ? undefined : [first.number, last.number];
  }
  if (segment === undefined) return undefined;
  return [segment.number, name.endsWith('_delta') ? segment.number + 15n : segment.number];
}

/** Objects of `wal_005/` by whether they are of any use; history files of timelines are in none of them. */
export interface SortedWal {
  /** The oldest first. */
  readonly old: readonly WalObject[];
  /** How many would be among the old ones, were they not stored last. */
  readonly young: number;
  /** Timelines of which something stays. */
  readonly timelines: ReadonlySet<number>;
}

/** Sorts the WAL of a storage. */
export function sortWal({ wal, segmentBytes }: Inventory, needed: NeededWal): SortedWal {
  const old: (readonly [bigint, WalObject])[] = [];
  const timelines = new Set<number>();
  let young = 0;
  for (const object of wal) {
    const about = segmentsOf(object, segmentBytes);
    if (about === undefined) continue;
    const [first, last] = about;
    const timeline = object.segment?.timeline ?? Number.parseInt(object.name.slice(0, 8), 16);
    const isNeeded = (needed.from !== undefined && last >= needed.from) || needed.ranges.touches(timeline, first, last);
    const isYoung = needed.storedUntil !== undefined && modifiedOf(object.object) > needed.storedUntil;
    if (!isNeeded && !isYoung) {
      old.push([first, object]);
      continue;
    }
    timelines.add(timeline);
    if (!isNeeded) young += 1;
  }
  old.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return { old: old.map(([, object]) => object), young, timelines };
}

/**
 * Makes sure that names of segments mean what they are taken for.
 *
 * @throws ArchiverError (`config`) when the segments have another size than the settings say
 */
export function checkSegmentSize(backups: readonly ArchivedBackup[], segmentBytes: number): void {
  for (const { name, startSegment, sentinel } of backups) {
    const lsn = sentinel?.startLsn;
    if (lsn === undefined || (startSegment === undefined && !/[0-9A-F]{24}/.test(name))) continue;
    const { number } = segmentOf(lsn, 0, segmentBytes);
    if (startSegment?.number === number || startSegment?.number === before(lsn, segmentBytes)) continue;
    throw new ArchiverError('config', `the WAL segments of "${name}" are not of ${segmentBytes} bytes`, {
      hint: 'Set WALG_PG_WAL_SIZE to the size of the segments in megabytes. When there are two, only "delete target" and "delete everything" can be used.',
    });
  }
}
