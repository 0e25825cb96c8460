/** Reads one archived WAL segment to its end, page by page and record by record, in a worker thread. */
import { ByteReader } from '../../bytes/reader.ts';
import { counted, type ByteSource } from '../../bytes/stage.ts';
import { ArchiverError, CorruptError } from '../../errors.ts';
import { decoding } from '../../pipeline/transport.ts';
import type { WorkerJob } from '../../pipeline/worker-protocol.ts';
import type { WorkerContext } from '../../pipeline/worker-thread.ts';
import { StorageForbiddenError } from '../../storage/errors.ts';
import type { Key } from '../../storage/storage.ts';
import { formatLsn } from '../lsn.ts';
import { readSegmentHeader, segmentHeaderBytes } from '../wal-page.ts';
import type { ChangeListener } from '../wal-records/block-references.ts';
import { SegmentScanner, type SegmentEdges } from '../wal-records/segment-scanner.ts';
import { segmentStart, type SegmentId } from '../wal-segment.ts';
import type { SuspectPage } from '../../catalog/verify/report.ts';
import { createSuspectBlocks } from './suspect-blocks.ts';

/** One segment to read. */
export interface VerifySegmentJob extends WorkerJob {
  readonly kind: 'verifySegment';
  readonly key: Key;
  readonly segment: SegmentId;
  readonly segmentBytes: number;
  /** Undefined: not recorded. */
  readonly systemIdentifier: bigint | undefined;
  /** Timelines that its pages may be of: its own, and those that its own descends from. */
  readonly timelines: readonly number[];
  /** Position behind the last record of interest; undefined: the segment is to be full of records. */
  readonly limit: number | undefined;
  /** Pages to look for. */
  readonly suspects: readonly Pick<SuspectPage, 'file' | 'page'>[];
}

/** What was found. */
export interface VerifiedSegment {
  readonly storedBytes: number;
  readonly edges: SegmentEdges;
  readonly magic: number;
  /** Positions in the list of suspects. */
  readonly found: readonly number[];
}

const bytesAtOnce = 256 * 1024;

/** @throws CorruptError when it is damaged or another segment; whatever the storage fails with */
export async function runVerifySegment(context: WorkerContext, job: VerifySegmentJob): Promise<VerifiedSegment> {
  const { transport, signal } = context;
  let storedBytes = 0;
  const report = counted((bytes) => {
    context.progress(bytes);
    storedBytes += bytes;
  });
  try {
    const decode = await decoding(transport, job.key);
    const suspects = createSuspectBlocks(job.suspects);
    const scanner = await scanAll(
      decode(report(await transport.storage.read(job.key, { signal }))),
      job,
      suspects.listener,
    );
    // Copies: what they lie in is much larger.
    const { head, tail, ...edges } = scanner.edges();
    const copied = { ...edges, head: Uint8Array.from(head), tail: Uint8Array.from(tail) };
    return { storedBytes, edges: copied, magic: scanner.magic, found: [...suspects.found] };
  } catch (error) {
    context.progress(-storedBytes);
    if (!(error instanceof ArchiverError) || error instanceof StorageForbiddenError || error.kind !== 'forbidden') {
      throw error;
    }
    throw new CorruptError(`cannot be decrypted: ${error.message}`, { cause: error });
  }
}

async function scanAll(source: ByteSource, job: VerifySegmentJob, listener: ChangeListener): Promise<SegmentScanner> {
  const { segment, segmentBytes, limit } = job;
  const scanner = new SegmentScanner({ start: Number(segmentStart(segment, segmentBytes)), listener, limit });
  const reader = new ByteReader(source);
  try {
    let position = 0;
    let pageBytes = bytesAtOnce;
    for (;;) {
      const bytes = await reader.read(bytesAtOnce);
      if (bytes.length === 0) break;
      if (position === 0) pageBytes = checkHeader(bytes, job);
      position += bytes.length;
      if (position > segmentBytes) throw new CorruptError(`has more than ${segmentBytes} bytes`);
      // What is behind the end of its records says nothing, but has to be readable all the same.
      if (scanner.ended) continue;
      checkTimelines(bytes, pageBytes, job);
      scanner.pages(bytes);
    }
    if (position !== segmentBytes) throw new CorruptError(`is cut off after ${position} of ${segmentBytes} bytes`);
    return scanner;
  } finally {
    await reader.close();
  }
}

/** @returns the size of its pages */
function checkHeader(
  bytes: Uint8Array,
  { segment, segmentBytes, systemIdentifier, timelines }: VerifySegmentJob,
): number {
  const header = readSegmentHeader(bytes.subarray(0, segmentHeaderBytes));
  if (header === undefined) throw new CorruptError('does not begin like a WAL segment');
  const start = segmentStart(segment, segmentBytes);
  if (header.segmentBytes !== segmentBytes) throw new CorruptError(`is of segments of ${header.segmentBytes} bytes`);
  if (header.start !== start) {
    throw new CorruptError(`is of position ${formatLsn(header.start)}, and its name of ${formatLsn(start)}`);
  }
  if (!timelines.includes(header.timeline)) throw wrongTimeline(header.timeline);
  if (systemIdentifier !== undefined && header.systemIdentifier !== systemIdentifier) {
    throw new CorruptError(`is of cluster ${header.systemIdentifier}, the backup is of cluster ${systemIdentifier}`);
  }
  return header.pageBytes;
}

function checkTimelines(bytes: Uint8Array, pageBytes: number, { timelines }: VerifySegmentJob): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at + 8 <= bytes.length; at += pageBytes) {
    const timeline = view.getUint32(at + 4, true);
    // Behind the last record there may be pages of zeros.
    if (view.getUint16(at, true) !== 0 && !timelines.includes(timeline)) throw wrongTimeline(timeline);
  }
}

function wrongTimeline(timeline: number): CorruptError {
  return new CorruptError(`has pages of timeline ${timeline}`);
}
