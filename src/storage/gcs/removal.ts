/** Removing objects; each is a request of its own. */
import { ObjectNotFoundError } from '../errors.ts';
import type { Abortable, Key } from '../storage.ts';
import type { GcsRequests } from './requests.ts';
import { sendBySdk } from './sdk.ts';

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

/** Removes one object, or only this generation of it; a missing one is no error. */
export async function removeObject(
  requests: GcsRequests,
  key: Key,
  { generation, signal }: Abortable & { readonly generation?: string },
): Promise<void> {
  try {
    await sendBySdk(requests, { action: `delete "${key}"`, key, signal }, (bucket) =>
      bucket.file(requests.nameOf(key)).delete(generation === undefined ? {} : { ifGenerationMatch: generation }),
    );
  } catch (error) {
    if (!(error instanceof ObjectNotFoundError)) throw error;
  }
}
