/** Versions and locks of a container: for whoever wants to know, not for what is written. */
import type { Abortable, Protection } from '../storage.ts';
import { answerBehind } from './answer-error.ts';
import type { AzureRequests } from './requests.ts';
import { sendBySdk } from './sdk.ts';

/**
 * Asks the container. Whether the account keeps versions it tells only where they can be locked; a signature for objects
 * alone may not ask. @throws the errors of storages
 */
export async function containerProtection(requests: AzureRequests, { signal }: Abortable = {}): Promise<Protection> {
  try {
    const asked = { action: 'ask the container about itself', signal };
    const told = await sendBySdk(requests, asked, (container) => container.getProperties());
    const canLock = told.isImmutableStorageWithVersioningEnabled;
    const isHeld = told.hasLegalHold;
    const isLocked = told.hasImmutabilityPolicy;
    if (isHeld === true || isLocked === true) {
      const lockText = isHeld === true ? 'legal hold' : 'immutability policy';
      return { ...(canLock === true && { versions: 'on' }), lock: 'always', lockText };
    }
    if (canLock === true) return { versions: 'on', lock: 'on demand' };
    return isLocked === undefined ? {} : { lock: 'off' };
  } catch (error) {
    signal?.throwIfAborted();
    const status = answerBehind(error)?.status;
    if (status === 403 || status === 404 || status === 501) return {};
    throw error;
  }
}
