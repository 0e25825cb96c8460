/**
 * What is known of whether a backup can be restored: one JSON object of our own for each backup that was verified, outside
 * of the folders that WAL-G looks at. Form: docs/storage-layout.md.
 */
import { fromBytes } from '../../bytes/stage.ts';
import { readText } from '../../catalog/backup-store.ts';
import { JsonFields } from '../../catalog/json-fields.ts';
import { stringifyJson, type JsonObject, type JsonValue } from '../../catalog/json.ts';
import { formatTime, type TimeNs } from '../../catalog/time.ts';
import { CorruptError } from '../../errors.ts';
import { mapConcurrently } from '../../pipeline/concurrency.ts';
import { pushPlain } from '../../pipeline/push-object.ts';
import { ObjectNotFoundError } from '../../storage/errors.ts';
import type { Abortable, Key, Storage } from '../../storage/storage.ts';

/** Folder of the reports, which holds nothing else. */
export const verifyFolder = 'walvault_verify';

const suffix = '.json';

/** Where the report of a backup is. It goes with its backup. */
export function verifyReportKey(backup: string): Key {
  return `${verifyFolder}/${backup}${suffix}`;
}

/**
 * `proven`: everything that a restore needs was read and found whole. `damaged`: something was not. `partial`: nothing
 * wrong was found so far, and not everything has been read yet.
 */
export type VerifyStatus = 'proven' | 'damaged' | 'partial';

/** Something that is wrong. */
export interface VerifyProblem {
  /** The object that is damaged or absent. */
  readonly key: Key;
  /** The file of the cluster that is concerned, where it is one. */
  readonly file: string | undefined;
  /** In words, lower case. */
  readonly what: string;
}

/** A page that fails its checksum, and that recovery may replace as a whole. */
export interface SuspectPage {
  readonly key: Key;
  readonly file: string;
  /** Counted from the start of the file. */
  readonly page: number;
}

/** An object that has been read. */
export interface ReadObject {
  readonly storedBytes: number;
  /** Bytes of the members of a part, and the sum of {@link nameSum} over those that are listed; 0 of WAL. */
  readonly memberBytes: number;
  readonly names: number;
  /** It has brought the backup label. */
  readonly hasLabel: boolean;
}

/** A verification that a budget has interrupted. */
export interface VerifyRound {
  readonly since: TimeNs;
  /** What has been read: names of parts, and of segments. */
  readonly done: ReadonlyMap<string, ReadObject>;
  readonly problems: readonly VerifyProblem[];
  readonly problemCount: number;
  readonly suspects: readonly SuspectPage[];
}

/** What was found out about one backup. */
export interface VerifyReport {
  readonly backup: string;
  /** When the backup began, by which it is told from another one of that name. */
  readonly startTime: TimeNs | undefined;
  /** Those that it builds on, nearest first; what is wrong with them is wrong with this one. */
  readonly bases: readonly string[];
  readonly status: VerifyStatus;
  /** When it (and its bases, if those earlier) was last found whole from end to end; undefined: never. */
  readonly provenAt: TimeNs | undefined;
  /** When it was last looked at. */
  readonly checkedAt: TimeNs;
  /** Objects and their stored bytes that have been read of it, of all there are: its own, and the WAL it needs. */
  readonly objects: { readonly read: number; readonly total: number };
  readonly bytes: { readonly read: number; readonly total: number };
  /** The first ones. */
  readonly problems: readonly VerifyProblem[];
  readonly problemCount: number;
  /** What could not be compared, and why. */
  readonly notes: readonly string[];
  /** Undefined: the last one came to its end. */
  readonly round: VerifyRound | undefined;
}

const reportsAtOnce = 8;

/** Reads the reports of a storage; a damaged one counts as none. @throws the storage's errors */
export async function readVerifyReports(
  storage: Storage,
  options: Abortable = {},
): Promise<ReadonlyMap<string, VerifyReport>> {
  const names: string[] = [];
  for await (const { kind, key } of storage.list(verifyFolder, options)) {
    if (kind === 'object' && key.endsWith(suffix)) names.push(key.slice(verifyFolder.length + 1, -suffix.length));
  }
  const found = await mapConcurrently(names, reportsAtOnce, (name) => readOwnReport(storage, name, options));
  return withBases(found.flatMap((report) => (report === undefined ? [] : [report])));
}

/** What was found out about the backup itself, without its bases; undefined: nothing yet. @throws the storage's errors */
export async function readOwnReport(
  storage: Storage,
  backup: string,
  options: Abortable = {},
): Promise<VerifyReport | undefined> {
  try {
    return parseReport(await readText(storage, verifyReportKey(backup), options), backup);
  } catch (error) {
    if (error instanceof ObjectNotFoundError || error instanceof CorruptError) return undefined;
    throw error;
  }
}

/** Stores what was found out about the backup itself. @throws the storage's errors */
export async function writeOwnReport(storage: Storage, report: VerifyReport, options: Abortable = {}): Promise<void> {
  const text = formatReport(report);
  await pushPlain(storage, verifyReportKey(report.backup), () => fromBytes(Buffer.from(text)), options);
}

