/** Where the WAL ends in the partial segments of an archive, which `wal-fetch` gives a server in archive recovery. */
import { ByteReader } from '../../bytes/reader.ts';
import type { ByteSource } from '../../bytes/stage.ts';
import { createTurns } from '../../bytes/turns.ts';
import { ArchiverError, CorruptError } from '../../errors.ts';
import { readDecoded, type Transport } from '../../pipeline/transport.ts';
import type { Logger } from '../../platform/logger.ts';
import { toLsn, type Lsn } from '../lsn.ts';
import type { ChangeListener } from '../wal-records/block-references.ts';
import { SegmentScanner } from '../wal-records/segment-scanner.ts';
import { segmentName, segmentStart } from '../wal-segment.ts';
import { archivedKey, type ArchivedWal, type PartialSegment } from './archived-wal.ts';

/** What is needed for it. */
export interface PartialServices {
  readonly transport: Transport;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

const bytesAtOnce = 256 * 1024;
const nobody: ChangeListener = {
  block: () => undefined,
  reset: () => undefined,
  databaseCopied: () => undefined,
  unlogged: () => undefined,
};

/**
 * The archive with the ends of its partial segments: of those that are not archived whole, too. One that cannot be read is
 * left out with a warning.
 *
 * @throws the storage's errors
 */
export async function withPartialEnds(wal: ArchivedWal, services: PartialServices): Promise<ArchivedWal> {
  const { transport, logger, signal } = services;
  const partials = new Map<number, Map<bigint, PartialSegment>>();
  for (const [timeline, ofTimeline] of wal.partials ?? []) {
    const known = new Map<bigint, PartialSegment>();
    for (const [number, { key }] of ofTimeline) {
      const id = { timeline, number };
      if (archivedKey(wal, id) !== undefined) continue;
      const start = segmentStart(id, wal.segmentBytes);
      try {
        const end = await endOfWal(await readDecoded(transport, key, { signal }), start, signal);
        if (end !== undefined) known.set(number, { key, end });
      } catch (error) {
        if (!(error instanceof ArchiverError) || !['corrupt', 'forbidden', 'missing'].includes(error.kind)) throw error;
        const name = segmentName(id, wal.segmentBytes);
        logger.warn('partial WAL segment left aside', { name, reason: error.message });
      }
    }
    partials.set(timeline, known);
  }
  return { ...wal, partials };
}

/**
 * Behind the beginning of the last whole record of a segment that ends anywhere.
 *
 * @returns undefined when no record begins in it
 */
async function endOfWal(source: ByteSource, start: Lsn, signal: AbortSignal): Promise<Lsn | undefined> {
  const scanner = new SegmentScanner({ start: Number(start), listener: nobody });
  const reader = new ByteReader(source);
  const turn = createTurns();
  try {
    while (!scanner.ended) {
      const bytes = await reader.read(bytesAtOnce);
      if (bytes.length === 0) break;
      try {
        scanner.pages(bytes);
      } catch (error) {
        // That is how the WAL of a partial segment ends.
        if (!(error instanceof CorruptError)) throw error;
        break;
      }
      await turn();
      signal.throwIfAborted();
    }
  } finally {
    await reader.close();
  }
  const { lastRecord } = scanner.edges();
  return lastRecord === undefined ? undefined : toLsn(BigInt(lastRecord) + 1n);
}
