/** The lines that make PostgreSQL 12 and later recover a restored cluster from the archive. */
import { formatLsn } from '../lsn.ts';
import { formatInstant } from './instant.ts';
import type { RecoveryRequest, RecoveryTarget } from './target.ts';

const targetSettings = [
  'recovery_target',
  'recovery_target_name',
  'recovery_target_time',
  'recovery_target_xid',
  'recovery_target_lsn',
] as const;

/**
 * A block for the end of `postgresql.auto.conf`.
 *
 * Targets that an earlier recovery left in the configuration are emptied first: PostgreSQL refuses two of them, and of
 * several lines for one setting takes the last, in the order in which the last ones stand.
 *
 * @param restoreCommand with `%f` and `%p`
 */
export function formatRecoverySettings(request: RecoveryRequest, restoreCommand: string): string {
  const chosen = targetSetting(request.target);
  const settings: (readonly [string, string])[] = [
    ['restore_command', restoreCommand],
    ['recovery_target_timeline', String(request.timeline)],
    ['recovery_target_inclusive', String(request.inclusive)],
    ['recovery_target_action', request.action ?? 'pause'],
    // The backup may be of a delayed standby.
    ['recovery_min_apply_delay', '0'],
    ...targetSettings.filter((name) => name !== chosen?.[0]).map((name) => [name, ''] as const),
    ...(chosen === undefined ? [] : [chosen]),
  ];
  const lines = settings.map(([name, value]) => `${name} = ${quoteSetting(value)}`);
  return ['', '# Recovery, by walvault backup-fetch', ...lines, ''].join('\n');
}

function targetSetting(target: RecoveryTarget): readonly [(typeof targetSettings)[number], string] | undefined {
  switch (target.kind) {
    case 'end':
      return undefined;
    case 'immediate':
      return ['recovery_target', 'immediate'];
    case 'time':
      return ['recovery_target_time', formatInstant(target.instant)];
    case 'lsn':
      return ['recovery_target_lsn', formatLsn(target.lsn)];
    case 'name':
      return ['recovery_target_name', target.name];
    case 'xid':
      return ['recovery_target_xid', String(target.xid)];
  }
}

/** A value as postgresql.conf has it (`GUC_scanstr`): quotes doubled, backslashes too. */
export function quoteSetting(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}

/**
 * `restore_command` for a program: its words as the shell takes them, and `%` doubled, since PostgreSQL expands it.
 *
 * @param words the program's absolute path and its arguments before `wal-fetch`
 * @param options further arguments, such as `--config` and a file
 */
export function restoreCommandOf(words: readonly string[], options: readonly string[] = []): string {
  const fixed = [...words, 'wal-fetch', ...options].map((word) => quoteForShell(word).replaceAll('%', '%%'));
  return [...fixed, '"%f"', '"%p"'].join(' ');
}

function quoteForShell(word: string): string {
  return /^[\w./:=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
