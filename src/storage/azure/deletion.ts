/** Removing objects; each is a request of its own. */
import { ObjectNotFoundError } from '../errors.ts';
import type { Abortable, Key } from '../storage.ts';
import type { AzureRequests } from './requests.ts';
import { sendBySdk } from './sdk.ts';

const deletionsAtOnce = 32;

/** Removes objects with their snapshots; missing ones are no error. After a failure no further one is removed. */
export async function deleteObjects(
  requests: AzureRequests,
  keys: readonly Key[],
  { signal }: Abortable,
): Promise<void> {
  const left = [...keys];
  const deleteSome = async (): Promise<void> => {
    for (let key = left.pop(); key !== undefined; key = left.pop()) {
      try {
        await deleteBlob(requests, key, { signal });
      } catch (error) {
        if (error instanceof ObjectNotFoundError) continue;
        left.length = 0;
        throw error;
      }
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: deletionsAtOnce }, deleteSome));
  for (const result of ended) if (result.status === 'rejected') throw result.reason;
}

/** Removes an object and its snapshots. @throws ObjectNotFoundError */
export async function deleteBlob(requests: AzureRequests, key: Key, { signal }: Abortable): Promise<void> {
  await sendBySdk(requests, { action: `delete "${key}"`, key, signal }, (container) =>
    container.getBlobClient(requests.nameOf(key)).delete({ deleteSnapshots: 'include' }),
  );
}
