/** Versions: where a bucket keeps them, deleting an object means deleting them all (`storages.md` 2.4 of the specification). */
import { GetBucketVersioningCommand, ListObjectVersionsCommand } from '@aws-sdk/client-s3';
import { ArchiverError, messageOf } from '../../errors.ts';
import type { Logger } from '../../platform/logger.ts';
import { ObjectNotFoundError } from '../errors.ts';
import { isKey } from '../key.ts';
import type { Key, ObjectVersionInfo } from '../storage.ts';
import { elementsOf, textOf } from '../xml.ts';
import { isRefusal } from './answer-error.ts';
import { listObjects, modifiedOf, startOf } from './listing.ts';
import type { VerbOptions } from './object-requests.ts';
import type { S3Requests } from './request.ts';
import { sendBySdk } from './sdk.ts';

/** A version or a delete marker of an object; without an id: the object itself, whatever the bucket keeps. */
export interface ObjectVersion {
  readonly key: Key;
  readonly versionId?: string;
}

/** Whether the bucket keeps versions, or kept some once. A storage that cannot say so, or does not let us ask, keeps none. */
export async function keepsVersions(
  requests: S3Requests,
  { signal, logger }: VerbOptions & { readonly logger: Logger },
): Promise<boolean> {
  try {
    const command = new GetBucketVersioningCommand({ Bucket: requests.config.bucket });
    const { Status: status } = await sendBySdk(requests, command, {
      action: 'ask about versions',
      root: 'VersioningConfiguration',
      signal,
    });
    return status === 'Enabled' || status === 'Suspended';
  } catch (error) {
    if (!isRefusal(error)) throw error;
    logger.debug('cannot find out whether the bucket keeps versions; taken for no', { reason: messageOf(error) });
    return false;
  }
}

/** All versions and delete markers of objects of the same folder. What was never there has none. */
export async function versionsOf(
  requests: S3Requests,
  keys: readonly Key[],
  { signal }: VerbOptions = {},
): Promise<readonly ObjectVersion[]> {
  const wanted = new Map(keys.map((key) => [requests.inBucket(key), key]));
  const prefix = commonStart([...wanted.keys()]);
  const found: ObjectVersion[] = [];
  for (let from: { readonly KeyMarker?: string; readonly VersionIdMarker?: string | undefined } = {}; ;) {
    const page = await sendBySdk(
      requests,
      new ListObjectVersionsCommand({ Bucket: requests.config.bucket, Prefix: prefix, ...from }),
      { action: `list the versions of "${keys[0] ?? ''}"`, root: 'ListVersionsResult', signal },
    );
    for (const { Key: name = '', VersionId: id = '' } of [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])]) {
      const key = wanted.get(name);
      if (key !== undefined) found.push({ key, ...(id !== '' && { versionId: id }) });
    }
    if (page.IsTruncated !== true) return found;
    const next = { KeyMarker: page.NextKeyMarker ?? '', VersionIdMarker: page.NextVersionIdMarker };
    if (next.KeyMarker === '' || (next.KeyMarker === from.KeyMarker && next.VersionIdMarker === from.VersionIdMarker)) {
      throw new ArchiverError('unavailable', `cannot list versions in ${requests.config.location}: it comes to no end`);
    }
    from = next;
  }
}

/**
 * All versions of everything below a folder, with the marks of deletions. Of a bucket that keeps none, the objects.
 *
 * @throws the storage's errors
 */
export async function* listVersions(
  requests: S3Requests,
  folder: Key,
  { signal, logger }: VerbOptions & { readonly logger: Logger },
): AsyncGenerator<ObjectVersionInfo> {
  if (!(await keepsVersions(requests, { signal, logger }))) {
    for await (const item of listObjects(requests, folder, { recursive: true, signal })) {
      if (item.kind === 'object') yield { ...item, version: undefined, state: 'latest' };
    }
    return;
  }
  const start = startOf(requests, folder);
  for (let from: { readonly key: string; readonly version: string } | undefined; ;) {
    const query = { versions: '', prefix: start, 'key-marker': from?.key, 'version-id-marker': from?.version };
    const { text: page } = await requests.sendForText({
      action: `list the versions below "${folder}"`,
      method: 'GET',
      query,
      root: 'ListVersionsResult',
      signal,
    });
    for (const entry of elementsOf(page, 'Version')) yield* versionOf(requests, start, entry);
    for (const entry of elementsOf(page, 'DeleteMarker')) yield* versionOf(requests, start, entry, 'deletion');
    if (textOf(page, 'IsTruncated')?.trim() !== 'true') return;
    const next = { key: textOf(page, 'NextKeyMarker') ?? '', version: textOf(page, 'NextVersionIdMarker') ?? '' };
    if (next.key === '' || (next.key === from?.key && next.version === from.version)) {
      throw new ArchiverError('unavailable', `cannot list versions in ${requests.config.location}: it comes to no end`);
    }
    from = next;
  }
}

function* versionOf(
  requests: S3Requests,
  start: string,
  entry: string,
  state?: 'deletion',
): Generator<ObjectVersionInfo> {
  const name = textOf(entry, 'Key') ?? '';
  const key = name.slice(requests.inBucket('').length);
  if (!name.startsWith(start) || !isKey(key)) return;
  const isLatest = textOf(entry, 'IsLatest')?.trim() === 'true';
  yield {
    kind: 'object',
    key,
    sizeBytes: Number(textOf(entry, 'Size') ?? 0),
    modified: modifiedOf(entry),
    version: textOf(entry, 'VersionId'),
    state: state ?? (isLatest ? 'latest' : 'older'),
  };
}

/** Removes one version for good. */
export async function deleteVersion(
  requests: S3Requests,
  { key, versionId }: ObjectVersion,
  { signal }: VerbOptions = {},
): Promise<void> {
  try {
    const action = `delete a version of "${key}"`;
    const answer = await requests.send({ action, method: 'DELETE', key, query: { versionId }, signal });
    await answer.discard();
  } catch (error) {
    if (!(error instanceof ObjectNotFoundError)) throw error;
  }
}

/** The longest text that all begin with. */
function commonStart(texts: readonly string[]): string {
  let [start = ''] = texts;
  for (const text of texts) {
    while (!text.startsWith(start)) start = start.slice(0, -1);
  }
  return start;
}
