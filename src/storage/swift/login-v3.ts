/** Logging in by version 3 of OpenStack's identity service: password, application credential, token or trust. */
import type { DomainMember, SwiftLogin } from './config.ts';
import { chosenUrl, memberOf, objectStoreEndpoints, textOf } from './catalog.ts';
import { jsonOf, jsonRequest, lifetimeUntil, noToken, type AskTokenService, type SwiftAccess } from './login.ts';

/** Logs in. @throws LoginRefusal, the errors of storages */
export async function logInV3(login: SwiftLogin, ask: AskTokenService): Promise<SwiftAccess> {
  const auth = { identity: identityOf(login), scope: scopeOf(login) };
  const answer = await ask(jsonRequest(`${login.authUrl ?? ''}/auth/tokens`, { auth }));
  const token = answer.headers['x-subject-token'];
  if (typeof token !== 'string') throw noToken('token');
  // Whose storage URL is set needs no catalog, which some services leave out.
  const told = memberOf(jsonOf(answer), 'token');
  const endpoints = objectStoreEndpoints(memberOf(told, 'catalog'), (endpoint) => {
    const url = textOf(endpoint, 'url');
    const endpointInterface = textOf(endpoint, 'interface') ?? '';
    const region = textOf(endpoint, 'region') ?? textOf(endpoint, 'region_id') ?? '';
    return url === undefined ? [] : [{ region, endpointInterface, url }];
  });
  return {
    token,
    storageUrl: login.storageUrl ?? chosenUrl(endpoints, login),
    lifetimeMs: lifetimeUntil(textOf(told, 'expires_at'), answer.headers),
  };
}

function identityOf({ applicationCredential, user, password, token }: SwiftLogin): object {
  if (applicationCredential !== undefined) {
    const { id, name, secret } = applicationCredential;
    // By its name it is one of a user's, who has to be told; the id is enough alone.
    const credential = id === undefined ? { name, secret, user: memberIn(user) } : { id, secret };
    return { methods: ['application_credential'], application_credential: credential };
  }
  const isNamed = user.id !== undefined || user.name !== undefined;
  if (isNamed && password !== undefined) {
    return { methods: ['password'], password: { user: { ...memberIn(user), password } } };
  }
  return { methods: ['token'], token: { id: token ?? password } };
}

/** An application credential has its project, and takes no other. */
function scopeOf({ applicationCredential, trustId, project }: SwiftLogin): object | undefined {
  if (applicationCredential !== undefined) return undefined;
  if (trustId !== undefined) return { 'OS-TRUST:trust': { id: trustId } };
  if (project.id === undefined && project.name === undefined) return undefined;
  return { project: memberIn(project) };
}

function memberIn({ id, name, domain }: DomainMember): object {
  return id === undefined ? { name, domain } : { id };
}
