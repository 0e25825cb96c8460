/** What the settings of S3 amount to. Nothing is asked of anybody here; only a CA file is read. */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { readSetting, readSettings, type RawSettings } from '../../config/setting.ts';
import { shownText } from '../../config/shown.ts';
import { ArchiverError, messageOf } from '../../errors.ts';
import { proxiesOf } from '../../network/proxies.ts';
import type { Logger } from '../../platform/logger.ts';
import { checkPrefix } from '../key.ts';
import { parseStoragePrefix } from '../prefix.ts';
import { storageSettings } from '../settings.ts';
import type { Key } from '../storage.ts';
import { objectConfig, type S3ObjectConfig } from './object-config.ts';
import { s3EndpointSettings } from './settings.ts';

/** Where the storage is and how it is spoken to. */
export interface S3Config {
  readonly bucket: string;
  /** Below which everything lies, without slashes at its ends; '' = the root of the bucket. */
  readonly prefix: Key;
  /** For messages: `s3://bucket/prefix`. */
  readonly location: string;
  /** Undefined: AWS. A path is kept, a query is not. */
  readonly endpoint: URL | undefined;
  /** Undefined: the bucket is to be asked. */
  readonly region: string | undefined;
  /** The bucket is named in the path of URLs. */
  readonly pathStyle: boolean;
  readonly dualStack: boolean;
  /** PEM. */
  readonly ca: string | undefined;
  /** Of every request, by lower-case names. */
  readonly additionalHeaders: Readonly<Record<string, string>>;
  readonly checksums: 'when_supported' | 'when_required';
  /** When the signature covers a body that a checksum protects anyway. */
  readonly payloadSigning: 'always' | 'without_tls' | 'never';
  /** Tries of one request beyond the first. */
  readonly maxRetries: number;
  readonly minThrottlingDelayMs: number;
  readonly maxThrottlingDelayMs: number;
  /** The token of Yandex Cloud is sent beside the signature. */
  readonly yandexSessionToken: boolean;
  readonly endpointSource: EndpointSource | undefined;
  /** Tell of requests even where nobody looks for faults. */
  readonly logRequests: boolean;
  /** `HTTPS_PROXY` and the like. */
  readonly proxies: Readonly<Record<string, string>> | undefined;
  readonly objects: S3ObjectConfig;
}

/** Who tells, before each request, where to connect to. */
export interface EndpointSource {
  readonly url: URL;
  readonly port: number;
  readonly protocol: 'http:' | 'https:' | undefined;
}

/**
 * Reads the settings of S3.
 *
 * @throws ArchiverError (`config`) naming the setting that cannot be used
 */
export async function s3Config(raw: RawSettings, { logger }: { readonly logger: Logger }): Promise<S3Config> {
  const { endpoint: endpointText, ...given } = readSettings(s3EndpointSettings, raw);
  const { authority: bucket, path: prefix } = parseStoragePrefix(prefixText(raw), 'WALG_S3_PREFIX', logger);
  checkPrefix(prefix);
  if (bucket.endsWith('--x-s3')) {
    throw new ArchiverError('config', `the bucket "${bucket}" is a directory bucket`, {
      hint: 'Use a general purpose bucket: directory buckets are spoken to differently.',
    });
  }
  const endpoint = endpointText === undefined ? undefined : endpointOf(endpointText);
  const objects = objectConfig(raw);
  if (objects.customerKey !== undefined && endpoint?.protocol === 'http:') {
    throw new ArchiverError('config', 'S3_SSE_C is set and the endpoint is spoken to without encryption', {
      hint: 'Use an endpoint with https, or remove S3_SSE_C: the key would be readable on the network.',
    });
  }
  const region = given.region ?? given.defaultRegion ?? (asksForRegion(endpoint) ? undefined : 'us-east-1');
  return {
    bucket,
    prefix,
    location: `s3://${bucket}${prefix === '' ? '' : `/${prefix}`}`,
    endpoint,
    region,
    pathStyle: given.forcePathStyle || !isHostLabel(bucket) || (endpoint !== undefined && isAddress(endpoint)),
    dualStack: given.dualStack,
    ca: given.caFile === undefined ? undefined : certificates(given.caFile),
    additionalHeaders: await additionalHeaders(given.additionalHeaders),
    checksums: given.checksums,
    payloadSigning: given.payloadSigning,
    maxRetries: given.maxRetries,
    minThrottlingDelayMs: given.minThrottlingDelay,
    maxThrottlingDelayMs: Math.max(given.minThrottlingDelay, given.maxThrottlingDelay),
    yandexSessionToken: objects.yandexSessionToken,
    endpointSource: endpointSource(given),
    logRequests: given.logLevel === 'DEVEL',
    proxies: proxiesOf(raw),
    objects,
  };
}

function prefixText(raw: RawSettings): string {
  const prefix = readSetting(storageSettings.s3Prefix, raw);
  if (prefix !== undefined) return prefix;
  const bucket = readSetting(s3EndpointSettings.bucketName, raw);
  if (bucket !== undefined) return `s3://${bucket}`;
  throw new ArchiverError('config', 'WALG_S3_PREFIX is not set', { hint: 'Set it to s3://bucket/path.' });
}

/** The endpoint as a URL; a bare host gets https. */
function endpointOf(text: string): URL {
  const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`;
  const url = URL.parse(withScheme);
  if (
    url === null ||
    !/^https?:$/.test(url.protocol) ||
    url.hostname === '' ||
    `${url.username}${url.password}` !== ''
  ) {
    throw new ArchiverError('config', `invalid value of AWS_ENDPOINT: "${shownText(text)}"`, {
      hint: 'Give a URL such as https://s3.example.com or http://127.0.0.1:9000, without a user or password.',
    });
  }
  url.search = '';
  url.hash = '';
  return url;
}

/** `storages.md` 2.2: only AWS itself is asked. */
function asksForRegion(endpoint: URL | undefined): boolean {
  return endpoint === undefined || endpoint.hostname.endsWith('.amazonaws.com');
}

/** Whether a bucket can be the first label of a host name that a certificate for `*.host` covers. */
function isHostLabel(bucket: string): boolean {
  return /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/.test(bucket);
}

function isAddress({ hostname }: URL): boolean {
  return isIP(hostname.replace(/^\[|\]$/g, '')) !== 0;
}

function certificates(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new ArchiverError('config', `cannot read the CA file "${path}": ${messageOf(cause)}`, {
      cause,
      hint: 'Correct S3_CA_CERT_FILE or AWS_CA_BUNDLE, or remove it to trust the authorities of the system.',
    });
  }
}

function endpointSource({
  endpointSource: text,
  endpointPort: port,
  endpointProtocol: scheme,
}: {
  readonly endpointSource: string | undefined;
  readonly endpointPort: number;
  readonly endpointProtocol: 'http' | 'https' | undefined;
}): EndpointSource | undefined {
  if (text === undefined) return undefined;
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new ArchiverError('config', `invalid value of S3_ENDPOINT_SOURCE: "${shownText(text)}"`, {
      hint: 'Give the URL that answers with the address to connect to.',
    });
  }
  return { url, port, protocol: scheme === undefined ? undefined : `${scheme}:` };
}

async function additionalHeaders(text: string | undefined): Promise<Readonly<Record<string, string>>> {
  if (text === undefined) return {};
  const { headersFrom } = await import('./additional-headers.ts');
  return headersFrom(text);
}
