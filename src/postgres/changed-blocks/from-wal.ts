/**
 * Which blocks changed, from WAL: the `_delta` objects of whole groups of 16 segments, and, where there are none, the
 * segments themselves, from `pg_wal` or from the archive.
 */
import { join } from 'node:path';
import { collect } from '../../bytes/stage.ts';
import { walKey } from '../../catalog/layout.ts';
import { ArchiverError, CorruptError, messageOf } from '../../errors.ts';
import { openObject } from '../../pipeline/find-object.ts';
import { toLsn } from '../lsn.ts';
import { historyFileName, parseTimelineHistory, spansOf, timelineAt, type TimelineSpan } from '../timeline.ts';
import { openLocalFile } from '../../pipeline/local-file.ts';
import { segmentHeaderBytes } from '../wal-page.ts';
import { RecordChain } from '../wal-records/record-chain.ts';
import { layoutOf } from '../wal-records/layout.ts';
import { scanSegment, type ScannedSegment } from '../wal-records/scan-segment.ts';
import { nextSegment, segmentName, segmentStart, type SegmentId } from '../wal-segment.ts';
import { BlockSets } from './block-sets.ts';
import type { ChangedBlocks, ChangedBlocksSources, ChangedRange, ChangesUnknown } from './changed-blocks.ts';
import { deltaFileName, groupOf, groupSegments, readDeltaFile } from './delta-file.ts';

/** More segments than these are not read one by one: scanning the files takes less time. */
const mostSegments = 64;
const longestHistoryBytes = 1024 * 1024;

/** Where WAL is. */
export type WalSources = Pick<ChangedBlocksSources, 'archive' | 'dataDirectory' | 'logger' | 'signal'>;

/**
 * Reads the WAL of the range.
 *
 * @returns a reason where WAL is missing, damaged or does not tell all changes
 * @throws the signal's reason; what is no error of this program's own kinds
 */
export async function changesFromWal(
  range: ChangedRange,
  sources: WalSources,
): Promise<ChangedBlocks | ChangesUnknown> {
  try {
    return await new WalReading(range, sources).read();
  } catch (error) {
    sources.signal.throwIfAborted();
    if (!(error instanceof ArchiverError) || error.kind === 'unexpected') throw error;
    return { reason: messageOf(error) };
  }
}

class WalReading {
  readonly #range: ChangedRange;
  readonly #sources: WalSources;
  readonly #sets = new BlockSets();
  #chain = new RecordChain(this.#sets);
  #spans: readonly TimelineSpan[] = [];
  #groups = 0;
  #segments = 0;

  constructor(range: ChangedRange, sources: WalSources) {
    this.#range = range;
    this.#sources = sources;
  }

