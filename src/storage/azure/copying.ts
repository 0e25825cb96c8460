/** Copies within the storage, which it makes by itself and may take its time for. */
import { messageOf } from '../../errors.ts';
import { StorageUnavailableError } from '../errors.ts';
import type { Abortable, Key } from '../storage.ts';
import { abortCopy, copyBlob, deleteBlob, headBlob } from './blob-requests.ts';
import type { AzureRequests } from './requests.ts';

const firstPauseMs = 100;
const longestPauseMs = 5_000;
const cleanUpMs = 30_000;

/**
 * Copies an object and waits until that is done. Within one account it is done at once; should it be called off while it
 * lasts, nothing is left of the target.
 *
 * @throws ObjectNotFoundError when the source is not there, the other errors of storages
 */
export async function copyObject(requests: AzureRequests, from: Key, to: Key, { signal }: Abortable): Promise<void> {
  const { etag } = await headBlob(requests, from, { signal });
  if (from === to) return;
  let copy = await copyBlob(requests, from, to, { etag, signal });
  const id = copy?.id;
  try {
    for (let pauseMs = firstPauseMs; copy?.status === 'pending'; pauseMs = Math.min(longestPauseMs, pauseMs * 2)) {
      await requests.clock.sleep(pauseMs, signal);
      copy = (await headBlob(requests, to, { signal })).copy;
    }
  } catch (error) {
    if (id !== undefined) await discard(requests, to, id);
    throw error;
  }
  if (copy?.status === 'success' && copy.id === id) return;
  throw new StorageUnavailableError(
    `cannot copy "${from}" to "${to}" in ${requests.config.location}: ${copy?.id === id ? `the copy is "${copy?.status ?? ''}"` : 'something else was written there'}`,
  );
}

async function discard(requests: AzureRequests, key: Key, id: string): Promise<void> {
  const options = { signal: AbortSignal.timeout(cleanUpMs) };
  try {
    await abortCopy(requests, key, id, options);
    await deleteBlob(requests, key, options);
  } catch (error) {
    requests.logger.warn('cannot call off a copy', { key, error: messageOf(error) });
  }
}
