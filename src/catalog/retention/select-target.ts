/** What `delete target` and `delete everything` keep. */
import { jsonEqual } from '../json.ts';
import { inOrderOfCompletion } from '../order.ts';
import type { TimeNs } from '../time.ts';
import { ArchiverError, quoted } from '../../errors.ts';
import { distinct, missingError, permanentError } from './refusal.ts';
import { isProtected, type Chains, type RetainedBackup } from './retained-backup.ts';
import type { EverythingRule, TargetRule } from './rule.ts';
import { keepAll, type Selection } from './selection.ts';

/** Keeps all but the backup, what builds on it and, when asked for, the rest of its family. */
export function keepBeside<B extends RetainedBackup>(
  backups: readonly B[],
  { selector, findFull }: TargetRule,
  { chains, now }: { readonly chains: Chains<B>; readonly now: TimeNs },
): Selection<B> {
  const found = targetsOf(backups, selector, now);
  const names = new Set(found.map(({ name }) => name));
  if (findFull) for (const one of found) for (const { name } of chains.basesOf(one)) names.add(name);
  const goes = (backup: B): boolean =>
    names.has(backup.name) || chains.basesOf(backup).some(({ name }) => names.has(name));
  const permanent = backups.filter((backup) => goes(backup) && backup.isPermanent);
  if (permanent.length > 0) throw permanentError(permanent, 'Take the mark away with backup-mark -i first.');
  return {
    kept: keepAll(
      backups.filter((backup) => !goes(backup)),
      'not asked for',
    ),
    goesBecause: ({ name }) => (found.some((one) => one.name === name) ? 'asked for' : `belongs to what was asked for`),
    nothing: undefined,
  };
}

function targetsOf<B extends RetainedBackup>(
  backups: readonly B[],
  selector: TargetRule['selector'],
  now: TimeNs,
): readonly B[] {
  switch (selector.by) {
    case 'latest': {
      // As for every other command.
      const name = inOrderOfCompletion(backups, now).at(-1)?.name;
      if (name === undefined) throw missingError('no backups found');
      return backups.filter((backup) => backup.name === name);
    }
    case 'name': {
      const found = backups.filter(({ name }) => name === selector.name);
      if (found.length === 0) throw missingError(`backup not found: ${JSON.stringify(selector.name)}`);
      return found;
    }
    case 'userData': {
      const found = backups.filter(({ userData }) => userData !== undefined && jsonEqual(userData, selector.userData));
      const names = distinct(found);
      if (names.length === 0) throw missingError('no backup has the given user data');
      if (names.length === 1) return found;
      throw new ArchiverError('usage', `several backups have the given user data: ${quoted(names)}`, {
        hint: 'Name the one you mean.',
      });
    }
  }
}

/** Keeps nothing. */
export function keepNothing<B extends RetainedBackup>(backups: readonly B[], { force }: EverythingRule): Selection<B> {
  const permanent = backups.filter(isProtected);
  if (permanent.length > 0 && !force) throw permanentError(permanent, 'Say "everything FORCE" to delete them as well.');
  return { kept: new Map(), goesBecause: () => 'everything goes', nothing: undefined };
}
