/** What is known of whether the WAL of an archive can be read from end to end: one JSON object of our own. */
import { fromBytes } from '../../bytes/stage.ts';
import { readText } from '../../catalog/backup-store.ts';
import { JsonFields } from '../../catalog/json-fields.ts';
import { stringifyJson } from '../../catalog/json.ts';
import { formatTime, type TimeNs } from '../../catalog/time.ts';
import { CorruptError } from '../../errors.ts';
import { pushPlain } from '../../pipeline/push-object.ts';
import { ObjectNotFoundError } from '../../storage/errors.ts';
import type { Abortable, Key, Storage } from '../../storage/storage.ts';
import { parseProblems, problemJson } from '../../catalog/verify/report-json.ts';
import type { VerifyProblem, VerifyStatus } from '../../catalog/verify/report.ts';
import type { SegmentRange } from './segment-ranges.ts';

/** Where the report is. */
export const walReportKey: Key = 'walvault_verify_wal.json';

/** What was found out about the WAL that follows the backups. */
export interface WalReport {
  readonly status: VerifyStatus;
  /** When all of it was last found whole. */
  readonly provenAt: TimeNs | undefined;
  readonly checkedAt: TimeNs;
  /** Segments that have been read, of all that there were. */
  readonly segments: { readonly read: number; readonly total: number };
  readonly problems: readonly VerifyProblem[];
  readonly problemCount: number;
  /** What looks odd and is no damage. */
  readonly notes: readonly string[];
  /** A verification that a budget has interrupted; undefined: the last one came to its end. */
  readonly round: WalRound | undefined;
}

/** What a verification has done so far. */
export interface WalRound {
  readonly since: TimeNs;
  readonly done: readonly SegmentRange[];
  readonly problems: readonly VerifyProblem[];
  readonly problemCount: number;
}

const formatName = 'walvault verification of WAL';

/** Undefined: there is none, or it is damaged. @throws the storage's errors */
export async function readWalReport(storage: Storage, options: Abortable = {}): Promise<WalReport | undefined> {
  try {
    return parseWalReport(await readText(storage, walReportKey, options));
  } catch (error) {
    if (error instanceof ObjectNotFoundError || error instanceof CorruptError) return undefined;
    throw error;
  }
}

/** @throws the storage's errors */
export async function writeWalReport(storage: Storage, report: WalReport): Promise<void> {
  const text = formatWalReport(report);
  await pushPlain(storage, walReportKey, () => fromBytes(Buffer.from(text)));
}

/** Writes a report. */
export function formatWalReport({ round, ...report }: WalReport): string {
  return stringifyJson(
    {
      format: formatName,
      version: 1,
      status: report.status,
      provenAt: report.provenAt === undefined ? null : formatTime(report.provenAt),
      checkedAt: formatTime(report.checkedAt),
      segments: { ...report.segments },
      problems: report.problems.map(problemJson),
      problemCount: report.problemCount,
      notes: report.notes,
      round:
        round === undefined
          ? null
          : {
              since: formatTime(round.since),
              done: round.done.map(({ timeline, first, last }) => [timeline, first, last]),
              problems: round.problems.map(problemJson),
              problemCount: round.problemCount,
            },
    },
    { indent: 1 },
  );
}

/** Reads a report. @throws CorruptError when it is none */
export function parseWalReport(text: string): WalReport {
  const what = 'verification of WAL';
  const fields = JsonFields.parse(text, what);
  const status = fields.text('status');
  const isReport = fields.text('format') === formatName && fields.count('version') === 1;
  if (!isReport || (status !== 'proven' && status !== 'damaged' && status !== 'partial')) {
    throw new CorruptError(`${what} is no report`);
  }
  const segments = fields.required('segments', fields.object('segments'));
  const problems = parseProblems(fields, what);
  const round = fields.object('round');
  return {
    status,
    provenAt: fields.time('provenAt'),
    checkedAt: fields.required('checkedAt', fields.time('checkedAt')),
    segments: { read: segments.count('read') ?? 0, total: segments.count('total') ?? 0 },
    problems,
    problemCount: fields.count('problemCount') ?? problems.length,
    notes: fields.texts('notes') ?? [],
    round: round === undefined ? undefined : parseRound(round, what),
  };
}

function parseRound(fields: JsonFields, what: string): WalRound {
  const problems = parseProblems(fields, what);
  return {
    since: fields.required('since', fields.time('since')),
    done: rangesIn(fields, what),
    problems,
    problemCount: fields.count('problemCount') ?? problems.length,
  };
}

function rangesIn(round: JsonFields, what: string): readonly SegmentRange[] {
  const value = round.value('done');
  if (!Array.isArray(value)) throw new CorruptError(`${what} does not tell what was read`);
  return value.map((item: unknown) => {
    const [timeline, first, last] = (Array.isArray(item) ? item : []) as readonly unknown[];
    const isNumber = (part: unknown) => Number.isSafeInteger(part) || typeof part === 'bigint';
    if (![timeline, first, last].every(isNumber)) throw new CorruptError(`${what} does not tell what was read`);
    return { timeline: Number(timeline), first: BigInt(first as number), last: BigInt(last as number) };
  });
}
