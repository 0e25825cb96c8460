/** The requests of a multipart upload besides those of its parts. */
import { ObjectExistsError, ObjectNotFoundError } from '../errors.ts';
import type { Key } from '../storage.ts';
import { ArchiverError } from '../../errors.ts';
import { answerBehind } from './answer-error.ts';
import { customerKeyHeaders, makerHeader, newObjectHeaders } from './object-headers.ts';
import { foundOf, randomWord, type PutOptions, type UploadedPart, type VerbOptions } from './object-requests.ts';
import type { S3Requests } from './request.ts';
import { escaped, textOf } from '../xml.ts';

/** A multipart upload that has begun. */
export interface MultipartUpload {
  readonly key: Key;
  readonly uploadId: string;
  /** Says whose its object is. */
  readonly maker: string;
}

/** Begins an upload; nothing is visible before it is completed. */
export async function createMultipart(
  requests: S3Requests,
  key: Key,
  { signal }: VerbOptions = {},
): Promise<MultipartUpload> {
  const { config } = requests;
  const maker = randomWord();
  const { text } = await requests.sendForText({
    action: `begin the upload of "${key}"`,
    method: 'POST',
    key,
    query: { uploads: '' },
    headers: {
      ...newObjectHeaders(config),
      [makerHeader]: maker,
      ...(config.checksums === 'when_supported' && { 'x-amz-checksum-algorithm': 'CRC32' }),
    },
    body: [],
    signal,
  });
  const uploadId = textOf(text, 'UploadId');
  if (uploadId !== undefined && uploadId !== '') return { key, uploadId, maker };
  throw new ArchiverError(
    'unavailable',
    `cannot begin the upload of "${key}" in ${config.location}: no upload id came`,
  );
}

/**
 * Makes an object of parts. Where the answer was lost, it is found out whether that has happened.
 *
 * @param parts in the order of their numbers
 * @throws the errors of storages; a storage that lacks conditional writes answers 501 with `ifAbsent`
 */
export async function completeMultipart(
  requests: S3Requests,
  { key, uploadId, maker }: MultipartUpload,
  parts: readonly UploadedPart[],
  { ifAbsent = false, signal }: PutOptions = {},
): Promise<void> {
  try {
    await requests.sendForText({
      action: `complete "${key}"`,
      method: 'POST',
      key,
      query: { uploadId },
      headers: {
        'content-type': 'application/xml',
        // S3 wants it where the parts have checksums, MinIO always.
        ...customerKeyHeaders(requests.config),
        ...(ifAbsent && { 'if-none-match': '*' }),
      },
      body: [
        Buffer.from(
          `${xmlStart}<CompleteMultipartUpload${namespace}>${parts.map(partXml).join('')}</CompleteMultipartUpload>`,
        ),
      ],
      root: 'CompleteMultipartUploadResult',
      ifAbsent,
      deadlines: { answerMs: completionMs },
      signal,
    });
  } catch (error) {
    signal?.throwIfAborted();
    // A try may have done it, and the next one met the object, or no upload any more.
    const isUnsure =
      error instanceof ObjectExistsError || (error instanceof ArchiverError && error.kind === 'unavailable');
    if (isUnsure && (await foundOf(requests, key, maker, signal)) !== undefined) return;
    signal?.throwIfAborted();
    throw error;
  }
}

/** Discards what was uploaded. One that is there no more is no error. */
export async function abortMultipart(
  requests: S3Requests,
  { key, uploadId }: Pick<MultipartUpload, 'key' | 'uploadId'>,
  { signal }: VerbOptions = {},
): Promise<void> {
  try {
    const answer = await requests.send({
      action: `discard the upload of "${key}"`,
      method: 'DELETE',
      key,
      query: { uploadId },
      signal,
    });
    await answer.discard();
  } catch (error) {
    if (error instanceof ObjectNotFoundError || answerBehind(error)?.status === 404) return;
    throw error;
  }
}

/** XML documents of S3 begin so. */
export const xmlStart = '<?xml version="1.0" encoding="UTF-8"?>';
/** The attribute of their root. */
export const namespace = ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';

/** Storages that copy the parts together are silent meanwhile. */
const completionMs = 10 * 60_000;

function partXml({ partNumber, etag, crc32 }: UploadedPart): string {
  const checksum = crc32 === undefined ? '' : `<ChecksumCRC32>${crc32}</ChecksumCRC32>`;
  return `<Part><PartNumber>${partNumber}</PartNumber><ETag>${escaped(etag)}</ETag>${checksum}</Part>`;
}
