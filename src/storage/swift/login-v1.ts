/** Logging in by version 1: name and key in headers (Swift's own tempauth, Ceph, Rackspace of old). */
import { StorageUnavailableError } from '../errors.ts';
import type { SwiftLogin } from './config.ts';
import { noToken, type AskTokenService, type SwiftAccess } from './login.ts';

/** Logs in. @throws LoginRefusal, the errors of storages */
export async function logInV1(login: SwiftLogin, ask: AskTokenService): Promise<SwiftAccess> {
  const { authUrl = '', user, password = '', endpointInterface } = login;
  const { headers } = await ask({
    method: 'GET',
    url: authUrl,
    headers: { 'x-auth-user': user.name ?? '', 'x-auth-key': password },
  });
  const header = (name: string): string | undefined => {
    const value = headers[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const token = header('x-auth-token') ?? header('x-storage-token');
  const told = header('x-storage-url');
  if (token === undefined) throw noToken('token');
  if (told === undefined && login.storageUrl === undefined) throw noToken('URL of the storage');
  const seconds = Number(header('x-auth-token-expires'));
  return {
    token,
    storageUrl: login.storageUrl ?? storageUrl(told ?? '', endpointInterface === 'internal'),
    lifetimeMs: Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : undefined,
  };
}

/** Hosts of version 1 have their name within the provider's network by a rule. */
function storageUrl(text: string, internal: boolean): string {
  const url = URL.parse(text);
  if (url === null) throw new StorageUnavailableError('the token service told a storage URL that is none');
  if (internal) url.host = `snet-${url.host}`;
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}
