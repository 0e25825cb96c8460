/** Logging in by version 2 of OpenStack's identity service, by password or by API key (an extension of Rackspace). */
import type { SwiftLogin } from './config.ts';
import { chosenUrl, memberOf, objectStoreEndpoints, textOf } from './catalog.ts';
import {
  jsonOf,
  jsonRequest,
  lifetimeUntil,
  LoginRefusal,
  noToken,
  type AskTokenService,
  type LoginAnswer,
  type SwiftAccess,
} from './login.ts';

/** So long are API keys; what is shorter is a password. */
const apiKeyLength = 32;

const interfaces = { public: 'publicURL', internal: 'internalURL', admin: 'adminURL' } as const;

/** Logs in. Which of the two kinds the secret is shows in its length; the other is tried when it was not. */
export async function logInV2(login: SwiftLogin, ask: AskTokenService): Promise<SwiftAccess> {
  const isKey = (login.password ?? '').length >= apiKeyLength;
  const url = `${login.authUrl ?? ''}/tokens`;
  let answer: LoginAnswer;
  try {
    answer = await ask(jsonRequest(url, bodyOf(login, isKey)));
  } catch (error) {
    if (!(error instanceof LoginRefusal) || ![400, 401, 403].includes(error.status)) throw error;
    try {
      answer = await ask(jsonRequest(url, bodyOf(login, !isKey)));
    } catch {
      throw error;
    }
  }
  const access = memberOf(jsonOf(answer), 'access');
  const token = textOf(access, 'token', 'id');
  if (token === undefined) throw noToken('token');
  return {
    token,
    storageUrl: login.storageUrl ?? chosenUrl(endpointsOf(access), login),
    lifetimeMs: lifetimeUntil(textOf(access, 'token', 'expires'), answer.headers),
  };
}

function bodyOf({ user, password, project }: SwiftLogin, isKey: boolean): object {
  const credentials = isKey
    ? { 'RAX-KSKEY:apiKeyCredentials': { username: user.name, apiKey: password } }
    : { passwordCredentials: { username: user.name, password } };
  return {
    auth: { ...credentials, ...(project.id === undefined ? { tenantName: project.name } : { tenantId: project.id }) },
  };
}

function endpointsOf(access: unknown): ReturnType<typeof objectStoreEndpoints> {
  return objectStoreEndpoints(memberOf(access, 'serviceCatalog'), (endpoint) =>
    Object.entries(interfaces).flatMap(([endpointInterface, name]) => {
      const url = textOf(endpoint, name);
      return url === undefined ? [] : [{ region: textOf(endpoint, 'region') ?? '', endpointInterface, url }];
    }),
  );
}
