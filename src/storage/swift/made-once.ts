/** Creating what is absent, where answers get lost. */
import { ObjectExistsError, ObjectNotFoundError } from '../errors.ts';
import type { Key } from '../storage.ts';
import { headObject, type MakeOptions } from './object-requests.ts';
import type { SwiftRequests } from './requests.ts';

/**
 * Does what makes an object. One that is there when it was to be made may be the one that was made, when only the answer got
 * lost: the word in it tells.
 */
export async function madeOnce(
  requests: SwiftRequests,
  key: Key,
  { onlyAs, signal }: MakeOptions,
  act: () => Promise<{ readonly superseded: boolean }>,
): Promise<void> {
  let met: ObjectExistsError;
  try {
    const { superseded } = await act();
    // Without a condition the newer one has won, as it would have a moment later.
    if (!superseded || onlyAs === undefined) return;
    met = new ObjectExistsError(key, requests.config.location);
  } catch (error) {
    if (!(error instanceof ObjectExistsError) || onlyAs === undefined) throw error;
    met = error;
  }
  try {
    if ((await headObject(requests, key, { signal })).maker === onlyAs) return;
  } catch (error) {
    // Removed again meanwhile: it was there.
    if (!(error instanceof ObjectNotFoundError)) throw error;
  }
  throw met;
}
