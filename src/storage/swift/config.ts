/** What the settings of Swift amount to. Nothing is asked of anybody here; only a CA file is read. */
import { readFileSync } from 'node:fs';
import { readSetting, readSettings, type RawSettings, type Settings } from '../../config/setting.ts';
import { shownText } from '../../config/shown.ts';
import { ArchiverError, messageOf } from '../../errors.ts';
import type { HttpDeadlines } from '../../network/http.ts';
import { proxiesOf } from '../../network/proxies.ts';
import type { Logger } from '../../platform/logger.ts';
import { checkPrefix } from '../key.ts';
import { parseStoragePrefix } from '../prefix.ts';
import { storageSettings } from '../settings.ts';
import type { Key } from '../storage.ts';
import { swiftEndpointSettings, swiftLoginSettings, swiftUploadSettings } from './settings.ts';

/** Which URL of a catalog is meant. */
export type EndpointInterface = 'public' | 'internal' | 'admin';

/** A name in a domain, or an id alone. */
export interface DomainMember {
  readonly id: string | undefined;
  readonly name: string | undefined;
  readonly domain: { readonly id: string } | { readonly name: string };
}

/** How to come by a token and the URL of the account. */
export interface SwiftLogin {
  /** Without a slash at its end; undefined when token and URL are given. */
  readonly authUrl: string | undefined;
  readonly version: 1 | 2 | 3;
  readonly user: DomainMember;
  readonly password: string | undefined;
  readonly project: DomainMember;
  readonly trustId: string | undefined;
  readonly applicationCredential:
    { readonly id: string | undefined; readonly name: string | undefined; readonly secret: string } | undefined;
  readonly region: string | undefined;
  readonly endpointInterface: EndpointInterface;
  /** A token that was given. */
  readonly token: string | undefined;
  /** The URL of the account that was given, without a slash at its end. */
  readonly storageUrl: string | undefined;
}

/** Where the storage is and how it is spoken to. */
export interface SwiftConfig {
  readonly container: string;
  /** Where the segments of longer objects go. */
  readonly segmentContainer: string;
  /** Below which everything lies, without slashes at its ends; '' = the root of the container. */
  readonly prefix: Key;
  /** For messages: `swift://container/prefix`. */
  readonly location: string;
  readonly login: SwiftLogin;
  readonly segmentBytes: number;
  readonly segmentConcurrency: number;
  /** Tries of a request in all, from 1. */
  readonly attempts: number;
  readonly deadlines: HttpDeadlines;
  readonly userAgent: string;
  /** PEM. */
  readonly ca: string | undefined;
  readonly proxies: Readonly<Record<string, string>> | undefined;
}

/** What Swift takes as one object. */
const biggestSegment = 5 * 1024 ** 3;

/**
 * Reads the settings of Swift.
 *
 * @throws ArchiverError (`config`) naming the setting that cannot be used
 */
export function swiftConfig(raw: RawSettings, { logger }: { readonly logger: Logger }): SwiftConfig {
  const prefixText = readSetting(storageSettings.swiftPrefix, raw) ?? '';
  const { authority: container, path: prefix } = parseStoragePrefix(prefixText, 'WALG_SWIFT_PREFIX', logger);
  checkPrefix(prefix);
  const given = readSettings(swiftEndpointSettings, raw);
  const upload = readSettings(swiftUploadSettings, raw);
  const timeoutMs = Math.max(1, given.timeout);
  return {
    container,
    segmentContainer: `${container}_segments`,
    prefix,
    location: `swift://${container}${prefix === '' ? '' : `/${prefix}`}`,
    login: loginOf(readSettings(swiftLoginSettings, raw), given),
    segmentBytes: Math.min(biggestSegment, upload.segmentSize),
    segmentConcurrency: upload.segmentConcurrency,
    attempts: given.retries + 1,
    deadlines: { connectMs: Math.max(1, given.connectTimeout), answerMs: timeoutMs, idleMs: timeoutMs },
    userAgent: given.userAgent,
    ca: given.caFile === undefined ? undefined : certificates(given.caFile),
    proxies: proxiesOf(raw),
  };
}

