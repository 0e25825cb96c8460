/** Who we are to the storage. Static keys need nothing but the settings; everything else is loaded when it is needed. */
import { readSettings, type RawSettings } from '../../config/setting.ts';
import type { HttpClient } from '../../network/http.ts';
import { systemClock, type Clock } from '../../platform/clock.ts';
import { messageOf } from '../../errors.ts';
import type { Logger } from '../../platform/logger.ts';
import { s3CredentialSettings } from './settings.ts';

/** A key with its secret. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
  /** When they end to be valid. */
  readonly expiration?: Date | undefined;
}

/** Gives credentials whenever a request is to be signed. */
export interface CredentialSource {
  /** @throws ArchiverError (`config`, `forbidden`, `unavailable`) */
  get(): Promise<AwsCredentials>;
  /** These were refused as expired. @returns whether others can be had */
  renew(refused: AwsCredentials): boolean;
}

/** What finding credentials needs. */
export interface CredentialOptions {
  readonly http: HttpClient;
  readonly region: string;
  readonly logger: Logger;
  readonly clock?: Clock;
}

/**
 * The credentials of the settings: a pair of keys if both are set, else what the chain of AWS finds; with
 * `AWS_ROLE_ARN`, those of the role (`storages.md` 2.1, 2.2 of the specification).
 */
export function s3Credentials(raw: RawSettings, options: CredentialOptions): CredentialSource {
  const given = readSettings(s3CredentialSettings, raw);
  const { accessKeyId, secretAccessKey, sessionToken, roleArn } = given;
  const { roleSessionName, stsEndpoint, webIdentityTokenFile: tokenFile } = given;
  const isStatic = accessKeyId !== undefined && secretAccessKey !== undefined && !given.yandexSessionToken;
  const base = isStatic
    ? fixed({ accessKeyId, secretAccessKey, sessionToken })
    : refreshed(async () => {
        const { chainCredentials } = await import('./credential-chain.ts');
        return chainCredentials(given, options.region);
      }, options);
  const withToken = !isStatic && !given.yandexSessionToken && tokenFile !== undefined && given.profile === undefined;
  // Where there is a token, the role is meant for it, and not for whoever has other credentials.
  if (roleArn === undefined || (tokenFile !== undefined && !withToken)) return base;
  return refreshed(async () => {
    const { assumedRole } = await import('./assume-role.ts');
    const by = withToken ? { tokenFile } : { credentials: await base.get() };
    return assumedRole({ ...options, by, roleArn, roleSessionName, stsEndpoint });
  }, options);
}

function fixed(credentials: AwsCredentials): CredentialSource {
  return { get: () => Promise.resolve(credentials), renew: () => false };
}

const renewBeforeMs = 5 * 60_000;

/** Asks once for all who wait, again before the end, and keeps what is still valid when that fails. */
export function refreshed(
  ask: () => Promise<AwsCredentials>,
  { logger, clock = systemClock }: Pick<CredentialOptions, 'logger' | 'clock'>,
): CredentialSource {
  let current: AwsCredentials | undefined;
  let asking: Promise<AwsCredentials> | undefined;

  const leftMs = (): number =>
    current === undefined ? 0 : (current.expiration?.getTime() ?? Number.POSITIVE_INFINITY) - clock.now().getTime();

  function askOnce(): Promise<AwsCredentials> {
    asking ??= ask()
      .then((found) => (current = found))
      .finally(() => (asking = undefined));
    return asking;
  }

  return {
    async get() {
      if (current !== undefined && leftMs() > renewBeforeMs) return current;
      try {
        return await askOnce();
      } catch (error) {
        if (current === undefined || leftMs() <= 0) throw error;
        logger.warn('cannot renew the credentials, going on with those that end soon', { error: messageOf(error) });
        return current;
      }
    },
    renew(refused) {
      // Others may have found that out before.
      if (current === refused) current = undefined;
      return true;
    },
  };
}
