/** Everything that stays because of what a rule keeps. Pure. */
import { ArchiverError, quoted } from '../../errors.ts';
import { isProtected, type RetainedBackup } from './retained-backup.ts';
import type { DeletionRule } from './rule.ts';
import type { AgedBackups } from './select.ts';
import type { Keeping, Selection } from './selection.ts';
import type { PlacedFolder } from './unfinished.ts';

/**
 * Adds to what a rule keeps: permanent backups, what those that are kept build on, and what those build on that are being
 * pushed.
 *
 * @throws ArchiverError (`busy`) when what was named is needed by a push that may be running
 */
export function keptWithNeeded<B extends RetainedBackup>(
  { backups, chains }: AgedBackups<B>,
  { kept: chosen }: Pick<Selection<B>, 'kept'>,
  rule: DeletionRule,
  running: readonly PlacedFolder[],
): ReadonlyMap<B, Keeping> {
  const kept = new Map(chosen);
  if (rule.kind === 'everything') return kept;
  const add = (backup: B, reason: string): void => {
    const keeping = kept.get(backup);
    // What is kept anyway needs no further reason.
    if (keeping !== undefined) return;
    kept.set(backup, { log: 'consistent', reasons: [reason] });
  };
  if (rule.kind !== 'target') {
    // Whatever the clocks of the hosts said: by that of the storage it is the newest.
    const [first, ...others] = backups;
    const last = others.reduce((a, b) => (a !== undefined && a.stored > b.stored ? a : b), first);
    if (last !== undefined && !kept.has(last)) {
      kept.set(last, { log: 'following', reasons: ['it was stored last'] });
    }
    for (const backup of backups) {
      if (!isProtected(backup)) continue;
      add(backup, backup.isPermanenceKnown ? 'permanent' : 'its metadata are damaged: it may be permanent');
    }
  }
  for (const { name } of running) {
    const bases = chains.basesByName(name);
    const going = bases.filter((base) => !kept.has(base));
    if (rule.kind === 'target' && going.length > 0) throw neededByPush(name, going);
    for (const base of going) add(base, `${JSON.stringify(name)}, which is being pushed, builds on it`);
  }
  for (const backup of [...kept.keys()]) {
    for (const base of chains.basesOf(backup)) add(base, `base of ${JSON.stringify(backup.name)}`);
  }
  return kept;
}

function neededByPush(name: string, bases: readonly RetainedBackup[]): ArchiverError {
  const names = bases.map((base) => base.name);
  return new ArchiverError('busy', `"${name}" builds on what would go (${quoted(names)}) and may be running`, {
    hint: 'Wait until that push is over, or a day after it was cut off.',
  });
}

/** What is wrong with backups that stay, a line each. */
export function warningsAbout<B extends RetainedBackup>(
  { backups, chains }: AgedBackups<B>,
  kept: ReadonlyMap<B, Keeping>,
): string[] {
  const warnings: string[] = [];
  for (const backup of backups) {
    if (!kept.has(backup)) continue;
    const { name, isReadable, problem } = backup;
    if (!isReadable) warnings.push(`"${name}" stays, but is damaged: ${problem?.message ?? 'unreadable'}`);
    else if (!backup.isPermanenceKnown)
      warnings.push(`"${name}" may be permanent: ${problem?.message ?? 'unreadable'}`);
    const broken = [backup, ...chains.basesOf(backup)].find(
      (one) => one.parent !== undefined && chains.parentsOf(one).length === 0,
    );
    if (broken?.parent !== undefined) {
      warnings.push(`"${name}" stays, but cannot be restored: "${broken.parent}" is not there`);
    }
  }
  return warnings;
}