function loginOf(who: Settings<typeof swiftLoginSettings>, where: Settings<typeof swiftEndpointSettings>): SwiftLogin {
  const authUrl = who.v1AuthUrl ?? who.authUrl;
  const storageUrl = where.storageUrl === undefined ? undefined : urlOf('OS_STORAGE_URL', where.storageUrl);
  const isGiven = who.token !== undefined && storageUrl !== undefined;
  if (authUrl === undefined && !isGiven) {
    throw new ArchiverError('config', 'OS_AUTH_URL is not set', {
      hint: 'Set it to where one logs in, such as https://host:5000/v3, or set OS_STORAGE_URL and OS_AUTH_TOKEN.',
    });
  }
  const userDomain = domainOf(who.userDomainId, who.userDomainName) ?? { name: 'Default' };
  const version = authUrl === undefined ? 1 : (who.authVersion ?? versionIn(authUrl));
  const login: SwiftLogin = {
    authUrl:
      authUrl === undefined
        ? undefined
        : withVersion(urlOf(who.v1AuthUrl === undefined ? 'OS_AUTH_URL' : 'ST_AUTH', authUrl), version),
    version,
    user: { id: who.userId, name: who.v1User ?? who.userName, domain: userDomain },
    password: who.v1Key ?? who.password,
    project: {
      id: who.tenantId,
      name: who.projectName ?? who.tenantName,
      domain: domainOf(who.projectDomainId, who.projectDomainName) ?? userDomain,
    },
    trustId: who.trustId,
    applicationCredential: applicationCredentialOf(who),
    region: where.region,
    endpointInterface: where.internal ? 'internal' : interfaceOf(where.endpointType),
    token: who.token,
    storageUrl,
  };
  if (!isGiven) checkLogin(login);
  return login;
}

/** What is missing is told before anybody is asked. */
function checkLogin({ version, user, password, applicationCredential, token }: SwiftLogin): void {
  if (version === 3 && (applicationCredential !== undefined || token !== undefined)) return;
  if (version < 3 && user.name === undefined) throw unset(version === 1 ? 'ST_USER or OS_USERNAME' : 'OS_USERNAME');
  if (password !== undefined) return;
  throw unset(version === 1 ? 'ST_KEY or OS_PASSWORD' : 'OS_PASSWORD');
}

function unset(names: string): ArchiverError {
  return new ArchiverError('config', `${names} is not set`, {
    hint: 'Set what logs in to Swift: user and password, with version 3 also OS_APPLICATION_CREDENTIAL_ID and OS_APPLICATION_CREDENTIAL_SECRET.',
  });
}

function applicationCredentialOf(who: Settings<typeof swiftLoginSettings>): SwiftLogin['applicationCredential'] {
  const { applicationCredentialId: id, applicationCredentialName: name, applicationCredentialSecret: secret } = who;
  if (id === undefined && name === undefined) return undefined;
  if (secret === undefined) throw unset('OS_APPLICATION_CREDENTIAL_SECRET');
  return { id, name, secret };
}

function domainOf(id: string | undefined, name: string | undefined): DomainMember['domain'] | undefined {
  if (id !== undefined) return { id };
  return name === undefined ? undefined : { name };
}

function versionIn(authUrl: string): 1 | 2 | 3 {
  for (const version of [3, 2, 1] as const) if (authUrl.includes(`v${version}`)) return version;
  throw new ArchiverError('config', `cannot tell how to log in at "${shownText(authUrl)}"`, {
    hint: 'Set ST_AUTH_VERSION to 1, 2 or 3.',
  });
}

/** Some give the URL of the service alone. */
function withVersion(url: string, version: 1 | 2 | 3): string {
  if (version === 1 || /\/v\d[^/]*$/.test(url)) return url;
  return `${url}/${version === 2 ? 'v2.0' : 'v3'}`;
}

function interfaceOf(text: string): EndpointInterface {
  const word = text.replace(/URL$/i, '').toLowerCase();
  if (word === 'public' || word === 'internal' || word === 'admin') return word;
  throw new ArchiverError('config', `invalid value of OS_ENDPOINT_TYPE: "${text}"; allowed: public, internal, admin`, {
    hint: 'Correct OS_ENDPOINT_TYPE, or remove it to use the public URL.',
  });
}

function urlOf(setting: string, text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || `${url.username}${url.password}${url.search}` !== '') {
    throw new ArchiverError(
      'config',
      `invalid value of ${setting}: "${shownText(text)}" is not a URL of http or https`,
      {
        hint: `Correct ${setting}; user and password have settings of their own.`,
      },
    );
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

function certificates(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new ArchiverError('config', `cannot read the CA file "${path}": ${messageOf(cause)}`, {
      cause,
      hint: 'Correct OS_CACERT, or remove it to trust the authorities of the system.',
    });
  }
}