/** A backup is as good as the worst that it builds on, and was proven when the last of them was. Pure. */
export function withBases(reports: readonly VerifyReport[]): ReadonlyMap<string, VerifyReport> {
  const own = new Map(reports.map((report) => [report.backup, report]));
  return new Map(
    reports.map((report) => {
      const bases = report.bases.map((name) => own.get(name));
      const damaged = bases.find((base) => base?.status === 'damaged');
      if (damaged !== undefined) {
        const problems = report.status === 'damaged' ? report.problems : damaged.problems;
        const problemCount = report.status === 'damaged' ? report.problemCount : damaged.problemCount;
        return [report.backup, { ...report, status: 'damaged', problems, problemCount }];
      }
      const isProven = bases.every((base) => base?.status === 'proven');
      if (isProven) {
        const times = [report, ...bases].map((one) => one?.provenAt);
        const provenAt = times.reduce((a, b) => (a === undefined || b === undefined ? undefined : a < b ? a : b));
        return [report.backup, { ...report, provenAt }];
      }
      const status = report.status === 'damaged' ? 'damaged' : 'partial';
      return [report.backup, { ...report, status, provenAt: undefined }];
    }),
  );
}

const formatName = 'walvault verification';

/** Writes a report. */
export function formatReport(report: VerifyReport): string {
  const { round } = report;
  return stringifyJson(
    {
      format: formatName,
      version: 1,
      backup: report.backup,
      startTime: timeText(report.startTime),
      bases: report.bases,
      status: report.status,
      provenAt: timeText(report.provenAt),
      checkedAt: formatTime(report.checkedAt),
      objects: { ...report.objects },
      bytes: { ...report.bytes },
      problems: report.problems.map(problemJson),
      problemCount: report.problemCount,
      notes: report.notes,
      round:
        round === undefined
          ? null
          : {
              since: formatTime(round.since),
              done: Object.fromEntries([...round.done].map(([name, one]) => [name, doneJson(one)])),
              problems: round.problems.map(problemJson),
              problemCount: round.problemCount,
              suspects: round.suspects.map(({ key, file, page }) => [key, file, page]),
            },
    },
    { indent: 1 },
  );
}

function doneJson({ storedBytes, memberBytes, names, hasLabel }: ReadObject): JsonValue {
  return hasLabel ? [storedBytes, memberBytes, names, 'label'] : [storedBytes, memberBytes, names];
}

function parseDone(value: JsonValue): ReadObject {
  const [storedBytes, memberBytes, names, label] = list(value);
  const count = (given: JsonValue | undefined) => (typeof given === 'number' ? given : 0);
  return {
    storedBytes: count(storedBytes),
    memberBytes: count(memberBytes),
    names: count(names),
    hasLabel: label === 'label',
  };
}

function timeText(time: TimeNs | undefined): string | null {
  return time === undefined ? null : formatTime(time);
}

function problemJson({ key, file, what }: VerifyProblem): JsonObject {
  return { object: key, ...(file === undefined ? {} : { file }), what };
}

/** Reads a report. @throws CorruptError when it is none, or of another backup */
export function parseReport(text: string, backup: string): VerifyReport {
  const what = `verification of "${backup}"`;
  const fields = JsonFields.parse(text, what);
  if (fields.text('format') !== formatName || fields.count('version') !== 1 || fields.text('backup') !== backup) {
    throw new CorruptError(`${what} is no report of that backup`);
  }
  const status = fields.text('status');
  if (status !== 'proven' && status !== 'damaged' && status !== 'partial') {
    throw new CorruptError(`${what} has no status`);
  }
  const amount = (name: string) => {
    const pair = fields.required(name, fields.object(name));
    return { read: pair.count('read') ?? 0, total: pair.count('total') ?? 0 };
  };
  const problems = problemsOf(fields, what);
  const round = fields.object('round');
  return {
    backup,
    startTime: fields.time('startTime'),
    bases: fields.texts('bases') ?? [],
    status,
    provenAt: fields.time('provenAt'),
    checkedAt: fields.required('checkedAt', fields.time('checkedAt')),
    objects: amount('objects'),
    bytes: amount('bytes'),
    problems,
    problemCount: fields.count('problemCount') ?? problems.length,
    notes: fields.texts('notes') ?? [],
    round: round === undefined ? undefined : parseRound(round, what),
  };
}

function parseRound(fields: JsonFields, what: string): VerifyRound {
  const done = fields.required('done', fields.object('done'));
  const problems = problemsOf(fields, what);
  return {
    since: fields.required('since', fields.time('since')),
    done: new Map(done.entries().map(([name, value]) => [name, parseDone(value)])),
    problems,
    problemCount: fields.count('problemCount') ?? problems.length,
    suspects: list(fields.value('suspects')).flatMap((item) => {
      const [key, file, page] = list(item);
      return typeof key === 'string' && typeof file === 'string' && typeof page === 'number'
        ? [{ key, file, page }]
        : [];
    }),
  };
}

function problemsOf(fields: JsonFields, what: string): readonly VerifyProblem[] {
  return list(fields.value('problems')).map((item) => {
    const problem = new JsonFields(item, `problem in ${what}`);
    return { key: problem.text('object') ?? '', file: problem.text('file'), what: problem.text('what') ?? '' };
  });
}

function list(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? (value as readonly JsonValue[]) : [];
}
