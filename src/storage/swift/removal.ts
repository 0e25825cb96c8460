/** Deleting objects, and the segments of large ones. */
import { ObjectNotFoundError } from '../errors.ts';
import type { Abortable, Key } from '../storage.ts';
import { eachOf } from './each-of.ts';
import { deleteSegments, ownedBy } from './large-object.ts';
import { deleteAt, headObject, type ObjectHead } from './object-requests.ts';
import type { SwiftRequests } from './requests.ts';

/**
 * Deletes objects; missing ones are no error. A large object goes before its segments do: a run that ends in between leaves
 * segments that a clean-up finds, and no object with holes.
 */
export async function deleteObjects(
  requests: SwiftRequests,
  keys: readonly Key[],
  { signal }: Abortable,
): Promise<void> {
  await eachOf(keys, async (key) => {
    let head: ObjectHead;
    try {
      head = await headObject(requests, key, { signal });
    } catch (error) {
      if (error instanceof ObjectNotFoundError) return;
      throw error;
    }
    if (head.isFolder) return;
    const segments = await ownedBy(requests, key, head, { signal });
    await deleteAt(requests, requests.placeOf(key), { key, signal });
    await deleteSegments(requests, segments, { signal });
  });
}
