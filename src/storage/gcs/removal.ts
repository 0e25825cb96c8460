/** Removing objects; each is a request of its own. */
import { messageOf } from '../../errors.ts';
import { ObjectNotFoundError } from '../errors.ts';
import type { Abortable, Key } from '../storage.ts';
import type { GcsObject } from './object-resource.ts';
import type { GcsRequests } from './requests.ts';

const atOnce = 32;

/** Removes objects; missing ones are no error. After a failure no further one is removed. */
export async function removeObjects(
  requests: GcsRequests,
  keys: readonly Key[],
  { signal }: Abortable = {},
): Promise<void> {
  const queue = keys.values();
  const failures: unknown[] = [];
  const drain = async (): Promise<void> => {
    for (const key of queue) {
      if (failures.length > 0) return;
      await removeObject(requests, key, { signal }).catch((error: unknown) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, keys.length) }, drain));
  if (failures.length > 0) throw failures[0];
}

/** Removes an object that a storage made of other bytes than were sent, unless it is another by now. Never fails. */
export async function removeWrong(requests: GcsRequests, key: Key, { generation }: Partial<GcsObject>): Promise<void> {
  if (generation === undefined) return;
  try {
    await removeObject(requests, key, { generation });
  } catch (error) {
    requests.logger.warn('an object has other bytes than were sent, and was not removed', {
      key,
      generation,
      reason: messageOf(error),
    });
  }
}

async function removeObject(
  requests: GcsRequests,
  key: Key,
  { generation, signal }: Abortable & { readonly generation?: string },
): Promise<void> {
  try {
    await requests.sendOnly({
      action: `delete "${key}"`,
      method: 'DELETE',
      to: requests.pathOf(key),
      query: { ifGenerationMatch: generation },
      key,
      signal,
    });
  } catch (error) {
    if (!(error instanceof ObjectNotFoundError)) throw error;
  }
}
