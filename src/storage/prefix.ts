/** The URL form of a storage's prefix: `s3://bucket/path` (`storages.md` 1.4 of the specification). */
import { ArchiverError } from '../errors.ts';
import type { Logger } from '../platform/logger.ts';
import type { Key } from './storage.ts';

/** A prefix, taken apart. */
export interface StoragePrefix {
  /** Bucket, container or host, as written. */
  readonly authority: string;
  /** Percent-escapes decoded, without slashes at its ends; '' = the root. */
  readonly path: Key;
}

/**
 * Takes a prefix apart. Which scheme it has doesn't matter. Slashes in a row count as one, with a warning: a key must have
 * one spelling.
 *
 * @param env the variable, for messages
 * @throws ArchiverError (`config`)
 */
export function parseStoragePrefix(text: string, env: string, logger: Logger): StoragePrefix {
  const [, scheme, authority, rest = ''] = /^([^:/?#]+):\/\/([^/?#]+)(.*)$/s.exec(text) ?? [];
  if (scheme === undefined || authority === undefined) {
    throw new ArchiverError('config', `invalid value of ${env}: "${text}" is not of the form scheme://name/path`, {
      hint: `Write a bucket, container or host after two slashes, such as ${examples[env] ?? 's3://bucket/path'}.`,
    });
  }
  if (/[?#]/.test(rest)) {
    throw new ArchiverError('config', `invalid value of ${env}: "${text}" has a "?" or "#" in its path`, {
      hint: 'Write %3F or %23 if the path really has them.',
    });
  }
  const components = decoded(rest, env).split('/');
  const path = components.filter((component) => component !== '').join('/');
  if (/[^/]\/{2,}[^/]/.test(rest)) logger.warn('slashes in a row count as one', { setting: env, path });
  return { authority, path };
}

const examples: Readonly<Record<string, string>> = {
  WALG_S3_PREFIX: 's3://bucket/path',
  WALG_GS_PREFIX: 'gs://bucket/path',
  WALG_AZ_PREFIX: 'azure://container/path',
  WALG_SWIFT_PREFIX: 'swift://container/path',
  WALG_SSH_PREFIX: 'ssh://host/path',
};

function decoded(path: string, env: string): string {
  try {
    return decodeURIComponent(path);
  } catch (cause) {
    throw new ArchiverError('config', `invalid value of ${env}: a percent sign without two hex digits`, {
      cause,
      hint: 'Write %25 for a percent sign.',
    });
  }
}
