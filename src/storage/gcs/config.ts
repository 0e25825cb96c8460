/** What the settings of Google Cloud Storage amount to. Nothing is asked of anybody here. */
import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { readSetting, readSettings, type RawSettings } from '../../config/setting.ts';
import { shownText } from '../../config/shown.ts';
import { ArchiverError } from '../../errors.ts';
import { proxiesOf } from '../../network/proxies.ts';
import { silentLogger, type Logger } from '../../platform/logger.ts';
import { checkPrefix } from '../key.ts';
import { parseStoragePrefix } from '../prefix.ts';
import { storageSettings } from '../settings.ts';
import { gcsSettings } from './settings.ts';

/** Where the storage is and how it is spoken to. */
export interface GcsConfig {
  readonly bucket: string;
  /** What every name begins with: '', or a text that ends with a slash. */
  readonly start: string;
  /** For messages: `gs://bucket/prefix`. */
  readonly location: string;
  /** Without a slash at its end. */
  readonly endpoint: string;
  /** Whether credentials are sent. */
  readonly authorized: boolean;
  readonly credentialsFile: string | undefined;
  readonly customerKey: CustomerKey | undefined;
  /** A multiple of 256 KiB. */
  readonly chunkBytes: number;
  readonly requestMs: number;
  /** Tries of one request beyond the first. */
  readonly maxRetries: number;
  /** `HTTPS_PROXY` and the like. */
  readonly proxies: Readonly<Record<string, string>> | undefined;
}

/** A customer-supplied key, as headers have it. */
export interface CustomerKey {
  readonly key: string;
  readonly sha256: string;
}

/** What Google takes the chunks of an upload in: multiples of it. */
export const chunkUnit = 256 * 1024;

/**
 * Reads the settings.
 *
 * @throws ArchiverError (`config`) naming the setting that cannot be used
 */
export function gcsConfig(raw: RawSettings, { logger }: { readonly logger: Logger }): GcsConfig {
  const given = readSettings(gcsSettings, raw);
  const text = readSetting(storageSettings.gsPrefix, raw);
  if (text === undefined) {
    throw new ArchiverError('config', 'WALG_GS_PREFIX is not set', { hint: 'Set it to gs://bucket/path.' });
  }
  const { authority: bucket, start } = given.normalizePrefix ? normalized(text, logger) : asWritten(text);
  const authorized = given.emulatorHost === undefined;
  const endpoint = endpointOf(given.emulatorHost, 'STORAGE_EMULATOR_HOST', 'http') ??
    endpointOf(given.endpoint, 'GCS_ENDPOINT', 'https') ?? { text: 'https://storage.googleapis.com', open: false };
  if (endpoint.open && (authorized || given.encryptionKey !== undefined)) {
    const secret = authorized ? 'credentials' : 'GCS_ENCRYPTION_KEY';
    throw new ArchiverError('config', `${secret} would be sent to ${endpoint.text} without encryption`, {
      hint: 'Use an endpoint with https; for an emulator, set STORAGE_EMULATOR_HOST and no key.',
    });
  }
  return {
    bucket,
    start,
    location: `gs://${bucket}${start === '' ? '' : `/${start.slice(0, -1)}`}`,
    endpoint: endpoint.text,
    authorized,
    credentialsFile: given.credentialsFile,
    customerKey: given.encryptionKey === undefined ? undefined : customerKey(given.encryptionKey),
    chunkBytes: Math.max(chunkUnit, given.maxChunkSize - (given.maxChunkSize % chunkUnit)),
    requestMs: given.contextTimeout * 1_000,
    maxRetries: given.maxRetries,
    proxies: proxiesOf(raw),
  };
}

interface NameStart {
  readonly authority: string;
  readonly start: string;
}

function normalized(text: string, logger: Logger): NameStart {
  const { authority, path } = parseStoragePrefix(text, storageSettings.gsPrefix.env, logger);
  checkPrefix(path);
  return { authority, start: path === '' ? '' : `${path}/` };
}

/** Less one slash at the beginning, and with one at the end; what is between stays as it is (`storages.md` 3). */
function asWritten(text: string): NameStart {
  // Of everything but the slashes, it is what the usual way makes of it.
  const { authority } = parseStoragePrefix(text, storageSettings.gsPrefix.env, silentLogger);
  const path = decodeURIComponent(/^[^:]+:\/\/[^/]+\/?(.*)$/s.exec(text)?.[1] ?? '').replace(/\/+$/, '');
  return { authority, start: path === '' ? '' : `${path}/` };
}

function endpointOf(
  text: string | undefined,
  env: string,
  scheme: string,
): { readonly text: string; readonly open: boolean } | undefined {
  if (text === undefined) return undefined;
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `${scheme}://${text}`);
  if (
    url === null ||
    !/^https?:$/.test(url.protocol) ||
    url.hostname === '' ||
    `${url.username}${url.password}` !== ''
  ) {
    throw new ArchiverError('config', `invalid value of ${env}: "${shownText(text)}"`, {
      hint: 'Give a URL such as https://storage.example.com or http://127.0.0.1:4443, without a user or password.',
    });
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const isLocal = host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
  return {
    text: `${url.origin}${url.pathname}`.replace(/\/+$/, ''),
    open: url.protocol === 'http:' && !isLocal,
  };
}

function customerKey(key: Buffer): CustomerKey {
  return { key: key.toString('base64'), sha256: createHash('sha256').update(key).digest('base64') };
}
