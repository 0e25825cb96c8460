/** Making an object of segments, whoever puts those: what is left when it fails, and what it replaces. */
import { ArchiverError, messageOf } from '../../errors.ts';
import { ObjectExistsError, ObjectNotFoundError } from '../errors.ts';
import type { Key } from '../storage.ts';
import { answerBehind } from './answer-error.ts';
import { deleteSegments, ownedBy, readList, type ListEntry } from './large-object.ts';
import { headObject, type MakeOptions, type ObjectHead } from './object-requests.ts';
import { pathOf, type ObjectPlace } from './object-place.ts';
import type { SwiftRequests } from './requests.ts';
import { listLimits, putList } from './segment-store.ts';
import { newSegmentFolder } from './segment-names.ts';
import { madeOnce } from './made-once.ts';

/** Where segments go. */
export interface SegmentFolder {
  /** The start of their names. */
  readonly folder: string;
  /** What was put there, or may have been: told before it is. */
  readonly places: ObjectPlace[];
}

const cleanUpMs = 60_000;

/**
 * Makes an object of what `putSegments` puts and gives back. Whatever fails before the list is sent leaves no segment; when
 * it cannot be known whether there will be an object, its segments stay.
 *
 * @throws ObjectExistsError with `make.onlyAs`, the other errors of storages, those of `putSegments`
 */
export async function makeOfSegments(
  requests: SwiftRequests,
  key: Key,
  make: MakeOptions,
  putSegments: (to: SegmentFolder) => Promise<readonly ListEntry[]>,
): Promise<void> {
  const { signal } = make;
  const before = await headIfThere(requests, key, make);
  // Asked about first, so that nothing is sent for nothing.
  if (before !== undefined && make.onlyAs !== undefined) throw new ObjectExistsError(key, requests.config.location);
  const limits = await listLimits(requests, { signal });
  const replaced = before === undefined ? [] : await ownedBy(requests, key, before, { signal });
  const folder = newSegmentFolder(requests.nameOf(key), requests.clock);
  const places: ObjectPlace[] = [];
  let entries: readonly ListEntry[];
  try {
    entries = await putSegments({ folder, places });
    signal?.throwIfAborted();
  } catch (error) {
    await discard(requests, key, places);
    throw error;
  }
  try {
    await madeOnce(requests, key, make, () => putList(requests, key, entries, { ...make, folder, places, limits }));
  } catch (error) {
    if (await isThere(requests, key, folder)) return;
    if (isDefinite(error)) await discard(requests, key, places);
    else requests.logger.warn('cannot tell whether an object was made: its segments stay until a clean-up', { key });
    throw error;
  }
  await discard(requests, key, replaced);
}

async function headIfThere(
  requests: SwiftRequests,
  key: Key,
  { signal }: MakeOptions,
): Promise<ObjectHead | undefined> {
  try {
    return await headObject(requests, key, { signal });
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return undefined;
    throw error;
  }
}

/** The storage said no, so that there will be no object later either. */
function isDefinite(error: unknown): boolean {
  const status = answerBehind(error)?.status;
  if (status !== undefined) return status < 500 && ![408, 499].includes(status);
  return error instanceof ObjectExistsError || (error instanceof ArchiverError && error.kind === 'config');
}

/** Whether the object is the one of these segments: its answer may have got lost. */
async function isThere(requests: SwiftRequests, key: Key, folder: string): Promise<boolean> {
  try {
    const options = { newest: true, key, signal: AbortSignal.timeout(cleanUpMs) };
    const entries = (await readList(requests, requests.placeOf(key), options)) ?? [];
    return entries.some((entry) => !('data' in entry) && entry.place.name.startsWith(folder));
  } catch {
    return false;
  }
}

/** Not called off by what called off the upload: it is what makes that clean. */
async function discard(requests: SwiftRequests, key: Key, places: readonly ObjectPlace[]): Promise<void> {
  try {
    await deleteSegments(requests, places, { signal: AbortSignal.timeout(cleanUpMs) });
  } catch (error) {
    requests.logger.warn('cannot remove segments that belong to nothing; a later clean-up does', {
      key,
      first: places[0] === undefined ? '' : pathOf(places[0]),
      error: messageOf(error),
    });
  }
}
