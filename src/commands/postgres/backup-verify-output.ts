/** What `backup-verify` prints. */
import { dateOfTime, formatTime, type TimeNs } from '../../catalog/time.ts';
import { stringifyJson, type JsonValue } from '../../catalog/json.ts';
import type { VerifyProblem, VerifyReport } from '../../catalog/verify/report.ts';
import type { WalReport } from '../../postgres/verify/wal-report.ts';
import { alignedTable } from '../table.ts';

/** The backups of one storage. */
export interface VerifiedStorage {
  /** Among several. */
  readonly storageName: string | undefined;
  /** Oldest first. */
  readonly backups: readonly string[];
  /** Those of which anything is known. */
  readonly reports: ReadonlyMap<string, VerifyReport>;
}

/** Everything there is to tell. */
export interface VerifyResult {
  readonly storages: readonly VerifiedStorage[];
  /** Undefined: nobody asked for it, or it was deleted meanwhile. */
  readonly wal: WalReport | undefined;
  /** In this run. */
  readonly readBytes: number;
  readonly budgetBytes: number | undefined;
}

/** For people: a line for each backup, then what is wrong. */
export function verifyText({ storages, wal }: VerifyResult): string {
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
  if (wal !== undefined) {
    rows.push([...walRow(wal), ...(isOne ? [] : [''])]);
    lines.push(...wal.problems.map((problem) => `WAL: ${problemText(problem)}`));
    lines.push(...wal.notes.map((note) => `WAL: note: ${note}`));
  }
  return `${alignedTable(header, rows)}${lines.map((line) => `${line}\n`).join('')}`;
}

function rowOf(backup: string, report: VerifyReport | undefined): readonly string[] {
  if (report === undefined) return [backup, 'unknown', '-', '0%', '-'];
  const { status, provenAt, round, bytes, problemCount } = report;
  const share = round === undefined || bytes.total === 0 ? 100 : Math.floor((100 * bytes.read) / bytes.total);
  return [backup, status, provenAt === undefined ? '-' : toTheSecond(provenAt), `${share}%`, String(problemCount)];
}

function walRow({ status, provenAt, segments, problemCount }: WalReport): readonly string[] {
  const share = segments.total === 0 ? 100 : Math.floor((100 * segments.read) / segments.total);
  return ['WAL', status, provenAt === undefined ? '-' : toTheSecond(provenAt), `${share}%`, String(problemCount)];
}

function toTheSecond(time: TimeNs): string {
  return `${dateOfTime(time).toISOString().slice(0, 19)}Z`;
}

function problemText({ key, file, what }: VerifyProblem): string {
  return file === undefined ? `${key}: ${what}` : `${key}: ${file}: ${what}`;
}

/** For programs: one object, without a line end. */
export function verifyJson({ storages, wal, readBytes, budgetBytes }: VerifyResult): string {
  return stringifyJson({
    backups: storages.flatMap(({ storageName, backups, reports }) =>
      backups.map((backup) => reportJson(backup, storageName, reports.get(backup))),
    ),
    ...(wal === undefined ? {} : { wal: walJson(wal) }),
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

function walJson(report: WalReport): JsonValue {
  return {
    status: report.status,
    proven_at: report.provenAt === undefined ? null : formatTime(report.provenAt),
    checked_at: formatTime(report.checkedAt),
    complete: report.round === undefined,
    segments: { ...report.segments },
    problems: report.problems.map(problemJson),
    problem_count: report.problemCount,
    notes: report.notes,
  };
}
