/** Which backup WAL must be complete from: the rules of `postgres-commands.md` 13.1. Pure. */
import type { BackupRecord } from '../backup/backup-record.ts';
import type { TimelineSwitch } from '../timeline.ts';
import { parseSegmentName, type SegmentId } from '../wal-segment.ts';

/** The server and its WAL, as far as a backup must fit them. */
export interface Lineage {
  readonly timeline: number;
  /** Of that timeline; empty when there is none. */
  readonly history: readonly TimelineSwitch[];
  readonly segmentBytes: number;
  /** Undefined: backups of any cluster count. */
  readonly systemIdentifier: bigint | undefined;
}

/** A backup, and where its WAL begins or why it is left aside. */
export type JudgedBackup =
  | { readonly record: BackupRecord; readonly start: SegmentId; readonly objection?: undefined }
  | { readonly record: BackupRecord; readonly start?: undefined; readonly objection: string };

/** Whether WAL is wanted from this backup on; permanent backups have what they need apart from the rest. */
export function judgeBackup(
  record: BackupRecord,
  lineage: Lineage,
  { permanentToo = false }: { readonly permanentToo?: boolean } = {},
): JudgedBackup {
  const start = parseSegmentName(record.walFileName, lineage.segmentBytes);
  const objection =
    start === undefined ? 'its name does not say where its WAL begins' : objectionTo(record, start, lineage);
  if (start === undefined || objection !== undefined) return { record, objection: objection ?? '' };
  if (record.metadata?.isPermanent === true && !permanentToo) return { record, objection: 'it is permanent' };
  return { record, start };
}

function objectionTo(
  { metadata }: BackupRecord,
  { timeline, number }: SegmentId,
  { timeline: current, history, segmentBytes, systemIdentifier }: Lineage,
): string | undefined {
  const cluster = metadata?.systemIdentifier;
  if (systemIdentifier !== undefined && cluster !== undefined && cluster !== systemIdentifier) {
    return `it is of another cluster, ${cluster}`;
  }
  if (history.length === 0) return undefined;
  const segmentOfSwitch = (one: TimelineSwitch | undefined) => one && one.switchLsn / BigInt(segmentBytes);
  const index = history.findIndex((one) => one.timeline === timeline);
  if (index === -1 && timeline !== current) return `its timeline ${timeline} does not lead to timeline ${current}`;
  const begin = segmentOfSwitch(history[index === -1 ? history.length - 1 : index - 1]);
  if (begin !== undefined && number < begin) return `its timeline ${timeline} began after it`;
  const end = index === -1 ? undefined : segmentOfSwitch(history[index]);
  return end !== undefined && number >= end
    ? `its timeline ${timeline} was left before it, on the way to timeline ${current}`
    : undefined;
}

/** The backup whose WAL begins first. */
export function earliestOf(
  judged: readonly JudgedBackup[],
): (JudgedBackup & { readonly start: SegmentId }) | undefined {
  return judged
    .filter((one): one is JudgedBackup & { readonly start: SegmentId } => one.start !== undefined)
    .reduce<(JudgedBackup & { readonly start: SegmentId }) | undefined>(
      (first, one) => (first === undefined || one.start.number < first.start.number ? one : first),
      undefined,
    );
}
