/** What `mirror sync` prints. */
import type { SyncResult } from '../catalog/mirror-sync/copy.ts';
import type { SyncPlan } from '../catalog/mirror-sync/plan.ts';
import { messageOf } from '../errors.ts';
import { alignedTable } from './table.ts';

/** What there is to tell. */
export interface SyncReport {
  readonly dryRun: boolean;
  /** Of the storages that were to be given something. */
  readonly names: readonly string[];
  readonly plan: SyncPlan;
  readonly result: SyncResult;
}

interface Row {
  readonly name: string;
  readonly missing: number;
  readonly missingBytes: number;
  readonly copied: number;
  readonly copiedBytes: number;
}

function rowsOf({ names, plan, result }: SyncReport): readonly Row[] {
  const unreachable = new Set(plan.unreachable.map(({ name }) => name));
  return names
    .filter((name) => !unreachable.has(name))
    .map((name) => {
      const lacking = [...plan.payload, ...plan.sentinels].filter(({ to }) => to.some((one) => one.name === name));
      const { objects: copied = 0, bytes: copiedBytes = 0 } = result.copied.get(name) ?? {};
      const missingBytes = lacking.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      return { name, missing: lacking.length, missingBytes, copied, copiedBytes };
    });
}

/** For programs: one object, without a line end. */
export function syncJson(report: SyncReport): string {
  const { dryRun, plan, result } = report;
  return JSON.stringify({
    dry_run: dryRun,
    storages: rowsOf(report).map(({ name, missing, missingBytes, copied, copiedBytes }) => ({
      name,
      missing,
      missing_bytes: missingBytes,
      copied,
      copied_bytes: copiedBytes,
    })),
    different: result.different.map(({ key, sizes }) => ({ key, sizes: Object.fromEntries(sizes) })),
    held_back: result.heldBack,
    unfinished: plan.unfinished,
    unreachable: plan.unreachable.map(({ name, error }) => ({ name, reason: messageOf(error) })),
  });
}

/** For people. */
export function syncText(report: SyncReport): string {
  const { plan, result } = report;
  const rows = rowsOf(report).map((row) => [
    row.name,
    ...[row.missing, row.missingBytes, row.copied, row.copiedBytes].map(String),
  ]);
  const lines = [
    ...result.different.map(({ key, sizes }) => {
      const told = [...sizes].map(([name, bytes]) => `${name} ${bytes} bytes`).join(', ');
      return `different: ${key} (${told})`;
    }),
    ...result.heldBack.map((backup) => `not completed, a part of it differs: ${backup}`),
    ...plan.unfinished.map((backup) => `not copied, it is unfinished: ${backup}`),
    ...plan.unreachable.map(({ name, error }) => `not reached: ${name} (${messageOf(error)})`),
  ];
  const table = alignedTable(['storage', 'missing', 'bytes', 'copied', 'copied_bytes'], rows);
  return `${table}${lines.map((line) => `${line}\n`).join('')}`;
}
