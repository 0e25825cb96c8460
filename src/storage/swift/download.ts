/** Reading objects: what breaks off goes on where it was, and what has a checksum is checked. */
import { createHash } from 'node:crypto';
import type { ByteSource } from '../../bytes/stage.ts';
import { ObjectNotFoundError, StorageUnavailableError } from '../errors.ts';
import { ObjectChangedError, resumed } from '../resume.ts';
import type { RetryPolicy } from '../retry.ts';
import type { Key, ReadOptions } from '../storage.ts';
import { answerBehind } from './answer-error.ts';
import { getObject, type ObjectDownload } from './object-requests.ts';
import type { SwiftRequests } from './requests.ts';

/** Opens an object, or a part of it. @throws ObjectNotFoundError, the other errors of storages */
export async function openObject(requests: SwiftRequests, key: Key, options: ReadOptions): Promise<ByteSource> {
  const { start = 0, bytes, signal } = options;
  const { config, clock, logger } = requests;
  const { location, attempts } = config;
  const end = bytes === undefined ? undefined : start + bytes;
  const opened = await getObject(requests, key, { start, end, signal });
  if (opened === undefined) return nothing();
  const { head, body } = opened;
  if (head.isFolder) {
    await body[Symbol.asyncIterator]().return?.();
    throw new ObjectNotFoundError(key, location);
  }
  const reopen = async (position: number): Promise<ByteSource> => {
    const again = await getAgain(requests, key, { start: start + position, end, ifMatch: head.etag, signal });
    return again?.body ?? nothing();
  };
  const policy: RetryPolicy = { attempts, firstDelayMs: 500, maxDelayMs: 30_000 };
  const source = resumed(
    {
      ...{ key, location, body, signal },
      sizeBytes: head.sizeBytes,
      reopen: head.etag === undefined ? undefined : reopen,
    },
    { policy, clock, logger },
  );
  return start === 0 && end === undefined && head.md5 !== undefined ? checked(source, head.md5, key, location) : source;
}

async function getAgain(
  requests: SwiftRequests,
  key: Key,
  range: Parameters<typeof getObject>[2],
): Promise<ObjectDownload | undefined> {
  try {
    return await getObject(requests, key, range);
  } catch (error) {
    if (answerBehind(error)?.status !== 412) throw error;
    throw new ObjectChangedError(key, requests.config.location, { cause: error });
  }
}

async function* checked(source: ByteSource, md5: string, key: Key, location: string): ByteSource {
  const hash = createHash('md5');
  for await (const chunk of source) {
    hash.update(chunk);
    yield chunk;
  }
  if (hash.digest('hex') === md5) return;
  throw new StorageUnavailableError(
    `cannot read "${key}" in ${location}: the bytes that came are not those of its MD5`,
  );
}

async function* nothing(): ByteSource {
  // nothing to give
}
