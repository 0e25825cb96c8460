/** Versions and locks of a bucket: for whoever wants to know, not for what is written. */
import { GetBucketVersioningCommand, GetObjectLockConfigurationCommand } from '@aws-sdk/client-s3';
import type { Protection } from '../storage.ts';
import { answerBehind, isRefusal } from './answer-error.ts';
import type { VerbOptions } from './object-requests.ts';
import type { S3Requests } from './request.ts';
import { sendBySdk } from './sdk.ts';

/** Asks the bucket; locks of our own making count as well. What it does not know, or does not let us ask, is undefined. @throws the errors of storages */
export async function bucketProtection(requests: S3Requests, { signal }: VerbOptions = {}): Promise<Protection> {
  const [versions, lock] = await Promise.all([versionsOf(requests, signal), lockOf(requests, signal)]);
  const { lock: own } = requests.config.objects;
  const ours =
    own === undefined
      ? lock
      : ({
          lock: 'always',
          lockText: `${own.mode}, ${counted(own.seconds, 'second')} by S3_RETENTION_PERIOD`,
        } as const);
  return { ...(versions !== undefined && { versions }), ...ours };
}

async function versionsOf(
  requests: S3Requests,
  signal: AbortSignal | undefined,
): Promise<'on' | 'off' | 'suspended' | undefined> {
  try {
    const { Status: status } = await sendBySdk(
      requests,
      new GetBucketVersioningCommand({ Bucket: requests.config.bucket }),
      { action: 'ask about versions', root: 'VersioningConfiguration', signal },
    );
    if (status === 'Enabled') return 'on';
    return status === 'Suspended' ? 'suspended' : 'off';
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return undefined;
  }
}

async function lockOf(
  requests: S3Requests,
  signal: AbortSignal | undefined,
): Promise<Pick<Protection, 'lock' | 'lockText'>> {
  try {
    const { ObjectLockConfiguration: lock } = await sendBySdk(
      requests,
      new GetObjectLockConfigurationCommand({ Bucket: requests.config.bucket }),
      { action: 'ask about locks', root: 'ObjectLockConfiguration', signal },
    );
    if (lock?.ObjectLockEnabled !== 'Enabled') return { lock: 'off' };
    const { Mode: mode, Days: days, Years: years } = lock.Rule?.DefaultRetention ?? {};
    if (mode === undefined) return { lock: 'on demand' };
    const time = days === undefined ? counted(years ?? 0, 'year') : counted(days, 'day');
    return { lock: 'always', lockText: `${mode}, ${time}` };
  } catch (error) {
    if (answerBehind(error)?.code === 'ObjectLockConfigurationNotFoundError') return { lock: 'off' };
    if (!isRefusal(error)) throw error;
    return {};
  }
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
