/** Who we are to Google. The key of a service account needs no SDK; everything else is loaded when it is needed. */
import { readFileSync } from 'node:fs';
import { ArchiverError, messageOf } from '../../errors.ts';
import { systemClock, type Clock } from '../../platform/clock.ts';
import { serviceAccountOf, signedToken, tokenSeconds, type ServiceAccount } from './service-account.ts';

/** Headers that prove who we are: `authorization`, and what else belongs to it. */
export type IdentityHeaders = Readonly<Record<string, string>>;

/** Gives headers whenever a request is to be sent. */
export interface CredentialSource {
  /** @throws ArchiverError (`config`, `forbidden`, `unavailable`) */
  get(): Promise<IdentityHeaders>;
  /** These were refused: the next ones are to be others. */
  renew(refused: IdentityHeaders): void;
}

/** Where to look for credentials. */
export interface CredentialOptions {
  /** `GOOGLE_APPLICATION_CREDENTIALS`; undefined: what Google's library finds on the machine. */
  readonly credentialsFile: string | undefined;
  readonly clock?: Clock;
}

/** Before its end, so that a request that takes its time is not refused half-way. */
const earlyMs = 300_000;

/**
 * The application default credentials: those of the file, else of gcloud, else of the instance.
 *
 * @throws ArchiverError (`config`) when the file cannot be read
 */
export function gcsCredentials({ credentialsFile, clock = systemClock }: CredentialOptions): CredentialSource {
  const content = credentialsFile === undefined ? undefined : contentOf(credentialsFile);
  const account = content === undefined ? undefined : serviceAccountOf(content);
  if (account !== undefined) return ownTokens(account, clock);

  let source: Promise<CredentialSource> | undefined;
  const open = (): Promise<CredentialSource> =>
    (source ??= import('./credential-chain.ts').then(({ chainCredentials }) => chainCredentials(credentialsFile)));
  return {
    get: async () => (await open()).get(),
    renew(refused) {
      source = source?.then((opened) => {
        opened.renew(refused);
        return opened;
      });
    },
  };
}

function ownTokens(account: ServiceAccount, clock: Clock): CredentialSource {
  let headers: IdentityHeaders | undefined;
  let renewAfterMs = 0;
  return {
    // eslint-disable-next-line @typescript-eslint/require-await -- others have to ask
    async get() {
      const now = clock.now();
      if (headers === undefined || now.getTime() >= renewAfterMs) {
        headers = { authorization: `Bearer ${signedToken(account, now)}` };
        renewAfterMs = now.getTime() + tokenSeconds * 1_000 - earlyMs;
      }
      return headers;
    },
    renew(refused) {
      if (headers === refused) headers = undefined;
    },
  };
}

function contentOf(path: string): Readonly<Record<string, unknown>> {
  const hint = 'Set GOOGLE_APPLICATION_CREDENTIALS to the JSON file of a service account, or remove it.';
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new ArchiverError('config', `cannot read the credentials file "${path}": ${messageOf(cause)}`, {
      cause,
      hint,
    });
  }
  try {
    const content: unknown = JSON.parse(text);
    if (typeof content === 'object' && content !== null) return content as Readonly<Record<string, unknown>>;
  } catch {
    // Without the cause, which quotes the file.
  }
  throw new ArchiverError('config', `the credentials file "${path}" is not JSON`, { hint });
}
