/** What lets requests in: a signature with the account's key, a shared access signature, or a token. */
import type { Clock } from '../../platform/clock.ts';
import type { AzureCredential } from './config.ts';
import { sharedKeyAuthorization, type SignableRequest } from './shared-key.ts';
import type { AskForToken, AzureToken } from './tokens.ts';

/** Lets requests in. */
export interface Authorizer {
  /** The request with what lets it in. @throws the errors of whoever gives out tokens */
  authorize(request: SignableRequest): Promise<SignableRequest>;
  /** The storage refused a token: get another one for the next request. @returns false when there is no other */
  renew(): boolean;
  /** The URL of a blob for the storage to copy from. */
  sourceUrl(url: URL): string;
}

/** So long before a token expires it is no longer used. */
const marginMs = 5 * 60_000;

/** Makes an authorizer of a credential. Who gives out tokens is loaded, and asked, when the first is needed. */
export function createAuthorizer(
  credential: AzureCredential,
  { clock, askForToken }: { readonly clock: Clock; readonly askForToken?: AskForToken },
): Authorizer {
  switch (credential.kind) {
    case 'key':
      return {
        authorize({ method, url, headers }) {
          const authorization = sharedKeyAuthorization({ method, url, headers }, credential.account, credential.key);
          return Promise.resolve({ method, url, headers: { ...headers, authorization } });
        },
        renew: () => false,
        sourceUrl: String,
      };
    case 'signature': {
      const signed = (url: URL): URL => {
        const whole = new URL(url);
        whole.search = whole.search === '' ? credential.text : `${whole.search}&${credential.text}`;
        return whole;
      };
      return {
        authorize: ({ method, url, headers }) => Promise.resolve({ method, url: signed(url), headers }),
        renew: () => false,
        sourceUrl: (url) => String(signed(url)),
      };
    }
    case 'token': {
      let asked: Promise<void> | undefined;
      let known: AzureToken | undefined;
      let source = askForToken;
      const ask = async (): Promise<void> => {
        source ??= (await import('./tokens.ts')).tokensOf(credential.identity);
        known = await source();
      };
      return {
        async authorize({ method, url, headers }) {
          if (known === undefined || known.expiresOnTimestamp - marginMs < clock.now().getTime()) {
            asked ??= ask().finally(() => (asked = undefined));
            await asked;
          }
          return { method, url, headers: { ...headers, authorization: `Bearer ${known?.token ?? ''}` } };
        },
        renew() {
          known = undefined;
          return true;
        },
        sourceUrl: String,
      };
    }
  }
}
