/** What `copy` prints. */
import type { CopyResult } from '../catalog/copy/object-copier.ts';
import type { CopiedObject } from '../catalog/copy/copied-object.ts';
import type { CopiedBackup, CopyPlan } from '../catalog/copy/plan.ts';
import { alignedTable } from './table.ts';

/** Logs that the source lacks. */
export interface MissingLogs {
  /** Name of the first that is missing. */
  readonly first: string;
  readonly count: number;
  /** The backup that needs them; undefined: only recovery to a later moment does. */
  readonly backup: string | undefined;
}

/** What there is to tell. */
export interface CopyReport {
  readonly dryRun: boolean;
  readonly from: string;
  readonly to: string;
  readonly reencoded: boolean;
  readonly plan: CopyPlan;
  /** What logs are called, for people and as a key of JSON, and how they are counted there. */
  readonly logs: { readonly title: string; readonly key: string; readonly counted: string };
  readonly missingLogs: readonly MissingLogs[];
  /** Undefined: nothing was copied. */
  readonly result: CopyResult | undefined;
  /** Objects that were compared after the copy, when that was asked for. */
  readonly verified: number | undefined;
}

interface Row {
  readonly name: string;
  readonly state: 'copied' | 'present' | 'to copy';
  readonly objects: number;
  readonly bytes: number;
}

function rowsOf({ plan, result, logs }: CopyReport): readonly Row[] {
  const done = result === undefined ? 'to copy' : 'copied';
  const backups = plan.backups.map((backup): Row => {
    const objects = objectsOf(backup);
    return { name: backup.targetName, state: backup.isThere ? 'present' : done, ...sumOf(objects) };
  });
  const isThere = plan.logs.every(({ state }) => state !== 'absent');
  return [...backups, { name: logs.title, state: isThere ? 'present' : done, ...sumOf(plan.logs) }];
}

function objectsOf({ parts, notes, sentinel }: CopiedBackup): readonly CopiedObject[] {
  return [...parts, ...notes, sentinel];
}

function sumOf(objects: readonly CopiedObject[]): Pick<Row, 'objects' | 'bytes'> {
  return { objects: objects.length, bytes: objects.reduce((sum, { object }) => sum + object.sizeBytes, 0) };
}

/** For programs: one object, without a line end. Bytes of backups and logs are those in the source. */
export function copyJson(report: CopyReport): string {
  const { dryRun, from, to, reencoded, plan, logs, missingLogs, result, verified } = report;
  const rows = rowsOf(report);
  return JSON.stringify({
    dry_run: dryRun,
    from,
    to,
    re_encoded: reencoded,
    backups: rows.slice(0, -1),
    [logs.key]: rows.slice(-1).map(({ objects, bytes, state }) => ({ state, objects, bytes }))[0],
    not_copied: plan.refused,
    [`missing_${logs.key}`]: missingLogs.map(({ first, count, backup }) => ({
      first,
      [logs.counted]: count,
      backup: backup ?? null,
    })),
    copied_objects: result?.copiedObjects ?? 0,
    copied_bytes: result?.copiedBytes ?? 0,
    present_objects: result?.presentObjects ?? 0,
    verified_objects: verified ?? null,
  });
}

/** For people. */
export function copyText(report: CopyReport): string {
  const { plan, result, verified, logs, missingLogs } = report;
  const rows = rowsOf(report).map(({ name, state, objects, bytes }) => [name, state, String(objects), String(bytes)]);
  const lines = [
    ...plan.refused.map(({ name, reason }) => `not copied: ${name} (${reason})`),
    ...missingLogs.map((missing) => missingText(missing, logs.title)),
    ...(result === undefined
      ? []
      : [`copied ${result.copiedObjects} objects, ${result.copiedBytes} bytes; ${result.presentObjects} were there`]),
    ...(verified === undefined ? [] : [`compared ${verified} objects with the source: no difference`]),
  ];
  const table = alignedTable(['what', 'state', 'objects', 'bytes'], rows);
  return `${table}${lines.map((line) => `${line}\n`).join('')}`;
}

function missingText({ first, count, backup }: MissingLogs, title: string): string {
  const whose = backup === undefined ? 'a gap behind the backups' : `needed by ${backup}`;
  return `missing ${title}: ${count} from ${first} (${whose})`;
}
