/** Which backups are copied: those asked for, and what they build on. Pure. */
import { CorruptError } from '../../errors.ts';
import { BackupNotFoundError, selectorOfName, type BackupEntry } from '../backup-store.ts';
import type { TimeNs } from '../time.ts';

/** What of a backup decides whether it can be copied. */
export interface CopyableBackup {
  readonly name: string;
  readonly entry: BackupEntry;
  readonly finished: TimeNs | undefined;
  /** What it builds on; why it cannot be said. */
  readonly base: { readonly name: string | undefined } | { readonly problem: string };
}

/** A backup in one of the storages of an archive. */
export interface SourceBackup<B extends CopyableBackup> {
  readonly backup: B;
  /** Of which inventory it is. */
  readonly source: number;
  /** It was asked for, and does not only come along as the base of another. */
  readonly isAskedFor: boolean;
}

/** A backup that cannot be copied, and why. */
export interface RefusedBackup {
  readonly name: string;
  readonly reason: string;
}

/** The backups to copy. */
export interface BackupSelection<B extends CopyableBackup> {
  /** Bases before what builds on them, otherwise oldest first. */
  readonly chosen: readonly SourceBackup<B>[];
  readonly refused: readonly RefusedBackup[];
}

/** What to choose: one by its name, where `LATEST` is the newest; default all. */
export interface BackupChoice {
  readonly name: string | undefined;
  /** Where it was looked for, for messages. */
  readonly location: string;
}

/**
 * Chooses backups with their chains.
 *
 * @param stores the backups of each storage, oldest first
 * @throws BackupNotFoundError
 */
export function selectBackups<B extends CopyableBackup>(
  stores: readonly (readonly B[])[],
  { name, location }: BackupChoice,
): BackupSelection<B> {
  const found = new Map<string, Link<B>>();
  const order: string[] = [];
  for (const [source, backups] of stores.entries()) {
    for (const backup of backups) {
      if (found.has(backup.name)) continue;
      found.set(backup.name, { backup, source });
      order.push(backup.name);
    }
  }
  const asked = name === undefined ? order : [name === 'LATEST' ? newestOf(stores) : name];
  const chosen = new Map<string, SourceBackup<B>>();
  const refused: RefusedBackup[] = [];
  for (const one of asked) {
    if (one === undefined || !found.has(one)) throw new BackupNotFoundError(selectorOfName(name ?? 'LATEST'), location);
    const chain = chainOf(one, found);
    if (typeof chain === 'string') {
      refused.push({ name: one, reason: chain });
      continue;
    }
    for (const link of chain) {
      const isAskedFor = link.backup.name === one || chosen.get(link.backup.name)?.isAskedFor === true;
      chosen.set(link.backup.name, { ...link, isAskedFor });
    }
  }
  return { chosen: [...chosen.values()], refused };
}

/** Of several storages the one that was completed last. */
function newestOf(stores: readonly (readonly CopyableBackup[])[]): string | undefined {
  const newest = stores.flatMap((backups) => backups.at(-1) ?? []);
  const time = ({ finished, entry }: CopyableBackup): bigint => finished ?? entry.modified;
  return newest.toSorted((a, b) => (time(a) < time(b) ? -1 : 1)).at(-1)?.name;
}

type Link<B extends CopyableBackup> = Omit<SourceBackup<B>, 'isAskedFor'>;

/** The full backup first; or why there is no such chain. */
function chainOf<B extends CopyableBackup>(
  name: string,
  found: ReadonlyMap<string, Link<B>>,
): readonly Link<B>[] | string {
  const chain: Link<B>[] = [];
  const seen = new Set<string>();
  let next: string | undefined = name;
  while (next !== undefined) {
    const link = found.get(next);
    if (link === undefined) return `its base "${next}" is not in the archive`;
    if (seen.has(next)) return 'its bases form a circle';
    seen.add(next);
    const { base }: CopyableBackup = link.backup;
    if ('problem' in base) return base.problem;
    chain.unshift(link);
    next = base.name;
  }
  return chain;
}

/** Which backups were left out because nobody could restore them. */
export function refusalError({ refused }: { readonly refused: readonly RefusedBackup[] }): CorruptError | undefined {
  const [first] = refused;
  if (first === undefined) return undefined;
  const others = refused.length === 1 ? '' : `, and ${refused.length - 1} more`;
  return new CorruptError(`not copied: "${first.name}" (${first.reason})${others}`, {
    hint: 'These backups cannot be restored. Everything else is copied.',
  });
}
