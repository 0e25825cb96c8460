/** Copies within the storage, which it makes by itself and may take its time for. */
import { messageOf } from '../../errors.ts';
import { StorageUnavailableError } from '../errors.ts';
import type { Abortable, Key } from '../storage.ts';
import { headBlob, type BlobHead } from './blob-requests.ts';
import { deleteBlob } from './deletion.ts';
import type { AzureRequests } from './requests.ts';
import { sendBySdk } from './sdk.ts';

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
  let copy = await beginCopy(requests, from, to, { etag, signal });
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

/**
 * Begins a copy. The SDK would wait for its end, too, but only looks at the status: it waits for ever for a copy that was
 * called off, and takes what somebody else wrote there meanwhile for its own.
 */
async function beginCopy(
  requests: AzureRequests,
  from: Key,
  to: Key,
  { etag, signal }: Abortable & { readonly etag: string | undefined },
): Promise<BlobHead['copy']> {
  const asked = {
    ...{ action: `copy "${from}" to "${to}"`, key: to, signal },
    headers: { 'x-ms-copy-source': requests.sourceUrl(from) },
  };
  return sendBySdk(requests, asked, async (container) => {
    const conditions = etag === undefined ? {} : { sourceConditions: { ifMatch: etag } };
    // Not the real source, which may be secret: where AZURE_LOG_LEVEL is set, the SDK writes it to the log.
    const poller = await container
      .getBlobClient(requests.nameOf(to))
      .beginCopyFromURL(container.getBlobClient(requests.nameOf(from)).url, conditions);
    const { copyId: id } = poller.getOperationState() as { readonly copyId?: string };
    return id === undefined ? undefined : { id, status: poller.isDone() ? 'success' : 'pending' };
  });
}

async function discard(requests: AzureRequests, key: Key, id: string): Promise<void> {
  const options = { signal: AbortSignal.timeout(cleanUpMs) };
  try {
    await sendBySdk(requests, { action: `call off the copy to "${key}"`, key, ...options }, (container) =>
      container.getBlobClient(requests.nameOf(key)).abortCopyFromURL(id),
    );
    await deleteBlob(requests, key, options);
  } catch (error) {
    requests.logger.warn('cannot call off a copy', { key, error: messageOf(error) });
  }
}
