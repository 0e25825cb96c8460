/** Who we are to AWS: its default chain, with settings of a configuration file in the place of environment variables. */
import { defaultProvider, type DefaultProviderInit } from '@aws-sdk/credential-provider-node';
import type { KMSClientConfig } from '@aws-sdk/client-kms';
import type { RawSettings } from '../../config/setting.ts';

/**
 * The credentials of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, else what the chain finds: profile, web identity,
 * container, instance. Nothing is looked up before they are needed.
 */
export function awsCredentials(raw: RawSettings): NonNullable<KMSClientConfig['credentials']> {
  const text = (...names: readonly string[]): string | undefined =>
    names.map((name) => raw.get(name)?.text).find((found) => found !== undefined);
  const accessKeyId = text('AWS_ACCESS_KEY_ID', 'AWS_ACCESS_KEY');
  const secretAccessKey = text('AWS_SECRET_ACCESS_KEY', 'AWS_SECRET_KEY');
  if (accessKeyId !== undefined && secretAccessKey !== undefined) {
    const sessionToken = text('AWS_SESSION_TOKEN');
    return { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
  }
  const given = {
    profile: text('AWS_PROFILE'),
    filepath: text('AWS_SHARED_CREDENTIALS_FILE'),
    configFilepath: text('AWS_CONFIG_FILE'),
    webIdentityTokenFile: text('AWS_WEB_IDENTITY_TOKEN_FILE'),
    roleArn: text('AWS_ROLE_ARN'),
    roleSessionName: text('AWS_ROLE_SESSION_NAME'),
  };
  return defaultProvider(withoutUndefined(given));
}

function withoutUndefined(init: Readonly<Record<string, string | undefined>>): DefaultProviderInit {
  return Object.fromEntries(Object.entries(init).filter(([, value]) => value !== undefined));
}
