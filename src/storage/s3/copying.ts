/** Copies within the storage, whose bytes don't come here. */
import { CopyObjectCommand, UploadPartCopyCommand } from '@aws-sdk/client-s3';
import { ObjectNotFoundError } from '../errors.ts';
import type { Key } from '../storage.ts';
import { answerBehind } from './answer-error.ts';
import { encoded, encodedKey } from './endpoint.ts';
import { abortMultipart, completeMultipart, createMultipart, type MultipartUpload } from './multipart.ts';
import { customerKeyHeaders, newObjectHeaders } from './object-headers.ts';
import { headObject, type UploadedPart, type VerbOptions } from './object-requests.ts';
import type { S3Requests } from './request.ts';
import { sendBySdk } from './sdk.ts';

/** S3 copies no more by one request, and answers only when it has. */
const copyLimitBytes = 5 * 1024 ** 3;
const copyMs = 10 * 60_000;
const partBytes = 512 * 1024 ** 2;
const partsAtOnce = 4;
const cleanUpMs = 30_000;

/** Copies an object, whole or not at all. @throws ObjectNotFoundError, the other errors of storages */
export async function copyObject(
  requests: S3Requests,
  from: Key,
  to: Key,
  { signal }: VerbOptions = {},
): Promise<void> {
  const head = await headObject(requests, from, { signal });
  if (head === undefined) throw new ObjectNotFoundError(from, requests.config.location);
  // S3 refuses to, unless something changes.
  if (from === to) return;
  if (head.sizeBytes > copyLimitBytes) {
    await copyInParts(requests, from, to, head.sizeBytes, { signal });
    return;
  }
  try {
    await sendBySdk(
      requests,
      new CopyObjectCommand({
        Bucket: requests.config.bucket,
        Key: requests.inBucket(to),
        CopySource: sourceOf(requests, from),
        CopySourceIfMatch: head.etag,
      }),
      {
        action: `copy "${from}" to "${to}"`,
        key: to,
        root: 'CopyObjectResult',
        headers: { ...newObjectHeaders(requests.config), ...customerKeyHeaders(requests.config, 'x-amz-copy-source-') },
        deadlines: { answerMs: copyMs },
        signal,
      },
    );
  } catch (error) {
    throw aboutSource(error, from, requests);
  }
}

async function copyInParts(
  requests: S3Requests,
  from: Key,
  to: Key,
  sizeBytes: number,
  { signal }: VerbOptions,
): Promise<void> {
  const upload = await createMultipart(requests, to, { signal });
  try {
    const size = Math.max(partBytes, Math.ceil(sizeBytes / 10_000));
    const starts = Array.from({ length: Math.ceil(sizeBytes / size) }, (_, index) => index * size);
    const parts: UploadedPart[] = [];
    for (let at = 0; at < starts.length; at += partsAtOnce) {
      const copying = starts.slice(at, at + partsAtOnce).map((start, index) =>
        copyPart(requests, from, upload, {
          partNumber: at + index + 1,
          range: `bytes=${start}-${Math.min(start + size, sizeBytes) - 1}`,
          signal,
        }),
      );
      await Promise.allSettled(copying);
      parts.push(...(await Promise.all(copying)));
    }
    await completeMultipart(requests, upload, parts, { signal });
  } catch (error) {
    await abortMultipart(requests, upload, { signal: AbortSignal.timeout(cleanUpMs) }).catch(() => undefined);
    throw aboutSource(error, from, requests);
  }
}

async function copyPart(
  requests: S3Requests,
  from: Key,
  { key, uploadId }: MultipartUpload,
  { partNumber, range, signal }: VerbOptions & { readonly partNumber: number; readonly range: string },
): Promise<UploadedPart> {
  const { config } = requests;
  const { CopyPartResult: part } = await sendBySdk(
    requests,
    new UploadPartCopyCommand({
      Bucket: config.bucket,
      Key: requests.inBucket(key),
      UploadId: uploadId,
      PartNumber: partNumber,
      CopySource: sourceOf(requests, from),
      CopySourceRange: range,
    }),
    {
      action: `copy part ${partNumber} of "${from}" to "${key}"`,
      key,
      root: 'CopyPartResult',
      headers: { ...customerKeyHeaders(config), ...customerKeyHeaders(config, 'x-amz-copy-source-') },
      deadlines: { answerMs: copyMs },
      signal,
    },
  );
  return { partNumber, etag: part?.ETag ?? '', crc32: part?.ChecksumCRC32 };
}

function sourceOf(requests: S3Requests, from: Key): string {
  return `/${encoded(requests.config.bucket)}/${encodedKey(requests.inBucket(from))}`;
}

/** It was there a moment ago: what is missing now is the source, or it is another one. */
function aboutSource(error: unknown, from: Key, requests: S3Requests): unknown {
  const { location } = requests.config;
  const isGone = error instanceof ObjectNotFoundError || answerBehind(error)?.code === 'NoSuchKey';
  return isGone ? new ObjectNotFoundError(from, location, { cause: error }) : error;
}
