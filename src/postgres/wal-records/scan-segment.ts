/** Reads a whole WAL segment from a stream of bytes. */
import { ByteReader } from '../../bytes/reader.ts';
import type { ByteSource } from '../../bytes/stage.ts';
import { createTurns } from '../../bytes/turns.ts';
import { CorruptError } from '../../errors.ts';
import { SegmentScanner, type ScanOptions, type SegmentEdges } from './segment-scanner.ts';

/** Whole pages, whatever size they have. */
const bytesAtOnce = 256 * 1024;

/** What was read. */
export interface ScannedSegment {
  readonly edges: SegmentEdges;
  /** Of its pages: tells the version. */
  readonly magic: number;
}

/**
 * Reads the records of a segment, up to `options.limit` or its end.
 *
 * @param source is ended early when the rest of it says nothing
 * @throws CorruptError when it is not a whole segment; whatever the source throws; the signal's reason
 */
export async function scanSegment(
  source: ByteSource,
  options: ScanOptions & { readonly segmentBytes: number; readonly signal: AbortSignal },
): Promise<ScannedSegment> {
  const { segmentBytes, signal } = options;
  const scanner = new SegmentScanner(options);
  const reader = new ByteReader(source);
  const turn = createTurns();
  try {
    for (let position = 0; position < segmentBytes && !scanner.ended;) {
      const bytes = await reader.read(Math.min(bytesAtOnce, segmentBytes - position));
      if (bytes.length === 0) throw new CorruptError(`a WAL segment is cut off after ${position} bytes`);
      scanner.pages(bytes);
      position += bytes.length;
      await turn();
      signal.throwIfAborted();
    }
  } finally {
    await reader.close();
  }
  return { edges: scanner.edges(), magic: scanner.magic };
}
