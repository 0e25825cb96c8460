/** Reading an object: what breaks off in the middle goes on where it was, and what comes is checked. */
import { crc32 } from 'node:zlib';
import type { ByteSource } from '../../bytes/stage.ts';
import { systemClock, type Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import { StorageUnavailableError } from '../errors.ts';
import { ObjectChangedError, resumed } from '../resume.ts';
import type { Key, ReadOptions } from '../storage.ts';
import { answerBehind } from './answer-error.ts';
import { crc32Text } from './checksum.ts';
import { getObject } from './object-requests.ts';
import type { S3Requests } from './request.ts';

/** What a download needs besides. */
export interface DownloadOptions extends ReadOptions {
  readonly logger: Logger;
  readonly clock?: Clock;
}

/**
 * Opens an object, or a part of it.
 *
 * @throws ObjectNotFoundError, the other errors of storages; its bytes end with a StorageUnavailableError when they do not
 *   have the checksum that the storage told
 */
export async function openDownload(
  requests: S3Requests,
  key: Key,
  { start = 0, bytes = Number.POSITIVE_INFINITY, signal, logger, clock = systemClock }: DownloadOptions,
): Promise<ByteSource> {
  const { location, objects } = requests.config;
  const given = Number.isFinite(bytes) ? { bytes } : {};
  const opened = await getObject(requests, key, { start, ...given, signal });
  if (opened === undefined) return nothing();
  const { head, body } = opened;
  // Without a length the answer was in chunks, whose end is known.
  const sizeBytes = head.sizeBytes === 0 ? undefined : Math.max(0, Math.min(bytes, head.sizeBytes - start));

  async function reopen(position: number): Promise<ByteSource> {
    const left = sizeBytes === undefined ? given : { bytes: sizeBytes - position };
    try {
      const again = await getObject(requests, key, { start: start + position, ...left, ifMatch: head.etag, signal });
      return again?.body ?? nothing();
    } catch (error) {
      if (answerBehind(error)?.status !== 412) throw error;
      throw new ObjectChangedError(key, location, { cause: error });
    }
  }

  const whole = resumed(
    { key, location, body, sizeBytes, reopen: head.etag === undefined ? undefined : reopen, signal },
    { policy: { attempts: objects.downloadRetries + 1, firstDelayMs: 60, maxDelayMs: 10_000 }, clock, logger },
  );
  return head.crc32 === undefined ? whole : verified(whole, head.crc32, () => wrong(key, location));
}

async function* verified(source: ByteSource, checksum: string, error: () => Error): ByteSource {
  let sum = 0;
  for await (const chunk of source) {
    sum = crc32(chunk, sum);
    yield chunk;
  }
  if (crc32Text(sum) !== checksum) throw error();
}

function wrong(key: Key, location: string): StorageUnavailableError {
  return new StorageUnavailableError(
    `cannot read "${key}" in ${location}: the bytes that came are not those of its checksum`,
  );
}

async function* nothing(): ByteSource {
  // no bytes
}
