/** What `backup-verify` prints. */
import { stringifyJson, type JsonValue } from '../catalog/json.ts';
import { timeToTheSecond } from '../catalog/time-text.ts';
import { formatTime, type TimeNs } from '../catalog/time.ts';
import type { VerifyProblem, VerifyReport, VerifyStatus } from '../catalog/verify/report.ts';
import { alignedTable } from './table.ts';

/** The backups of one storage. */
export interface VerifiedStorage {
  /** Among several. */
  readonly storageName: string | undefined;
  /** Oldest first. */
  readonly backups: readonly string[];
  /** Those of which anything is known. */
  readonly reports: ReadonlyMap<string, VerifyReport>;
}

/** What was found out about WAL or binlogs. */
export interface VerifiedLogs {
  /** For people; as a key of JSON; what there is to count in them. */
  readonly names: { readonly title: string; readonly key: string; readonly counted: string };
  readonly status: VerifyStatus;
  readonly provenAt: TimeNs | undefined;
  readonly checkedAt: TimeNs;
  /** Nothing is left for another run. */
  readonly isComplete: boolean;
  readonly counts: { readonly read: number; readonly total: number };
  readonly problems: readonly VerifyProblem[];
  readonly problemCount: number;
  readonly notes: readonly string[];
}

/** Everything there is to tell. */
export interface VerifyResult {
  readonly storages: readonly VerifiedStorage[];
  /** Undefined: nobody asked for it, or it was deleted meanwhile. */
  readonly logs: VerifiedLogs | undefined;
  /** In this run. */
  readonly readBytes: number;
  readonly budgetBytes: number | undefined;
}

/** For people: a line for each backup, then what is wrong. */
export function verifyText({ storages, logs }: VerifyResult): string {
  const isOne = storages.every(({ storageName }) => storageName === undefined);
  const rows = storages.flatMap(({ storageName = '', backups, reports }) =>
    backups.map((backup) => [...rowOf(backup, reports.get(backup)), ...(isOne ? [] : [storageName])]),
  );
  const header = ['name', 'status', 'proven', 'read', 'problems', ...(isOne ? [] : ['storage'])];
  const all = storages.flatMap(({ reports }) => [...reports.values()]);
  const lines = all.flatMap((report) => [
    ...report.problems.map((problem) => `${report.backup}: ${problemText(problem)}`),
    ...(report.problemCount > report.problems.length
      ? [`${report.backup}: and ${report.problemCount - report.problems.length} more`]
      : []),
    ...report.notes.map((note) => `${report.backup}: note: ${note}`),
  ]);
  if (logs !== undefined) {
    const { title } = logs.names;
    rows.push([...logsRow(logs), ...(isOne ? [] : [''])]);
    lines.push(...logs.problems.map((problem) => `${title}: ${problemText(problem)}`));
    lines.push(...logs.notes.map((note) => `${title}: note: ${note}`));
  }
  return `${alignedTable(header, rows)}${lines.map((line) => `${line}\n`).join('')}`;
}

function rowOf(backup: string, report: VerifyReport | undefined): readonly string[] {
  if (report === undefined) return [backup, 'unknown', '-', '0%', '-'];
  const { status, provenAt, round, bytes, problemCount } = report;
  const share = round === undefined || bytes.total === 0 ? 100 : Math.floor((100 * bytes.read) / bytes.total);
  return [backup, status, provenAt === undefined ? '-' : timeToTheSecond(provenAt), `${share}%`, String(problemCount)];
}

function logsRow({ names, status, provenAt, counts, problemCount }: VerifiedLogs): readonly string[] {
  const share = counts.total === 0 ? 100 : Math.floor((100 * counts.read) / counts.total);
  return [
    names.title,
    status,
    provenAt === undefined ? '-' : timeToTheSecond(provenAt),
    `${share}%`,
    String(problemCount),
  ];
}

function problemText({ key, file, what }: VerifyProblem): string {
  return file === undefined ? `${key}: ${what}` : `${key}: ${file}: ${what}`;
}

/** For programs: one object, without a line end. */
export function verifyJson({ storages, logs, readBytes, budgetBytes }: VerifyResult): string {
  return stringifyJson({
    backups: storages.flatMap(({ storageName, backups, reports }) =>
      backups.map((backup) => reportJson(backup, storageName, reports.get(backup))),
    ),
    ...(logs === undefined ? {} : { [logs.names.key]: logsJson(logs) }),
    read_bytes: readBytes,
    budget_bytes: budgetBytes ?? null,
  });
}

function reportJson(backup: string, storage: string | undefined, report: VerifyReport | undefined): JsonValue {
  const head = { name: backup, ...(storage === undefined ? {} : { storage }) };
  if (report === undefined) return { ...head, status: 'unknown' };
  return {
    ...head,
    status: report.status,
    proven_at: report.provenAt === undefined ? null : formatTime(report.provenAt),
    checked_at: formatTime(report.checkedAt),
    complete: report.round === undefined,
    objects: { ...report.objects },
    bytes: { ...report.bytes },
    bases: report.bases,
    problems: report.problems.map(problemJson),
    problem_count: report.problemCount,
    notes: report.notes,
  };
}

function problemJson({ key, file, what }: VerifyProblem): JsonValue {
  return { object: key, file: file ?? null, what };
}

function logsJson(logs: VerifiedLogs): JsonValue {
  return {
    status: logs.status,
    proven_at: logs.provenAt === undefined ? null : formatTime(logs.provenAt),
    checked_at: formatTime(logs.checkedAt),
    complete: logs.isComplete,
    [logs.names.counted]: { ...logs.counts },
    problems: logs.problems.map(problemJson),
    problem_count: logs.problemCount,
    notes: logs.notes,
  };
}
