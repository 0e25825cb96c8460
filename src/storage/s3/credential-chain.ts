/** The chain of AWS: profile, web identity, container, instance. It takes its time to load and to answer. */
import { defaultProvider, type DefaultProviderInit } from '@aws-sdk/credential-provider-node';
import type { Settings } from '../../config/setting.ts';
import { ArchiverError, messageOf } from '../../errors.ts';
import { StorageUnavailableError } from '../errors.ts';
import type { AwsCredentials } from './credentials.ts';
import type { s3CredentialSettings } from './settings.ts';

const deadlineMs = 60_000;
const patience = { timeout: 5_000, maxRetries: 2 };

/**
 * Asks the chain, within a minute.
 *
 * @throws ArchiverError (`config`) when nobody has credentials for us, StorageUnavailableError when it takes too long
 */
export async function chainCredentials(
  given: Settings<typeof s3CredentialSettings>,
  region: string,
): Promise<AwsCredentials> {
  const init: DefaultProviderInit = {
    ...patience,
    // Of the token service, for profiles that name a role.
    clientConfig: { region, ...(given.stsEndpoint !== undefined && { endpoint: given.stsEndpoint }) },
    ...(given.profile !== undefined && { profile: given.profile }),
    ...(given.credentialsFile !== undefined && { filepath: given.credentialsFile }),
    ...(given.configFile !== undefined && { configFilepath: given.configFile }),
    ...(given.webIdentityTokenFile !== undefined && { webIdentityTokenFile: given.webIdentityTokenFile }),
    ...(given.webIdentityTokenFile !== undefined && given.roleArn !== undefined && { roleArn: given.roleArn }),
    ...(given.roleSessionName !== undefined && { roleSessionName: given.roleSessionName }),
  };
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new StorageUnavailableError(`no AWS credentials within ${deadlineMs / 1000} s`, { hint }));
    }, deadlineMs);
  });
  try {
    return await Promise.race([late, found(given, init)]);
  } catch (error) {
    if (error instanceof ArchiverError) throw error;
    throw new ArchiverError('config', `no AWS credentials found: ${messageOf(error)}`, { cause: error, hint });
  } finally {
    clearTimeout(timer);
  }
}

const hint =
  'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or run where an instance or container has a role.';

async function found(given: Settings<typeof s3CredentialSettings>, init: DefaultProviderInit): Promise<AwsCredentials> {
  if (!given.yandexSessionToken) return defaultProvider(init)();
  const { instanceCredentials } = await import('./instance-credentials.ts');
  return instanceCredentials(patience);
}
