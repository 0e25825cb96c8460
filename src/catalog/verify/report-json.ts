/** The JSON of a verified backup's report. Form: docs/storage-layout.md. */
import { JsonFields } from '../json-fields.ts';
import { stringifyJson, type JsonObject, type JsonValue } from '../json.ts';
import { formatTime, type TimeNs } from '../time.ts';
import { CorruptError } from '../../errors.ts';
import type { ReadObject, VerifyProblem, VerifyReport, VerifyRound } from './report.ts';

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

/** The form of a problem in reports. */
export function problemJson({ key, file, what }: VerifyProblem): JsonObject {
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
  const problems = parseProblems(fields, what);
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
  const problems = parseProblems(fields, what);
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

/** Reads the problems of a report. @throws CorruptError */
export function parseProblems(fields: JsonFields, what: string): readonly VerifyProblem[] {
  return list(fields.value('problems')).map((item) => {
    const problem = new JsonFields(item, `problem in ${what}`);
    return { key: problem.text('object') ?? '', file: problem.text('file'), what: problem.text('what') ?? '' };
  });
}

function list(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? (value as readonly JsonValue[]) : [];
}
