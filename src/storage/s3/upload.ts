/** The upload of an object that is longer than one part, from a stream of unknown length. */
import { ArchiverError, messageOf } from '../../errors.ts';
import type { Logger } from '../../platform/logger.ts';
import type { PartReader } from '../part-reader.ts';
import type { Key } from '../storage.ts';
import type { PartBuffer, UploadMemory } from '../upload-buffers.ts';
import { abortMultipart, completeMultipart, createMultipart, type MultipartUpload } from './multipart.ts';
import { uploadPart, type UploadedPart } from './object-requests.ts';
import { maxParts, partBytesOf } from './part-size.ts';
import type { S3Requests } from './request.ts';

/** Where the bytes come from, and how they are sent. */
export interface UploadOptions {
  /** Stands behind the first part. */
  readonly reader: PartReader;
  readonly first: PartBuffer;
  readonly memory: UploadMemory;
  /** Parts in flight at most, from 1. */
  readonly concurrency: number;
  /** Calls off everything; aborted by this when a part fails. */
  readonly controller: AbortController;
  readonly logger: Logger;
  /** Makes the object of its parts. */
  readonly complete?: typeof completeMultipart;
}

const cleanUpMs = 30_000;

/** Uploads parts side by side and makes an object of them. Whatever fails, no part is left. */
export async function uploadInParts(requests: S3Requests, key: Key, options: UploadOptions): Promise<void> {
  const { controller, logger, complete = completeMultipart } = options;
  const { signal } = controller;
  const upload = await createMultipart(requests, key, { signal });
  try {
    const parts = await sendParts(requests, upload, options);
    signal.throwIfAborted();
    await complete(requests, upload, parts, { signal });
  } catch (error) {
    await discard(requests, upload, logger);
    throw error;
  }
}

async function sendParts(
  requests: S3Requests,
  { key, uploadId }: MultipartUpload,
  { reader, first, memory, concurrency, controller, logger }: UploadOptions,
): Promise<readonly UploadedPart[]> {
  const { signal } = controller;
  const done: UploadedPart[] = [];
  const running = new Set<Promise<void>>();
  let sentBytes = 0;

  async function send(part: PartBuffer, partNumber: number): Promise<void> {
    try {
      done.push(await uploadPart(requests, key, part.chunks, { uploadId, partNumber, signal }));
    } catch (error) {
      // Ends the others, and the wait for the body. Of several failures the first one counts.
      controller.abort(error);
    } finally {
      part.release();
    }
  }

  try {
    for (let part = first, number = 1; ; number += 1) {
      sentBytes += part.length;
      const job = send(part, number);
      running.add(job);
      void job.then(() => running.delete(job));
      if (await reader.atEnd()) break;
      if (number >= maxParts) throw tooLong(key, requests.config.location);
      const sizeBytes = partBytesOf(number + 1, memory.partBytes, sentBytes);
      if (sizeBytes > partBytesOf(number, memory.partBytes, sentBytes)) {
        logger.warn('the object is so long that its parts grow, and the memory for them', {
          key,
          sentBytes,
          sizeBytes,
        });
      }
      while (running.size >= concurrency) await Promise.race(running);
      part = await memory.part(signal, sizeBytes);
      await reader.fill(part);
    }
  } catch (error) {
    controller.abort(error);
  }
  await Promise.all(running);
  signal.throwIfAborted();
  return done.sort((a, b) => a.partNumber - b.partNumber);
}

/** Not called off by what called off the upload: it is what makes that clean. */
async function discard(requests: S3Requests, upload: MultipartUpload, logger: Logger): Promise<void> {
  try {
    await abortMultipart(requests, upload, { signal: AbortSignal.timeout(cleanUpMs) });
  } catch (error) {
    logger.warn('cannot discard the parts of an upload that failed; they are removed with what is older than a day', {
      key: upload.key,
      error: messageOf(error),
    });
  }
}

function tooLong(key: Key, location: string): ArchiverError {
  return new ArchiverError('config', `cannot write "${key}" in ${location}: more than ${maxParts} parts`, {
    hint: 'Set S3_MAX_PART_SIZE to more.',
  });
}
