/** Versions and locks of a bucket: for whoever wants to know, not for what is written. */
import type { BucketMetadata } from '@google-cloud/storage';
import type { Abortable, Protection } from '../storage.ts';
import { answerBehind } from './answer-error.ts';
import type { GcsRequests } from './requests.ts';
import { sendBySdk } from './sdk.ts';

/** Asks the bucket. Who may only use its objects is refused, and learns nothing. @throws the errors of storages */
export async function bucketProtection(requests: GcsRequests, { signal }: Abortable = {}): Promise<Protection> {
  let told: BucketMetadata;
  try {
    const fields = 'versioning,retentionPolicy,objectRetention,defaultEventBasedHold';
    const asked = { action: 'ask the bucket about itself', signal };
    [told] = await sendBySdk(requests, asked, (bucket) => bucket.getMetadata({ fields }));
  } catch (error) {
    signal?.throwIfAborted();
    const status = answerBehind(error)?.status;
    if (status === 403 || status === 404 || status === 501) return {};
    throw error;
  }
  const { versioning, retentionPolicy, objectRetention, defaultEventBasedHold = false } = told;
  const seconds = Number(retentionPolicy?.retentionPeriod ?? 0);
  const onDemand = objectRetention?.mode === 'Enabled';
  return {
    versions: versioning?.enabled === true ? 'on' : 'off',
    lock: seconds > 0 || defaultEventBasedHold ? 'always' : onDemand ? 'on demand' : 'off',
    ...(seconds > 0 && { lockText: `${seconds} seconds` }),
  };
}
