/** In which order what a deletion plan says is deleted. Pure. */
import type { ObjectInfo } from '../../storage/storage.ts';

/** A backup that goes. */
export interface GoingBackup {
  readonly name: string;
  /** The backup it is a delta of; undefined for a full one. */
  readonly parent: string | undefined;
  readonly sentinel: ObjectInfo;
  /** The rest of it: everything below its folder, and what else tells of it alone. */
  readonly objects: readonly ObjectInfo[];
}

/** What goes from one storage. No object twice. */
export interface PlannedRemoval {
  /** Among several storages; undefined when there is one. */
  readonly storageName: string | undefined;
  readonly backups: readonly GoingBackup[];
  /** Folders without a sentinel that nobody works on. */
  readonly leftovers: readonly ObjectInfo[];
  /** Files of the log and what belongs to them, the oldest first. */
  readonly log: readonly ObjectInfo[];
  /** Whatever else goes. */
  readonly others: readonly ObjectInfo[];
}

/** Objects of one storage. */
export interface RemovedFrom<R> {
  readonly from: R;
  /** At least one. */
  readonly objects: readonly ObjectInfo[];
}

/** Objects that may go in any order. The next step begins when they are all gone. */
export interface RemovalStep<R> {
  readonly what: 'sentinels' | 'backups' | 'log' | 'others';
  readonly places: readonly RemovedFrom<R>[];
}

/**
 * The order in which removals are carried out: after any part of it, in which a step may be done in part, no backup lacks
 * anything that was there before. A step is done on all storages before the next begins anywhere, since the log may lie in
 * another storage than the backups that need it.
 */
export function removalSteps<R extends PlannedRemoval>(removals: readonly R[]): readonly RemovalStep<R>[] {
  const step = (what: RemovalStep<R>['what'], objectsOf: (removal: R) => readonly ObjectInfo[]): RemovalStep<R> => ({
    what,
    places: removals.map((from) => ({ from, objects: objectsOf(from) })).filter(({ objects }) => objects.length > 0),
  });
  const heights = heightsOf(removals.flatMap(({ backups }) => backups));
  const highest = Math.max(-1, ...heights.values());
  const sentinels = Array.from({ length: highest + 1 }, (_, height) =>
    step('sentinels', ({ backups }) =>
      backups.filter((backup) => heights.get(backup.name) === height).map(({ sentinel }) => sentinel),
    ),
  );
  return [
    ...sentinels,
    step('backups', ({ backups, leftovers }) => [...backups.flatMap(({ objects }) => objects), ...leftovers]),
    step('log', ({ log }) => log),
    step('others', ({ others }) => others),
  ].filter(({ places }) => places.length > 0);
}

/** By name: 0 for a backup of which none that goes is a delta, else one more than the highest of its deltas. */
function heightsOf(backups: readonly GoingBackup[]): ReadonlyMap<string, number> {
  const heights = new Map(backups.map(({ name }) => [name, 0]));
  const parents = new Map([...heights.keys()].map((name) => [name, new Set<string>()]));
  for (const { name, parent } of backups) {
    if (parent !== undefined && parent !== name && heights.has(parent)) parents.get(name)?.add(parent);
  }
  const deltas = new Map<string, number>();
  for (const parent of [...parents.values()].flatMap((some) => [...some])) {
    deltas.set(parent, (deltas.get(parent) ?? 0) + 1);
  }
  // Those whose deltas are all done. A chain that leads back to itself is never among them; it cannot be restored anyway.
  const ready = [...heights.keys()].filter((name) => !deltas.has(name));
  for (const name of ready) {
    const height = heights.get(name) ?? 0;
    for (const parent of parents.get(name) ?? []) {
      heights.set(parent, Math.max(heights.get(parent) ?? 0, height + 1));
      const left = (deltas.get(parent) ?? 1) - 1;
      deltas.set(parent, left);
      if (left === 0) ready.push(parent);
    }
  }
  return heights;
}
