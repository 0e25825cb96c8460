/** A planned deletion as text for people. */
import { formatTime, type TimeNs } from '../../catalog/time.ts';
import { formatBytes } from '../../doctor/format.ts';
import { objectsOf, type DeletionPlan } from '../../catalog/retention/deletion-plan.ts';
import type { PolicyLine } from '../../catalog/retention/policy.ts';
import { alignedTable } from '../table.ts';
import type { LogWords, ToldWindow } from './archive.ts';

/** What there is to tell of a deletion. */
export interface DeletionReport {
  readonly isDryRun: boolean;
  readonly plan: DeletionPlan;
  /** Undefined: it is no policy. */
  readonly policy: readonly PolicyLine[] | undefined;
  readonly words: LogWords;
  readonly windowsBefore: readonly ToldWindow[];
  readonly windowsAfter: readonly ToldWindow[];
}

/** How much goes. */
export function amountOf({ removals }: DeletionPlan): { readonly objects: number; readonly bytes: number } {
  const amount = { objects: 0, bytes: 0 };
  for (const removal of removals) {
    for (const { sizeBytes } of objectsOf(removal)) {
      amount.objects += 1;
      amount.bytes += sizeBytes;
    }
  }
  return amount;
}

/** Several paragraphs: the policy, the backups, what else goes, the recovery windows, the sum. */
export function deletionText(report: DeletionReport): string {
  const { plan, policy } = report;
  const paragraphs = [
    policy === undefined ? [] : policyLines(policy),
    backupLines(report),
    otherLines(report),
    windowLines(report),
    plan.warnings.map((warning) => `Warning: ${warning}`),
    [sumLine(report)],
  ];
  return paragraphs
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join('\n')}\n`)
    .join('\n');
}

function policyLines(policy: readonly PolicyLine[]): string[] {
  return policy.map(({ rule, keeps, note }) => {
    const aside = note === undefined ? '' : ` (${note})`;
    return `${rule}${aside}: ${keeps.length === 0 ? 'nothing' : keeps.join(', ')}`;
  });
}

function backupLines({ plan: { backups }, words }: DeletionReport): string[] {
  if (backups.length === 0) return ['There are no backups.'];
  const isSeveral = backups.some(({ backup }) => backup.storageName !== undefined);
  const rows = backups.map(({ backup, keeps, reasons }) => [
    keeps === undefined ? 'goes' : 'stays',
    backup.name,
    ...(isSeveral ? [backup.storageName ?? ''] : []),
    backup.finished === undefined ? '-' : shortTime(backup.finished),
    formatBytes(backup.objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)),
    keeps === undefined ? '-' : keeps === 'following' ? 'all that follows' : words.own,
    reasons.join('; '),
  ]);
  const header = ['', 'backup', ...(isSeveral ? ['storage'] : []), 'finished', 'size', `${words.log} kept`, 'because'];
  return alignedTable(header, rows).trimEnd().split('\n');
}

function otherLines({ plan: { unfinished, logRanges, removals }, words }: DeletionReport): string[] {
  const lines = unfinished.map(
    ({ name, goes, reason, storageName }) =>
      `${goes ? 'goes' : 'stays'}: unfinished ${name}${placeOf(storageName)}: ${reason}`,
  );
  for (const log of logRanges) {
    const { first, last, files, sizeBytes, storageName } = log;
    const range = first === last ? first : `${first} to ${last}`;
    const count = `${files} ${files === 1 ? words.file : words.files}, ${formatBytes(sizeBytes)}`;
    lines.push(`goes: ${words.of(log)}${placeOf(storageName)}: ${range} (${count})`);
  }
  for (const { backups, others, storageName } of removals) {
    const catchups = backups.filter(({ name }) => name.includes('/')).map(({ name }) => name);
    if (catchups.length > 0) lines.push(`goes: ${catchups.join(', ')}${placeOf(storageName)}`);
    if (others.length > 0) lines.push(`goes: ${others.length} other objects${placeOf(storageName)}`);
  }
  return lines;
}

function windowLines({ plan, words, windowsBefore, windowsAfter }: DeletionReport): string[] {
  const before = windowsBefore.map(({ text }) => `  ${text}`);
  const after = windowsAfter.map(({ text }) => `  ${text}`);
  if (before.length === 0 && plan.backups.length === 0) return [];
  const none = [`  none: no backup is followed by the ${words.log} that it needs`];
  const told = (lines: string[]): string[] => (lines.length === 0 ? none : lines);
  if (before.join() === after.join()) return ['Recovery is possible as before:', ...told(before)];
  return ['Recovery is possible now:', ...told(before), 'and afterwards:', ...told(after)];
}

function sumLine({ plan, isDryRun }: DeletionReport): string {
  const { objects, bytes } = amountOf(plan);
  if (plan.nothing !== undefined) return `Nothing goes: ${plan.nothing}.`;
  if (objects === 0) return 'Nothing goes.';
  const goes = `${objects} object${objects === 1 ? '' : 's'}, ${formatBytes(bytes)} (${bytes} bytes)`;
  return isDryRun ? `${goes} would be deleted. Nothing was: add --confirm to delete them.` : `To be deleted: ${goes}.`;
}

function placeOf(storageName: string | undefined): string {
  return storageName === undefined ? '' : ` in ${storageName}`;
}

function shortTime(time: TimeNs): string {
  return formatTime((time / 1_000_000_000n) * 1_000_000_000n);
}
