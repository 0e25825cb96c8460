/**
 * Carries out what a deletion plan says, in an order in which a run that is cut off anywhere leaves no backup that looks
 * whole and is not. Running the same deletion again goes on with the rest.
 */
import { ArchiverError } from '../../errors.ts';
import { mapConcurrently } from '../../pipeline/concurrency.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Abortable, ObjectInfo, Storage } from '../../storage/storage.ts';
import { totalBytesOf } from '../storage-tools/listing.ts';
import { removalSteps, type PlannedRemoval } from './removal-steps.ts';

/** What goes from a storage, and the storage. */
export interface Removal extends PlannedRemoval {
  readonly storage: Storage;
}

/** What carrying out needs. */
export interface CarryOutOptions extends Abortable {
  readonly logger: Logger;
  /** Requests at once, from 1. */
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

/** A storage to delete in: one of several mirrors, or all there is. */
interface Place {
  readonly storage: Storage;
  /** Of a mirror. */
  readonly mirror: string | undefined;
  failure?: unknown;
}

/**
 * Deletes what the removals say, step by step. One of several mirrors that fails has none of what comes after, and does not
 * keep the others from going on; its error is thrown in the end.
 *
 * @throws the storage's error, or that of the lease; what was deleted up to then is gone
 */
export async function carryOut(removals: readonly Removal[], options: CarryOutOptions): Promise<CarriedOut> {
  const { logger, onProgress } = options;
  const placesOf = new Map(removals.map((removal) => [removal, placesIn(removal)]));
  let done: CarriedOut = { objects: 0, bytes: 0 };
  for (const { what, places } of removalSteps(removals)) {
    for (const { from, objects } of places) {
      logger.debug('deleting', { what, objects: objects.length, location: from.storage.location });
      const mirrors = placesOf.get(from) ?? [];
      const counted = new Set<number>();
      await Promise.all(
        mirrors.map((place) =>
          deleteIn(place, objects, options, (batch, index) => {
            // What is on several mirrors counts once.
            if (counted.has(index)) return;
            counted.add(index);
            done = { objects: done.objects + batch.length, bytes: done.bytes + totalBytesOf(batch) };
            onProgress(done.bytes);
          }),
        ),
      );
      if (mirrors.every(({ failure }) => failure !== undefined)) throw mirrors[0]?.failure;
    }
  }
  const failed = [...placesOf.values()].flat().find(({ failure }) => failure !== undefined);
  if (failed !== undefined) throw failed.failure;
  return done;
}

function placesIn({ storage }: Removal): readonly Place[] {
  return (
    storage.copies?.map(({ name, storage: one }) => ({ mirror: name, storage: one })) ?? [
      { storage, mirror: undefined },
    ]
  );
}

/** Every adapter deletes the objects of one call side by side, or by one request. */
const batchObjects = 1000;
const batchesAtOnce = 4;

async function deleteIn(
  place: Place,
  objects: readonly ObjectInfo[],
  { signal, concurrency, checkLease }: CarryOutOptions,
  onDone: (batch: readonly ObjectInfo[], index: number) => void,
): Promise<void> {
  await mapConcurrently([...batchesOf(objects)], Math.min(concurrency, batchesAtOnce), async (entry) => {
    const [index, batch] = entry;
    if (place.failure !== undefined) return;
    checkLease();
    signal?.throwIfAborted();
    const keys = batch.map(({ key }) => key);
    try {
      await place.storage.delete(keys, { signal });
    } catch (error) {
      if (place.mirror === undefined || !(error instanceof ArchiverError) || error.kind === 'interrupted') throw error;
      place.failure = mirrorError(error, place.mirror);
      return;
    }
    onDone(batch, index);
  });
}

function mirrorError(error: ArchiverError, mirror: string): ArchiverError {
  return new ArchiverError(error.kind, `not everything was deleted on mirror "${mirror}": ${error.message}`, {
    cause: error,
    hint: 'Run the same deletion again when it is back, and before "mirror sync", which would bring back what the other mirrors have lost.',
  });
}

/** With their numbers. */
function* batchesOf(objects: readonly ObjectInfo[]): Generator<readonly [number, readonly ObjectInfo[]]> {
  for (let at = 0; at < objects.length; at += batchObjects) yield [at, objects.slice(at, at + batchObjects)];
}