  async read(): Promise<ChangedBlocks | ChangesUnknown> {
    const { from, to, timeline, segmentBytes } = this.#range;
    if (to < from) return { reason: 'the new backup starts before its base' };
    this.#spans = await readHistory(timeline, this.#sources);
    const size = BigInt(segmentBytes);
    // Nothing but its header is before the end: a segment that has only begun need not be anywhere yet.
    const last = (to - BigInt(segmentHeaderBytes) - 1n) / size;
    let number = from / size;
    while (number <= last) {
      const id = this.#idOf(number);
      const end = groupOf(id).number + groupSegments;
      if (end <= last + 1n && this.#idOf(end - 1n).timeline === id.timeline && (await this.#group(id))) {
        number = end;
        continue;
      }
      for (; number < end && number <= last; number += 1n) {
        if (this.#segments === mostSegments) {
          return { reason: `delta files are missing for more than ${mostSegments} WAL segments` };
        }
        await this.#segment(this.#idOf(number));
      }
    }
    if (this.#sets.isUnlogged) return { reason: 'the server ran with wal_level = minimal' };
    const source = `WAL (${this.#groups} delta files, ${this.#segments} segments)`;
    return { of: (file) => this.#sets.of(file), source };
  }

  /** The first segment of a timeline begins with a copy of what its ancestor had written. */
  #idOf(number: bigint): SegmentId {
    const { to, segmentBytes } = this.#range;
    const end = segmentStart(nextSegment({ timeline: 0, number }), segmentBytes);
    return { timeline: timelineAt(this.#spans, toLsn((end < to ? end : to) - 1n)), number };
  }

  /** @returns false when the group has no object, or one that does not tell everything */
  async #group(id: SegmentId): Promise<boolean> {
    const { archive, logger, signal } = this.#sources;
    const name = deltaFileName(groupOf(id), this.#range.segmentBytes);
    const object = await openObject(archive, walKey(name), { signal });
    if (object === undefined) return false;
    let content;
    try {
      content = await readDeltaFile(object.bytes, this.#sets);
    } catch (error) {
      if (!(error instanceof CorruptError)) throw error;
      logger.warn('a delta file is damaged, reading its WAL segments instead', {
        key: object.key,
        reason: error.message,
      });
      return false;
    }
    if (!content.isOurs) {
      logger.debug('a delta file of WAL-G does not tell of cut relations, reading its WAL segments instead', { name });
      return false;
    }
    this.#chain = new RecordChain(this.#sets, content.begun);
    this.#groups += 1;
    return true;
  }

  async #segment(id: SegmentId): Promise<void> {
    const { edges, magic } = (await this.#scanLocal(id)) ?? (await this.#scanArchived(id));
    this.#chain.follow(edges, layoutOf(magic));
    this.#segments += 1;
  }

  /** @returns undefined when it is not there any more, or is another one by now */
  async #scanLocal(id: SegmentId): Promise<ScannedSegment | undefined> {
    const { dataDirectory, logger, signal } = this.#sources;
    const name = segmentName(id, this.#range.segmentBytes);
    let file;
    try {
      file = openLocalFile(join(dataDirectory, 'pg_wal', name));
    } catch {
      return undefined;
    }
    try {
      return await scanSegment(file.content(), this.#scanOptions(id));
    } catch (error) {
      signal.throwIfAborted();
      logger.debug('cannot read a local WAL segment, reading the archived one', { name, reason: messageOf(error) });
      return undefined;
    } finally {
      file.close();
    }
  }

  async #scanArchived(id: SegmentId): Promise<ScannedSegment> {
    const { archive, signal } = this.#sources;
    const name = segmentName(id, this.#range.segmentBytes);
    const object = await openObject(archive, walKey(name), { signal });
    if (object === undefined) throw new ArchiverError('missing', `WAL segment "${name}" is not in the archive`);
    return scanSegment(object.bytes, this.#scanOptions(id));
  }

  #scanOptions(id: SegmentId): Parameters<typeof scanSegment>[1] {
    const { from, to, segmentBytes } = this.#range;
    return {
      start: Number(segmentStart(id, segmentBytes)),
      from: Number(from),
      limit: Number(to),
      segmentBytes,
      listener: this.#sets,
      signal: this.#sources.signal,
    };
  }
}

/**
 * The way to a timeline.
 *
 * @throws ArchiverError `missing` when its history is neither in `pg_wal` nor in the archive
 */
export async function readHistory(
  timeline: number,
  { archive, dataDirectory, signal }: WalSources,
): Promise<readonly TimelineSpan[]> {
  if (timeline === 1) return spansOf(timeline, []);
  const name = historyFileName(timeline);
  let file;
  try {
    file = openLocalFile(join(dataDirectory, 'pg_wal', name));
  } catch {
    file = undefined;
  }
  let text;
  try {
    const bytes = file?.content() ?? (await openObject(archive, walKey(name), { signal }))?.bytes;
    if (bytes === undefined) throw new ArchiverError('missing', `timeline history "${name}" is not in the archive`);
    text = (await collect(bytes, longestHistoryBytes)).toString();
  } finally {
    file?.close();
  }
  return spansOf(timeline, parseTimelineHistory(text, timeline));
}
