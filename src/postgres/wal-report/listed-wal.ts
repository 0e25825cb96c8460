/** What WAL an archive lists: the segments of every timeline and how the timelines descend from each other. */
import { walFolder } from '../../catalog/layout.ts';
import { withoutExtension } from '../../codecs/open.ts';
import { ArchiverError } from '../../errors.ts';
import { mapConcurrently } from '../../pipeline/concurrency.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Key } from '../../storage/storage.ts';
import { readHistoryOrProblem } from '../history-files.ts';
import { parseHistoryFileName, type TimelineSwitch } from '../timeline.ts';
import { isSegmentName, parseSegmentName } from '../wal-segment.ts';
import { SegmentCollector, type SegmentRuns } from './segment-runs.ts';

/** A view of `wal_005/` at one moment, in memory that grows with its gaps and not with its segments. */
export interface ListedWal {
  readonly segmentBytes: number;
  /** By timeline, ascending. */
  readonly segments: ReadonlyMap<number, SegmentRuns>;
  /** Ancestors of every timeline whose history file could be read. */
  readonly histories: ReadonlyMap<number, readonly TimelineSwitch[]>;
  /** Why other history files could not be read: damage, or a key that is not here. */
  readonly unreadableHistories: ReadonlyMap<number, ArchiverError>;
  /** A name that no segment of this size has: the size is wrong, and so is all that is said of gaps. */
  readonly misfit: string | undefined;
  /** The highest of which there is a segment or a history file, readable or not; 0 when there is none. */
  readonly highestTimeline: number;
}

/** What reading it needs. */
export interface ListWalOptions {
  readonly segmentBytes: number;
  readonly signal: AbortSignal;
}

const historiesAtOnce = 8;

/** Lists the archive and reads its history files. Only whole segments count. @throws the storage's errors */
export async function listWal(transport: Transport, options: ListWalOptions): Promise<ListedWal> {
  const { segmentBytes, signal } = options;
  const segments = new SegmentCollector();
  const historyKeys = new Map<number, Key>();
  let misfit: string | undefined;
  for await (const entry of transport.storage.list(walFolder, { signal })) {
    if (entry.kind !== 'object') continue;
    const name = withoutExtension(entry.key.slice(walFolder.length + 1));
    const timeline = parseHistoryFileName(name);
    if (timeline !== undefined) historyKeys.set(timeline, entry.key);
    if (!isSegmentName(name)) continue;
    const segment = parseSegmentName(name, segmentBytes);
    if (segment !== undefined) segments.add(segment);
    else misfit ??= name;
  }
  const runs = segments.runs();
  const histories = new Map<number, readonly TimelineSwitch[]>();
  const unreadableHistories = new Map<number, ArchiverError>();
  await mapConcurrently([...historyKeys], historiesAtOnce, async ([timeline, key]) => {
    const read = await readHistoryOrProblem(transport, { timeline, key }, { signal });
    if (read instanceof ArchiverError) unreadableHistories.set(timeline, read);
    else histories.set(timeline, read);
  });
  const highestTimeline = [...runs.keys(), ...historyKeys.keys()].reduce((a, b) => Math.max(a, b), 0);
  return { segmentBytes, segments: runs, histories, unreadableHistories, misfit, highestTimeline };
}

/** The segments of one timeline; none when it has none. */
export function segmentsOfTimeline({ segments }: ListedWal, timeline: number): SegmentRuns {
  return segments.get(timeline) ?? [];
}

/** Says when the segments have another size than was assumed. */
export function warnOfMisfit({ misfit, segmentBytes }: ListedWal, logger: Logger): void {
  if (misfit === undefined) return;
  const size = segmentBytes / (1024 * 1024);
  logger.warn(`the archive has segments of another size than ${size} MiB: set WALG_PG_WAL_SIZE`, { segment: misfit });
}
