/** What the settings of Azure amount to. Nothing is asked of anybody here; only a CA file is read. */
import { readFileSync } from 'node:fs';
import { readSettings, readSetting, type RawSettings, type Settings } from '../../config/setting.ts';
import { shownText } from '../../config/shown.ts';
import { ArchiverError, messageOf } from '../../errors.ts';
import { proxiesOf } from '../../network/proxies.ts';
import type { Logger } from '../../platform/logger.ts';
import { checkPrefix } from '../key.ts';
import { parseStoragePrefix } from '../prefix.ts';
import { storageSettings } from '../settings.ts';
import type { Key } from '../storage.ts';
import { parseConnectionString } from './connection-string.ts';
import { azureCredentialSettings, azureEndpointSettings, azureUploadSettings } from './settings.ts';

/** By what requests are let in. */
export type AzureCredential =
  | { readonly kind: 'key'; readonly account: string; readonly key: Buffer }
  /** `text`: the query of a signed URL, without its question mark. */
  | { readonly kind: 'signature'; readonly text: string }
  | { readonly kind: 'token'; readonly identity: AzureIdentity };

/** Who asks for tokens; what is unset is found out by the machine the program runs on. */
export type AzureIdentity = Pick<
  Settings<typeof azureCredentialSettings>,
  'tenantId' | 'clientId' | 'clientSecret' | 'clientCertificatePath' | 'federatedTokenFile'
> & {
  /** URL of who issues tokens. */
  readonly authorityHost: string;
  /** It is none of Microsoft's, perhaps, who could vouch for it. */
  readonly isCustomAuthority: boolean;
};

/** Where the storage is and how it is spoken to. */
export interface AzureConfig {
  readonly container: string;
  /** Below which everything lies, without slashes at its ends; '' = the root of the container. */
  readonly prefix: Key;
  /** For messages: `azure://container/prefix`. */
  readonly location: string;
  /** URL of the container, without a slash at its end. */
  readonly containerUrl: string;
  readonly credential: AzureCredential;
  readonly apiVersion: string;
  /** Longest wait for the answer to bytes that were sent. */
  readonly tryTimeoutMs: number;
  readonly blockBytes: number;
  /** Blocks of one object in flight, from 1. */
  readonly maxBlocks: number;
  /** Blocks are sent with an MD5. */
  readonly checksBlocks: boolean;
  /** PEM. */
  readonly ca: string | undefined;
  readonly proxies: Readonly<Record<string, string>> | undefined;
}

interface Cloud {
  readonly suffix: string;
  readonly authorityHost: string;
}

const publicCloud: Cloud = { suffix: 'core.windows.net', authorityHost: 'https://login.microsoftonline.com' };
const clouds: Readonly<Record<string, Cloud>> = {
  azurepubliccloud: publicCloud,
  azureusgovernmentcloud: { suffix: 'core.usgovcloudapi.net', authorityHost: 'https://login.microsoftonline.us' },
  azurechinacloud: { suffix: 'core.chinacloudapi.cn', authorityHost: 'https://login.chinacloudapi.cn' },
  azuregermancloud: { suffix: 'core.cloudapi.de', authorityHost: 'https://login.microsoftonline.de' },
};

const smallestBlock = 1024 ** 2;
/** What Azure takes as one block. */
const biggestBlock = 4_000 * 1024 ** 2;

/**
 * Reads the settings of Azure.
 *
 * @throws ArchiverError (`config`) naming the setting that cannot be used
 */
