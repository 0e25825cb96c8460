/** What killed uploads leave: parts that nobody completes, which no listing shows and which cost money. */
import { ListMultipartUploadsCommand, ListPartsCommand } from '@aws-sdk/client-s3';
import { messageOf } from '../../errors.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Key } from '../storage.ts';
import { isRefusal } from './answer-error.ts';
import { startOf } from './listing.ts';
import { abortMultipart, type MultipartUpload } from './multipart.ts';
import type { VerbOptions } from './object-requests.ts';
import type { S3Requests } from './request.ts';
import { sendBySdk } from './sdk.ts';

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
  for (let from: { readonly KeyMarker?: string; readonly UploadIdMarker?: string | undefined } = {}; ;) {
    const page = await sendBySdk(
      requests,
      new ListMultipartUploadsCommand({ Bucket: requests.config.bucket, Prefix: prefix, ...from }),
      { action: 'list uploads', root: 'ListMultipartUploadsResult', signal },
    );
    for (const { Key: key, UploadId: uploadId, Initiated: begun } of page.Uploads ?? []) {
      // One that doesn't tell its age is left alone, and so is what a storage lists beside what was asked for.
      const isOld = begun !== undefined && begun.getTime() < before;
      if (key === undefined || uploadId === undefined || !isOld || !key.startsWith(prefix)) continue;
      found.push({ key: key.slice(outerLength), uploadId });
    }
    const next = { KeyMarker: page.NextKeyMarker ?? '', UploadIdMarker: page.NextUploadIdMarker };
    const isSame = next.KeyMarker === from.KeyMarker && next.UploadIdMarker === from.UploadIdMarker;
    if (page.IsTruncated !== true || next.KeyMarker === '' || isSame) return found;
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
    const page = await sendBySdk(
      requests,
      new ListPartsCommand({
        Bucket: requests.config.bucket,
        Key: requests.inBucket(key),
        UploadId: uploadId,
        PartNumberMarker: marker,
      }),
      { action: `list the parts of "${key}"`, key, root: 'ListPartsResult', signal },
    );
    for (const { LastModified: time } of page.Parts ?? []) latest = Math.max(latest, time?.getTime() ?? 0);
    const next = page.NextPartNumberMarker;
    if (page.IsTruncated !== true || next === undefined || next === marker) return latest;
    marker = next;
  }
}
