/** Plans deletions: a pure function from what an archive holds and a rule to what goes. The rules of it: `docs/retention.md`. */
import { ArchiverError, quoted } from '../../errors.ts';
import type { TimeNs } from '../time.ts';
import type { DeletionPlan, FolderFate, LogRange } from './deletion-plan.ts';
import { keptWithNeeded, warningsAbout } from './kept.ts';
import type { PlannedRemoval } from './removal-steps.ts';
import type { RetainedBackup } from './retained-backup.ts';
import type { DeletionRule } from './rule.ts';
import { selectKept, type AgedBackups } from './select.ts';
import type { Keeping } from './selection.ts';
import type { PlacedFolder } from './unfinished.ts';

/** What a rule concerns beside backups. */
export interface Scope {
  readonly log: boolean;
  readonly folders: boolean;
  readonly catchups: boolean;
}

/** What is known when it is decided about objects. */
export interface DeletionContext<B, F extends PlacedFolder = PlacedFolder> extends AgedBackups<B> {
  readonly rule: DeletionRule;
  readonly scope: Scope;
  readonly kept: ReadonlyMap<B, Keeping>;
  readonly folders: readonly F[];
  /** Those of the folders that somebody may be working on. */
  readonly running: readonly F[];
  readonly now: TimeNs;
}

/** What goes, of everything there is. */
export interface PlannedObjects {
  /** Of every storage, in their order. */
  readonly removals: readonly PlannedRemoval[];
  readonly logRanges: readonly LogRange[];
  readonly warnings: readonly string[];
}

/** An archive as a deletion sees it. */
export interface DeletableArchive<B, F extends PlacedFolder = PlacedFolder> extends AgedBackups<B> {
  readonly folders: readonly F[];
  /** Of every storage, in their order; undefined: there is only one. */
  readonly storageNames: readonly (string | undefined)[];
  /** Which objects go, when it is known which backups stay. @throws ArchiverError when that cannot be told */
  planObjects(context: DeletionContext<B, F>): PlannedObjects;
}

/**
 * Plans a deletion in an archive, of which every storage must be there.
 *
 * @throws DeletionRefusedError, ArchiverError (`missing`, `usage`, `busy`, `config`) as its parts do
 */
export function planDeletionIn<B extends RetainedBackup, F extends PlacedFolder>(
  archive: DeletableArchive<B, F>,
  rule: DeletionRule,
  now: TimeNs,
): DeletionPlan<B> {
  const { backups, chains, folders } = archive;
  const running = folders.filter(({ isAbandoned }) => !isAbandoned);
  const young = running.filter(({ isOld }) => !isOld);
  if (rule.kind === 'everything' && !rule.force && young.length > 0) throw runningError(young);
  const selection = selectKept({ backups, chains }, rule, now);
  const kept = keptWithNeeded({ backups, chains }, selection, rule, running);
  const scope = scopeOf(rule);
  const nothing = selection.nothing ?? nothingWithout(kept, rule);
  const context = { rule, scope, backups, chains, kept, folders, running, now };
  const { removals, logRanges, warnings } =
    nothing === undefined ? archive.planObjects(context) : nothingOf(archive.storageNames);
  return {
    backups: backups.map((backup) => {
      const keeping = kept.get(backup);
      const goes = keeping === undefined && nothing === undefined;
      return {
        backup,
        keeps: keeping?.log,
        reasons: goes ? [selection.goesBecause(backup)] : (keeping?.reasons ?? []),
      };
    }),
    unfinished: folders.map((folder) => fateOf(folder, context, nothing)),
    removals,
    logRanges,
    nothing,
    warnings: [...warningsAbout({ backups, chains }, kept), ...warnings],
  };
}

function nothingOf(storageNames: readonly (string | undefined)[]): PlannedObjects {
  const removals = storageNames.map((storageName) => ({
    storageName,
    backups: [],
    leftovers: [],
    log: [],
    others: [],
  }));
  return { removals, logRanges: [], warnings: [] };
}

function scopeOf(rule: DeletionRule): Scope {
  if (rule.kind === 'target') return { log: false, folders: false, catchups: false };
  if (rule.kind !== 'garbage' || rule.part === 'all') return { log: true, folders: true, catchups: true };
  return { log: rule.part === 'archives', folders: rule.part === 'backups', catchups: false };
}

function runningError(running: readonly PlacedFolder[]): ArchiverError {
  const names = quoted(running.map(({ name }) => name));
  return new ArchiverError('busy', `backups are being pushed, or were cut off a short while ago: ${names}`, {
    hint: 'Wait until they are complete, or say "everything FORCE" when nobody pushes them.',
  });
}

/** Without a backup that is kept nobody could say what of the log is old. */
function nothingWithout(kept: ReadonlyMap<unknown, Keeping>, rule: DeletionRule): string | undefined {
  if (kept.size > 0 || rule.kind === 'everything' || rule.kind === 'target') return undefined;
  return rule.kind === 'garbage' && rule.withoutBackupCheck ? undefined : 'there is no backup';
}

function fateOf(
  { storageName, name, isAbandoned, reason }: PlacedFolder,
  { rule, scope }: { readonly rule: DeletionRule; readonly scope: Scope },
  nothing: string | undefined,
): FolderFate {
  const isAll = rule.kind === 'everything';
  const goes = nothing === undefined && (isAll || (isAbandoned && scope.folders));
  const aside = isAbandoned && !goes ? '; not asked for' : '';
  return { storageName, name, goes, isAbandoned, reason: isAll ? 'everything goes' : `${reason}${aside}` };
}