export function azureConfig(raw: RawSettings, { logger }: { readonly logger: Logger }): AzureConfig {
  const text = readSetting(storageSettings.azPrefix, raw) ?? '';
  const { authority: container, path: prefix } = parseStoragePrefix(text, 'WALG_AZ_PREFIX', logger);
  checkPrefix(prefix);
  const given = readSettings(azureEndpointSettings, raw);
  const who = readSettings(azureCredentialSettings, raw);
  const upload = readSettings(azureUploadSettings, raw);
  const cloud = clouds[given.environmentName.toLowerCase()];
  if (cloud === undefined) {
    logger.warn('unknown cloud of Azure, taken for AzurePublicCloud', { environment: given.environmentName });
  }
  const { suffix, authorityHost } = cloud ?? publicCloud;
  const { account, accessKey, sasToken, endpoint } = connectionOf(who, `blob.${given.endpointSuffix ?? suffix}`);
  const service = endpointOf(given.endpoint ?? endpoint);
  return {
    container,
    prefix,
    location: `azure://${container}${prefix === '' ? '' : `/${prefix}`}`,
    containerUrl: `${service}/${encodeURIComponent(container)}`,
    credential: credentialOf(account, accessKey, sasToken, {
      ...who,
      authorityHost: withScheme(who.authorityHost ?? authorityHost),
      isCustomAuthority: who.authorityHost !== undefined,
    }),
    apiVersion: given.apiVersion,
    tryTimeoutMs: given.tryTimeout * 60_000,
    blockBytes: Math.min(biggestBlock, Math.max(smallestBlock, upload.bufferSize)),
    maxBlocks: Math.max(1, upload.maxBuffers),
    checksBlocks: upload.blockMd5 === 'always' || (upload.blockMd5 === 'without_tls' && service.startsWith('http:')),
    ca: given.caFile === undefined ? undefined : certificates(given.caFile),
    proxies: proxiesOf(raw),
  };
}

function connectionOf(
  { account, accessKey, sasToken, connectionString }: Settings<typeof azureCredentialSettings>,
  host: string,
): ReturnType<typeof parseConnectionString> {
  if (account === undefined && connectionString !== undefined) return parseConnectionString(connectionString);
  if (account === undefined) {
    throw new ArchiverError('config', 'AZURE_STORAGE_ACCOUNT is not set', {
      hint: 'Set it to the name of the storage account, or AZURE_STORAGE_CONNECTION_STRING.',
    });
  }
  return { account, accessKey, sasToken, endpoint: `https://${account}.${host}` };
}

function credentialOf(
  account: string,
  accessKey: string | undefined,
  sasToken: string | undefined,
  identity: AzureIdentity,
): AzureCredential {
  if (accessKey !== undefined) {
    if (!/^[A-Za-z0-9+/]+={0,2}$/.test(accessKey)) {
      throw new ArchiverError('config', 'AZURE_STORAGE_ACCESS_KEY is not a key: it is not base64', {
        hint: 'Copy the key from the access keys of the storage account. A connection string goes in AZURE_STORAGE_CONNECTION_STRING.',
      });
    }
    return { kind: 'key', account, key: Buffer.from(accessKey, 'base64') };
  }
  if (sasToken === undefined) return { kind: 'token', identity };
  const text = sasToken.replace(/^\?/, '');
  if (!/(?:^|&)sig=./.test(text)) {
    throw new ArchiverError('config', 'AZURE_STORAGE_SAS_TOKEN is not a shared access signature: it has no "sig"', {
      hint: 'Copy the whole SAS token, in quotes if a shell reads it: it contains ampersands.',
    });
  }
  return { kind: 'signature', text };
}

function endpointOf(text: string): string {
  const url = URL.parse(withScheme(text));
  if (url === null || !/^https?:$/.test(url.protocol) || `${url.username}${url.password}${url.search}` !== '') {
    throw new ArchiverError(
      'config',
      `the endpoint of Azure is not a URL without a query: "${shownText(text.replace(/\?.*$/s, '?***'))}"`,
      {
        hint: 'Check AZURE_ENDPOINT, AZURE_STORAGE_ACCOUNT and AZURE_ENDPOINT_SUFFIX; a SAS token has a setting of its own.',
      },
    );
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

function withScheme(text: string): string {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`;
}

function certificates(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new ArchiverError('config', `cannot read the CA file "${path}": ${messageOf(cause)}`, {
      cause,
      hint: 'Correct AZURE_CA_CERT_FILE, or remove it to trust the authorities of the system.',
    });
  }
}
