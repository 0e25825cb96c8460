/**
 * Carries out what a deletion plan says, in an order in which a run that is cut off anywhere leaves no backup that looks
 * whole and is not. Running the same deletion again goes on with the rest.
 */
import type { Logger } from '../../platform/logger.ts';
import type { Abortable, Key, ObjectInfo, Storage } from '../../storage/storage.ts';

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
export interface Removal {
  readonly storage: Storage;
  /** Among several storages; undefined when there is one. */
  readonly storageName: string | undefined;
  readonly backups: readonly GoingBackup[];
  /** Folders without a sentinel that nobody works on. */
  readonly leftovers: readonly ObjectInfo[];
  /** Segments and what belongs to them, the oldest first. */
  readonly wal: readonly ObjectInfo[];
  /** Timeline history files, and whatever else goes. */
  readonly others: readonly ObjectInfo[];
}

/** Objects that may go at the same time. The next step begins when they are all gone. */
export interface RemovalStep {
  readonly what: 'sentinels' | 'backups' | 'WAL' | 'others';
  readonly objects: readonly ObjectInfo[];
}

/** The order in which a removal is carried out: after any part of it, in which a step may be done in part, no backup lacks anything. */
export function removalSteps(removal: Omit<Removal, 'storage' | 'storageName'>): readonly RemovalStep[] {
  const steps: RemovalStep[] = [
    ...sentinelGenerations(removal.backups).map((objects) => ({ what: 'sentinels' as const, objects })),
    { what: 'backups', objects: [...removal.backups.flatMap(({ objects }) => objects), ...removal.leftovers] },
    { what: 'WAL', objects: removal.wal },
    { what: 'others', objects: removal.others },
  ];
  return steps.filter(({ objects }) => objects.length > 0);
}

/** The sentinels of backups of which no other going one is a delta; then of those that are left, and so on. */
function sentinelGenerations(backups: readonly GoingBackup[]): readonly (readonly ObjectInfo[])[] {
  const byName = new Map(backups.map((backup) => [backup.name, backup]));
  const heights = new Map<GoingBackup, number>();
  for (const backup of backups) {
    let height = 0;
    const seen = new Set<GoingBackup>();
    for (let at: GoingBackup | undefined = backup; at !== undefined && !seen.has(at); height++) {
      seen.add(at);
      const known = heights.get(at);
      if (known !== undefined && known >= height) break;
      heights.set(at, height);
      at = at.parent === undefined ? undefined : byName.get(at.parent);
    }
  }
  const generations: ObjectInfo[][] = [];
  for (const [{ sentinel }, height] of heights) (generations[height] ??= []).push(sentinel);
  return generations;
}

/** What carrying out needs. */
export interface CarryOutOptions extends Abortable {
  readonly logger: Logger;
  /** Requests at once. */
  readonly concurrency: number;
  /** Asked before each batch; throws when the right to delete is lost (`Lease.check`). */
  readonly checkLease: () => void;
  /** Told the bytes of all objects deleted so far. */
  readonly onProgress: (bytes: number) => void;
}

/** What was deleted. */
export interface CarriedOut {
  readonly objects: number;
  readonly bytes: number;
}

/**
 * Deletes what the removals say, one storage after the other.
 *
 * @throws the storage's error, or that of the lease; what was deleted up to then is gone
 */
export async function carryOut(removals: readonly Removal[], options: CarryOutOptions): Promise<CarriedOut> {
  let done: CarriedOut = { objects: 0, bytes: 0 };
  for (const removal of removals) {
    const { storage } = removal;
    for (const { objects } of removalSteps(removal)) {
      for (const batch of batchesOf(objects)) {
        options.checkLease();
        options.signal?.throwIfAborted();
        await storage.delete(keysOf(batch), { signal: options.signal });
        done = { objects: done.objects + batch.length, bytes: batch.reduce((sum, o) => sum + o.sizeBytes, done.bytes) };
        options.onProgress(done.bytes);
      }
    }
  }
  return done;
}

function keysOf(objects: readonly ObjectInfo[]): Key[] {
  return objects.map(({ key }) => key);
}

const batchObjects = 1000;

function* batchesOf(objects: readonly ObjectInfo[]): Generator<readonly ObjectInfo[]> {
  for (let at = 0; at < objects.length; at += batchObjects) yield objects.slice(at, at + batchObjects);
}
