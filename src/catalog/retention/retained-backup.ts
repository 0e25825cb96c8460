/** A backup as retention sees it, of whatever database, and what builds on what. */
import type { ArchiverError } from '../../errors.ts';
import type { ObjectInfo } from '../../storage/storage.ts';
import type { JsonValue } from '../json.ts';
import type { DatedBackup } from '../order.ts';
import type { TimeNs } from '../time.ts';

/** A complete backup in one of the storages. */
export interface RetainedBackup extends DatedBackup {
  readonly name: string;
  /** Among several storages; undefined when there is one. */
  readonly storageName: string | undefined;
  /** What tells the clusters of an archive apart; undefined when it is not recorded. */
  readonly cluster: bigint | string | undefined;
  /** The backup that it is an increment of, as it says itself; undefined: it is a full one, or cannot be read. */
  readonly parent: string | undefined;
  /** Whether it is an increment, as far as that can be known. */
  readonly isDelta: boolean;
  readonly userData: JsonValue | undefined;
  readonly isPermanent: boolean;
  /** False: what would tell is damaged, so that it may be permanent. */
  readonly isPermanenceKnown: boolean;
  /** False: its sentinel is damaged; `problem` says how. */
  readonly isReadable: boolean;
  readonly problem: ArchiverError | undefined;
  /** When it was complete, by the clock of the storage; a mark that was written since does not count. */
  readonly stored: TimeNs;
  /** The sentinel and all else that belongs to it. */
  readonly objects: readonly ObjectInfo[];
}

/** Whether it is permanent, or may be. */
export function isProtected({ isPermanent, isPermanenceKnown }: RetainedBackup): boolean {
  return isPermanent || !isPermanenceKnown;
}

/** Finds what backups build on. */
export interface Chains<B> {
  /** The base of a delta; none of a full backup, or when it is not there. Several when names or storages leave it open. */
  parentsOf(backup: B): readonly B[];
  /** Everything that a backup builds on, at first or second hand, the nearest first. */
  basesOf(backup: B): readonly B[];
  /** What a backup that is being made may build on, by the name of its folder. */
  basesByName(name: string): readonly B[];
}

/**
 * Chains among backups. Of a base that several storages have, each may be the one that is meant.
 *
 * @param guess what a backup of this name may build on, when nothing else tells
 */
export function chainsOf<B extends RetainedBackup>(
  backups: readonly B[],
  guess: (name: string) => readonly B[],
): Chains<B> {
  const byName = Map.groupBy(backups, ({ name }) => name);
  const parentsOf = (backup: B): readonly B[] => {
    const { name, parent, isReadable } = backup;
    if (!isReadable) return guess(name);
    return parent === undefined ? [] : (byName.get(parent) ?? []);
  };
  const follow = (first: readonly B[]): readonly B[] => {
    const bases = new Set(first);
    for (const base of bases) for (const parent of parentsOf(base)) bases.add(parent);
    return [...bases];
  };
  return { parentsOf, basesOf: (backup) => follow(parentsOf(backup)), basesByName: (name) => follow(guess(name)) };
}
