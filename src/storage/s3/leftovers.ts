/** What killed uploads leave: parts that nobody completes, which no listing shows and which cost money. */
import { messageOf } from '../../errors.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Key } from '../storage.ts';
import { isRefusal } from './answer-error.ts';
import { startOf } from './listing.ts';
import { abortMultipart, type MultipartUpload } from './multipart.ts';
import type { VerbOptions } from './object-requests.ts';
import type { S3Requests } from './request.ts';
import { elementsOf, textOf } from '../xml.ts';

type OldUpload = Pick<MultipartUpload, 'key' | 'uploadId'>;

const oldMs = 24 * 60 * 60_000;

/**
 * Discards uploads below a folder that began more than a day ago and got no part since. Where uploads cannot be listed,
 * nothing is done: it is tidying, and nobody waits for it.
 */
export async function discardOldUploads(
  requests: S3Requests,
  folder: Key,
  { signal, logger, clock }: VerbOptions & { readonly logger: Logger; readonly clock: Clock },
): Promise<void> {
  const before = clock.now().getTime() - oldMs;
  try {
    for (const upload of await uploadsBegunBefore(requests, startOf(requests, folder), before, signal)) {
      if ((await lastPartTime(requests, upload, signal)) >= before) continue;
      await abortMultipart(requests, upload, { signal });
      logger.info('parts of an old upload removed', { key: upload.key });
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (!isRefusal(error)) throw error;
    logger.debug('unfinished uploads are not looked for', { reason: messageOf(error) });
  }
}

async function uploadsBegunBefore(
  requests: S3Requests,
  prefix: string,
  before: number,
  signal: AbortSignal | undefined,
): Promise<readonly OldUpload[]> {
  const found: OldUpload[] = [];
  const outerLength = requests.inBucket('').length;
  for (let from: Record<string, string> = {}; ;) {
    const query = { uploads: '', prefix, ...from };
    const { text } = await requests.sendForText({ action: 'list uploads', method: 'GET', query, signal });
    for (const entry of elementsOf(text, 'Upload')) {
      const [key, uploadId] = [textOf(entry, 'Key'), textOf(entry, 'UploadId')];
      const begun = Date.parse(textOf(entry, 'Initiated') ?? '');
      // One that doesn't tell its age is left alone, and so is what a storage lists beside what was asked for.
      if (key === undefined || uploadId === undefined || !(begun < before) || !key.startsWith(prefix)) continue;
      found.push({ key: key.slice(outerLength), uploadId });
    }
    const marker = textOf(text, 'NextKeyMarker') ?? '';
    const next = { 'key-marker': marker, 'upload-id-marker': textOf(text, 'NextUploadIdMarker') ?? '' };
    if (
      textOf(text, 'IsTruncated')?.trim() !== 'true' ||
      marker === '' ||
      JSON.stringify(next) === JSON.stringify(from)
    ) {
      return found;
    }
    from = next;
  }
}

/** When the latest part came, in milliseconds since 1970; 0 without parts. */
async function lastPartTime(
  requests: S3Requests,
  { key, uploadId }: OldUpload,
  signal: AbortSignal | undefined,
): Promise<number> {
  let latest = 0;
  for (let marker: string | undefined; ;) {
    const query = { uploadId, 'part-number-marker': marker };
    const { text } = await requests.sendForText({
      action: `list the parts of "${key}"`,
      method: 'GET',
      key,
      query,
      signal,
    });
    for (const entry of elementsOf(text, 'Part'))
      latest = Math.max(latest, Date.parse(textOf(entry, 'LastModified') ?? '') || 0);
    const next = textOf(text, 'NextPartNumberMarker');
    if (textOf(text, 'IsTruncated')?.trim() !== 'true' || next === undefined || next === marker) return latest;
    marker = next;
  }
}
