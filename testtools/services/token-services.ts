/**
 * A stand-in for OpenStack's token services of version 2 and 3, in front of a Swift that knows version 1 alone: it checks what
 * it is told as Keystone does, and hands out the tokens of that Swift. Written from the description of the identity
 * interface; Keystone itself takes a minute to install.
 */
import { startHttpScript, type HttpCall, type HttpScript, type ScriptedAnswer } from './http-script.ts';
import { logInToSwift, type Swift } from './swift.ts';

/** Running services; disposing closes them. */
export interface TokenServices extends HttpScript {
  readonly v2Url: string;
  readonly v3Url: string;
}

/** What lets in at the stand-in. */
export const identity = {
  user: { id: 'user-1', name: 'tester', password: 'the password' },
  apiKey: '0123456789abcdef0123456789abcdef',
  domain: { id: 'default', name: 'Default' },
  project: { id: 'project-1', name: 'archive' },
  applicationCredential: { id: 'credential-1', name: 'backups', secret: 'the secret' },
  trustId: 'trust-1',
  token: 'a token that is there already',
  region: 'near',
} as const;

/** Starts them; regions besides `near` lead nowhere. Tokens end without notice unless `expires` is set. */
export async function startTokenServices(
  swift: Pick<Swift, 'authUrl' | 'user' | 'key'>,
  { expires }: { readonly expires?: string } = {},
): Promise<TokenServices> {
  const script = await startHttpScript(async (call): Promise<ScriptedAnswer> => {
    if (call.method !== 'POST') return refused(404, 'Not Found');
    const version = { '/v2.0/tokens': 2, '/v3/auth/tokens': 3 }[call.path];
    if (version === undefined) return refused(404, 'Not Found');
    const { token, storageUrl } = await logInToSwift(swift);
    return version === 2 ? answerV2(call, token, storageUrl, expires) : answerV3(call, token, storageUrl, expires);
  });
  return { ...script, calls: script.calls, v2Url: `${script.url}/v2.0`, v3Url: `${script.url}/v3` };
}

interface V2Body {
  readonly auth: {
    readonly passwordCredentials?: { readonly username: string; readonly password: string };
    readonly 'RAX-KSKEY:apiKeyCredentials'?: { readonly username: string; readonly apiKey: string };
    readonly tenantName?: string;
    readonly tenantId?: string;
  };
}

function answerV2(call: HttpCall, id: string, storageUrl: string, expires: string | undefined): ScriptedAnswer {
  const { auth } = JSON.parse(call.body.toString()) as V2Body;
  const { user, apiKey, project } = identity;
  const byPassword = auth.passwordCredentials;
  const byKey = auth['RAX-KSKEY:apiKeyCredentials'];
  const isKnown =
    (byPassword?.username === user.name && byPassword.password === user.password) ||
    (byKey?.username === user.name && byKey.apiKey === apiKey);
  if (!isKnown) return refused(401, 'Unauthorized');
  const isScoped = auth.tenantName === project.name || auth.tenantId === project.id;
  const place = (region: string, url: string): object => ({ region, publicURL: url, internalURL: url, adminURL: url });
  const storage = {
    type: 'object-store',
    endpoints: [place('far', nowhere), { ...place(identity.region, `${storageUrl}/`), adminURL: nowhere }],
  };
  return answer(200, {
    access: {
      token: { id, expires },
      serviceCatalog: isScoped ? [{ type: 'compute', endpoints: [place('near', nowhere)] }, storage] : [],
    },
  });
}

interface V3Body {
  readonly auth: {
    readonly identity: {
      readonly methods: readonly string[];
      readonly password?: { readonly user: V3Member & { readonly password: string } };
      readonly token?: { readonly id: string };
      readonly application_credential?: V3Member & { readonly secret: string; readonly user?: V3Member };
    };
    readonly scope?: { readonly project?: V3Member; readonly 'OS-TRUST:trust'?: { readonly id: string } };
  };
}

interface V3Member {
  readonly id?: string;
  readonly name?: string;
  readonly domain?: { readonly id?: string; readonly name?: string };
}

function answerV3(call: HttpCall, token: string, storageUrl: string, expires: string | undefined): ScriptedAnswer {
  const { auth } = JSON.parse(call.body.toString()) as V3Body;
  const { user, applicationCredential: own, project, trustId } = identity;
  const { methods, password, token: given, application_credential: credential } = auth.identity;
  const isCredential = methods[0] === 'application_credential';
  const isKnown = {
    password: is(password?.user, user) && password?.user.password === user.password,
    token: given?.id === identity.token,
    application_credential:
      credential?.secret === own.secret &&
      (credential.id === own.id || (credential.name === own.name && is(credential.user, user))),
  }[methods[0] ?? ''];
  if (methods.length !== 1 || isKnown !== true || (isCredential && auth.scope !== undefined)) {
    return refused(401, 'The request you have made requires authentication.');
  }
  const isScoped = isCredential || is(auth.scope?.project, project) || auth.scope?.['OS-TRUST:trust']?.id === trustId;
  if (auth.scope !== undefined && !isScoped) return refused(401, 'No such scope.');
  const endpoints = [
    { region: 'far', interface: 'public', url: nowhere },
    { region: identity.region, interface: 'public', url: storageUrl },
    { region: identity.region, interface: 'internal', url: storageUrl },
    { region: identity.region, interface: 'admin', url: nowhere },
  ];
  const catalog = [
    { type: 'identity', endpoints: [{ region: 'near', interface: 'public', url: nowhere }] },
    { type: 'object-store', endpoints },
  ];
  const body = { token: { methods, expires_at: expires, ...(isScoped && { catalog }) } };
  return answer(201, body, { 'x-subject-token': token });
}

/** Nobody listens there. */
const nowhere = 'http://127.0.0.1:9/v1/AUTH_nobody';

function is(member: V3Member | undefined, wanted: { readonly id: string; readonly name: string }): boolean {
  if (member === undefined) return false;
  const { id, name } = member.domain ?? {};
  const inDomain = id === identity.domain.id || name === identity.domain.name;
  return member.id === wanted.id || (member.name === wanted.name && inDomain);
}

function refused(status: number, message: string): ScriptedAnswer {
  return answer(status, { error: { code: status, message } });
}

function answer(status: number, body: object, headers: Readonly<Record<string, string>> = {}): ScriptedAnswer {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) };
}
