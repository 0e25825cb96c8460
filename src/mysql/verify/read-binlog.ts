/** Reads a whole binlog, checks each of its events, and whether positions are such that a replay can begin there. */
import type { ByteSource } from '../../bytes/stage.ts';
import { EventScanner } from '../binlog/events/scanner.ts';
import { BinlogSummarizer, type BinlogSummary } from '../binlog/events/summarize.ts';

/** What was read. */
export interface ReadBinlog {
  readonly summary: BinlogSummary;
  /** Those of the positions that are between no two events. */
  readonly within: readonly number[];
}

/**
 * @param options.positions where events are to begin, or the last one to end
 * @param options.mayBeCut it may end in the midst of an event
 * @throws CorruptError, EncryptedBinlogError; the source's errors
 */
export async function readBinlog(
  source: ByteSource,
  {
    name,
    positions,
    mayBeCut,
  }: { readonly name: string; readonly positions: readonly number[]; readonly mayBeCut: boolean },
): Promise<ReadBinlog> {
  const summarizer = new BinlogSummarizer(name);
  const scanner = positions.length === 0 ? undefined : new EventScanner({ name, keptBytes: 0 });
  const within = new Set(positions);
  for await (const chunk of source) {
    summarizer.add(chunk);
    for (const { start } of scanner?.scan(chunk) ?? []) within.delete(start);
  }
  if (scanner !== undefined) {
    within.delete(scanner.position);
    within.delete(4);
  }
  return { summary: summarizer.finish({ mayBeCut }), within: [...within] };
}
