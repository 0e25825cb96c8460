/** Objects that became other than what was sent. */
import { messageOf } from '../../errors.ts';
import type { Key } from '../storage.ts';
import type { GcsObject } from './object-resource.ts';
import type { GcsRequests } from './requests.ts';

/** Removes an object that a storage made of other bytes than were sent, unless it is another by now. Never fails. */
export async function removeWrong(requests: GcsRequests, key: Key, { generation }: Partial<GcsObject>): Promise<void> {
  if (generation === undefined) return;
  try {
    const { removeObject } = await import('./removal.ts');
    await removeObject(requests, key, { generation });
  } catch (error) {
    requests.logger.warn('an object has other bytes than were sent, and was not removed', {
      key,
      generation,
      reason: messageOf(error),
    });
  }
}
