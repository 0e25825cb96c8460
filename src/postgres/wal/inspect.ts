/**
 * Looks at the first page of a WAL segment, to keep what does not belong under its name out of the archive, and out of a
 * server that recovers: PostgreSQL takes a segment that does not fit for the end of the WAL, and opens with lost data.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CorruptError, messageOf } from '../../errors.ts';
import type { Logger } from '../../platform/logger.ts';
import { formatLsn } from '../lsn.ts';
import { readControlFile } from '../pgdata.ts';
import { historyFileName, parseTimelineHistory, spansOf, timelineAt, type TimelineSwitch } from '../timeline.ts';
import { readSegmentHeader, type SegmentHeader } from '../wal-page.ts';
import { classifyWalFileName, isSegmentBytes, parseSegmentName, segmentStart, type SegmentId } from '../wal-segment.ts';

/** `WALG_WAL_CHECK`. */
export type WalCheck = 'strict' | 'warn' | 'off';

/** What there is to look at. */
export interface WalFileFacts {
  /** The name it has, or is to have, in the archive. */
  readonly name: string;
  readonly sizeBytes: number;
  /** At least the first `segmentHeaderBytes`, unless it is shorter. */
  readonly head: Uint8Array;
  /** Folder of its neighbours, for the history of its timeline. */
  readonly walDirectory: string;
  /** Data directory of its cluster, if that is known. */
  readonly dataDirectory: string | undefined;
}

/** `mismatch`: it says of itself that it is something else. `unknown`: it says nothing. */
export type WalVerdict = { readonly kind: 'fine' } | { readonly kind: 'mismatch' | 'unknown'; readonly reason: string };

/** A segment that is not what its name and its cluster say. */
export class WalMismatchError extends CorruptError {
  constructor(name: string, reason: string) {
    super(`WAL file "${name}" is not what it should be: ${reason}`, {
      hint: 'Find out where this file comes from: another cluster, a damaged disk? WALG_WAL_CHECK=warn lets it pass.',
    });
  }
}

const fine: WalVerdict = { kind: 'fine' };

/** Compares a file's name, its contents and its cluster. Histories and labels are fine: they have no header. */
export function inspectWalFile(facts: WalFileFacts, logger: Logger): WalVerdict {
  const kind = classifyWalFileName(facts.name);
  if (kind === 'history' || kind === 'backup') return fine;
  if (kind === 'other') return { kind: 'unknown', reason: 'its name is not that of a WAL file' };
  if (facts.sizeBytes === 0) return { kind: 'mismatch', reason: 'it is empty' };
  const header = readSegmentHeader(facts.head);
  if (header === undefined) return { kind: 'unknown', reason: 'it does not begin like a WAL segment' };
  const reason = mismatchOf(facts, header) ?? clusterMismatchOf(facts, header, logger);
  return reason === undefined ? fine : { kind: 'mismatch', reason };
}

function mismatchOf({ name, sizeBytes, walDirectory }: WalFileFacts, header: SegmentHeader): string | undefined {
  const { segmentBytes, start } = header;
  if (!isSegmentBytes(segmentBytes)) return `its header names an impossible segment size, ${segmentBytes} bytes`;
  if (sizeBytes !== segmentBytes) return `it has ${sizeBytes} bytes, and its header says ${segmentBytes}`;
  const id = parseSegmentName(name.slice(0, 24), segmentBytes);
  if (id === undefined) return `no segment of ${segmentBytes} bytes has this name`;
  const expected = segmentStart(id, segmentBytes);
  if (start !== expected) {
    return `its header is that of position ${formatLsn(start)}, and its name that of ${formatLsn(expected)}`;
  }
  return timelineMismatchOf(id, header, walDirectory);
}

/** The first segment of a timeline begins with pages of its ancestor, copied at the switch. */
function timelineMismatchOf({ timeline }: SegmentId, header: SegmentHeader, walDirectory: string): string | undefined {
  if (header.timeline === timeline) return undefined;
  const wrong = `its header is of timeline ${header.timeline}, and its name of ${timeline}`;
  if (header.timeline > timeline) return wrong;
  const history = historyOf(timeline, walDirectory);
  if (history === undefined || timelineAt(spansOf(timeline, history), header.start) === header.timeline) {
    return undefined;
  }
  return wrong;
}

function historyOf(timeline: number, walDirectory: string): readonly TimelineSwitch[] | undefined {
  try {
    return parseTimelineHistory(readFileSync(join(walDirectory, historyFileName(timeline)), 'utf8'), timeline);
  } catch {
    return undefined;
  }
}

function clusterMismatchOf(facts: WalFileFacts, header: SegmentHeader, logger: Logger): string | undefined {
  if (facts.dataDirectory === undefined) return undefined;
  let control;
  try {
    control = readControlFile(facts.dataDirectory);
  } catch (error) {
    logger.debug('cannot compare with pg_control', { dataDirectory: facts.dataDirectory, reason: messageOf(error) });
    return undefined;
  }
  if (header.systemIdentifier !== control.systemIdentifier) {
    return `it is of the cluster ${header.systemIdentifier}, and pg_control beside it of ${control.systemIdentifier}`;
  }
  if (header.segmentBytes !== control.segmentBytes) {
    return `its header names segments of ${header.segmentBytes} bytes, and pg_control beside it ${control.segmentBytes}`;
  }
  return undefined;
}
