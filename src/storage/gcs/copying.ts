/** Copies within the storage, whose bytes don't come here. */
import { StorageUnavailableError } from '../errors.ts';
import type { Abortable, Key } from '../storage.ts';
import type { GcsRequests } from './requests.ts';
import { sendBySdk } from './sdk.ts';

/** Copies an object, a large one in several rounds. @throws ObjectNotFoundError, the other errors of storages */
export async function copyObject(requests: GcsRequests, from: Key, to: Key, { signal }: Abortable): Promise<void> {
  const action = `copy "${from}" to "${to}"`;
  const headers = { ...requests.customerKeyHeaders(), ...requests.customerKeyHeaders('copy-source-') };
  const [, answer] = await sendBySdk(requests, { action, key: from, headers, signal }, (bucket) =>
    bucket.file(requests.nameOf(from)).copy(bucket.file(requests.nameOf(to))),
  );
  if ((answer as { readonly done?: boolean }).done === true) return;
  throw new StorageUnavailableError(`cannot ${action} in ${requests.config.location}: it came to no end`);
}
