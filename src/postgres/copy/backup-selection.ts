/** Which backups are copied: those asked for, and what they build on. Pure. */
import { BackupNotFoundError, selectorOfName } from '../../catalog/backup-store.ts';
import type { ArchivedBackup, Inventory } from '../inventory/inventory.ts';

/** A backup in one of the storages of an archive. */
export interface SourceBackup {
  readonly backup: ArchivedBackup;
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
export interface BackupSelection {
  /** Bases before what builds on them, otherwise oldest first. */
  readonly chosen: readonly SourceBackup[];
  readonly refused: readonly RefusedBackup[];
}

/** What to choose: one by its name, where `LATEST` is the newest; default all. */
export interface BackupChoice {
  readonly name: string | undefined;
  /** Where it was looked for, for messages. */
  readonly location: string;
}

/** Chooses backups with their chains. @throws BackupNotFoundError */
export function selectBackups(inventories: readonly Inventory[], { name, location }: BackupChoice): BackupSelection {
  const found = new Map<string, Omit<SourceBackup, 'isAskedFor'>>();
  const order: string[] = [];
  for (const [source, { backups }] of inventories.entries()) {
    for (const backup of backups) {
      if (found.has(backup.name)) continue;
      found.set(backup.name, { backup, source });
      order.push(backup.name);
    }
  }
  const asked = name === undefined ? order : [name === 'LATEST' ? newestOf(inventories) : name];
  const chosen = new Map<string, SourceBackup>();
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
function newestOf(inventories: readonly Inventory[]): string | undefined {
  const newest = inventories.flatMap(({ backups }) => backups.at(-1) ?? []);
  const time = ({ finished, entry }: ArchivedBackup): bigint => finished ?? entry.modified;
  return newest.toSorted((a, b) => (time(a) < time(b) ? -1 : 1)).at(-1)?.name;
}

type Link = Omit<SourceBackup, 'isAskedFor'>;

/** The full backup first; or why there is no such chain. */
function chainOf(name: string, found: ReadonlyMap<string, Link>): readonly Link[] | string {
  const chain: Link[] = [];
  const seen = new Set<string>();
  let next: string | undefined = name;
  while (next !== undefined) {
    const link = found.get(next);
    if (link === undefined) return `its base "${next}" is not in the archive`;
    if (seen.has(next)) return 'its bases form a circle';
    seen.add(next);
    const { sentinel, problem } = link.backup;
    if (sentinel === undefined) return problem?.message ?? `the sentinel of "${next}" is damaged`;
    chain.unshift(link);
    next = sentinel.kind === 'delta' ? sentinel.parent : undefined;
  }
  return chain;
}
