/**
 * Makes `_delta` objects: notes what each archived segment changes, and stores a group of 16 when it is complete. It is
 * an extra: what fails here is told, and the backup scans files instead. Any number of processes may do it at once: the
 * same WAL gives the same notes and objects.
 */
import { walKey } from '../../catalog/layout.ts';
import { messageOf } from '../../errors.ts';
import { pushObject } from '../../pipeline/push-object.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Logger } from '../../platform/logger.ts';
import type { LocalFile } from '../../pipeline/local-file.ts';
import { readSegmentHeader, segmentHeaderBytes } from '../wal-page.ts';
import { isSegmentName, parseSegmentName, segmentName, segmentStart, type SegmentId } from '../wal-segment.ts';
import { RecordChain } from '../wal-records/record-chain.ts';
import { scanSegment } from '../wal-records/scan-segment.ts';
import { BlockSets } from './block-sets.ts';
import { deltaFileName, groupOf, groupSegments, signature, writeDeltaFile } from './delta-file.ts';
import { openSegmentNotes, type SegmentNote, type SegmentNotes } from './segment-note.ts';

/** What {@link recordSegment} needs. */
export interface RecorderOptions {
  /** Where the segments are, and the notes beside them. */
  readonly walDirectory: string;
  readonly transport: Transport;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** How many segments back notes of groups that never became complete are kept. */
const keptSegments = 64n;

/** Notes an archived segment, and stores what is complete. Never rejects: failures are warnings. Other files it ignores. */
export async function recordSegment(file: LocalFile, options: RecorderOptions): Promise<void> {
  if (!isSegmentName(file.name)) return;
  const { logger, signal, walDirectory } = options;
  try {
    const notes = openSegmentNotes(walDirectory);
    const noted = await note(file, notes, signal);
    if (noted === undefined) return;
    // The next group may have waited for the last segment of this one.
    const groups = [groupOf(noted.id), { ...groupOf(noted.id), number: groupOf(noted.id).number + groupSegments }];
    for (const first of groups) await storeGroup(first, noted.segmentBytes, { ...options, notes });
    prune(notes, noted.id, noted.segmentBytes);
  } catch (error) {
    if (signal.aborted) return;
    logger.warn('cannot note which blocks a WAL segment changes; delta backups may have to scan all files', {
      name: file.name,
      reason: messageOf(error),
    });
  }
}

async function note(
  file: LocalFile,
  notes: SegmentNotes,
  signal: AbortSignal,
): Promise<{ readonly id: SegmentId; readonly segmentBytes: number } | undefined> {
  const head = new Uint8Array(segmentHeaderBytes);
  const header = file.read(head, 0) < head.length ? undefined : readSegmentHeader(head);
  if (header?.segmentBytes !== file.sizeBytes) return undefined;
  const id = parseSegmentName(file.name, header.segmentBytes);
  if (id === undefined) return undefined;
  const { segmentBytes } = header;
  const sets = new BlockSets();
  const start = Number(segmentStart(id, segmentBytes));
  const { edges, magic } = await scanSegment(file.content(), { start, segmentBytes, listener: sets, signal });
  notes.write(file.name, { edges, isUnlogged: sets.isUnlogged, entries: [...sets] }, magic);
  return { id, segmentBytes };
}

async function storeGroup(
  first: SegmentId,
  segmentBytes: number,
  { notes, transport, logger, signal }: RecorderOptions & { readonly notes: SegmentNotes },
): Promise<void> {
  const nameOf = (offset: bigint): string =>
    segmentName({ timeline: first.timeline, number: first.number + offset }, segmentBytes);
  const names = Array.from({ length: Number(groupSegments) }, (_, index) => nameOf(BigInt(index)));
  const known = new Set(notes.names());
  if (!names.every((name) => known.has(name))) return;
  const before = first.number === 0n ? undefined : notes.read(nameOf(-1n));
  const group = join(names, before, notes);
  if (group === undefined) return;
  const key = walKey(deltaFileName(first, segmentBytes));
  if (group.sets.isUnlogged) {
    logger.warn('WAL was written with wal_level = minimal: what it changes cannot be noted', { name: names[0] });
  } else {
    const content = () => writeDeltaFile(withSignature(group.sets), group.begun);
    const { storedBytes } = await pushObject(transport, key, content, { signal, logger });
    logger.debug('stored which blocks 16 WAL segments change', { key, storedBytes });
  }
  // The last one stays: the next group may begin with the end of a record of it.
  for (const name of names.slice(0, -1)) notes.remove(name);
}

/** @returns undefined while something is missing */
function join(
  names: readonly string[],
  before: SegmentNote | undefined,
  notes: SegmentNotes,
): { readonly sets: BlockSets; readonly begun: Uint8Array } | undefined {
  const sets = new BlockSets();
  const chain = new RecordChain(sets);
  if (before !== undefined) chain.follow(before.edges, before.layout);
  for (const [index, name] of names.entries()) {
    const note = notes.read(name);
    if (note === undefined) return undefined;
    if (index === 0 && note.edges.start === 'continued' && chain.begun.length === 0) return undefined;
    chain.follow(note.edges, note.layout);
    if (note.isUnlogged) sets.unlogged();
    for (const { tablespaceOid, databaseOid, relfilenode, block } of note.entries) {
      sets.block(tablespaceOid, databaseOid, relfilenode, 0, block);
    }
  }
  return { sets, begun: chain.begun };
}

function* withSignature(sets: BlockSets): Iterable<typeof signature> {
  yield signature;
  yield* sets;
}

/** Notes of groups that cannot become complete any more, and files that a killed process has left. */
function prune(notes: SegmentNotes, { number }: SegmentId, segmentBytes: number): void {
  for (const name of notes.names()) {
    const id = parseSegmentName(name.slice(0, 24), segmentBytes);
    if (id === undefined || id.number < number - keptSegments) notes.remove(name);
  }
}
