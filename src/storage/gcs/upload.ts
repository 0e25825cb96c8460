/** Writing objects: one request for those that fit into a chunk, an upload in chunks for all others. */
import { randomUUID } from 'node:crypto';
import { crc32c } from '../../bytes/crc32c.ts';
import type { ByteSource } from '../../bytes/stage.ts';
import { ObjectExistsError, StorageUnavailableError } from '../errors.ts';
import { openPartReader } from '../part-reader.ts';
import type { Key, WriteOptions } from '../storage.ts';
import type { PartBuffer, UploadBuffers } from '../upload-buffers.ts';
import { chunkUnit } from './config.ts';
import { crc32cText, isAsSent, type GcsObject } from './object-resource.ts';
import { removeWrong } from './wrong-object.ts';
import type { GcsRequests } from './requests.ts';
import { ResumableUpload, type UploadEnd, type UploadTarget } from './resumable-upload.ts';

/**
 * Writes a whole object or nothing. While a chunk is sent the next one is gathered; both are held, no more.
 *
 * @throws ObjectExistsError with `ifAbsent`, the other errors of storages; what the body throws
 */
export async function writeObject(
  requests: GcsRequests,
  buffers: UploadBuffers,
  key: Key,
  body: ByteSource,
  { signal, ifAbsent = false }: WriteOptions = {},
): Promise<void> {
  // Reading and sending end together: neither is of use when the other has failed.
  const halt = new AbortController();
  const both = signal === undefined ? halt.signal : AbortSignal.any([signal, halt.signal]);
  await using parts = openPartReader(counting(body), both);
  using memory = buffers.open(requests.config.chunkBytes);
  const chunkBytes = Math.max(chunkUnit, memory.partBytes - (memory.partBytes % chunkUnit));
  const target: UploadTarget = { key, ifAbsent, signal: both };
  let sum = 0;
  let totalBytes = 0;

  let part = await memory.part(both, chunkBytes);
  await parts.fill(part);
  if (await parts.atEnd()) {
    await putObject(requests, part, { ...target, crc32c: sum, totalBytes });
    return;
  }

  const upload = await ResumableUpload.begin(requests, target);
  let sending: Promise<void> = Promise.resolve();
  try {
    for (;;) {
      const sent = part;
      sending = upload.send(sent.chunks).finally(() => {
        sent.release();
      });
      sending.catch((error: unknown) => {
        halt.abort(error);
      });
      part = await memory.part(both, chunkBytes);
      await parts.fill(part);
      const isLast = await parts.atEnd();
      await sending;
      if (isLast) break;
    }
    both.throwIfAborted();
    await upload.send(part.chunks, { crc32c: sum, totalBytes });
  } catch (error) {
    halt.abort(error);
    // What is still on its way would come after the cancelling.
    await sending.catch(() => undefined);
    await upload.cancel();
    throw error;
  }

  async function* counting(source: ByteSource): ByteSource {
    for await (const chunk of source) {
      sum = crc32c(chunk, sum);
      totalBytes += chunk.length;
      yield chunk;
    }
  }
}

const writeMark = 'walvault-write';

/** One request: the description with the checksum, then the bytes. */
async function putObject(
  requests: GcsRequests,
  { chunks }: PartBuffer,
  { key, ifAbsent, signal, ...sent }: UploadTarget & UploadEnd,
): Promise<void> {
  const mark = ifAbsent ? randomUUID() : undefined;
  const boundary = `part-${randomUUID()}`;
  const description = {
    crc32c: crc32cText(sent.crc32c),
    ...(mark !== undefined && { metadata: { [writeMark]: mark } }),
  };
  const head = `--${boundary}\r\ncontent-type: application/json\r\n\r\n${JSON.stringify(description)}\r\n--${boundary}\r\ncontent-type: application/octet-stream\r\n\r\n`;
  signal?.throwIfAborted();
  try {
    const object = await requests.sendForJson<GcsObject>({
      action: `write "${key}"`,
      method: 'POST',
      to: requests.objectsPath('/upload'),
      query: { uploadType: 'multipart', name: requests.nameOf(key), ...(ifAbsent && { ifGenerationMatch: 0 }) },
      headers: { ...requests.customerKeyHeaders(), 'content-type': `multipart/related; boundary=${boundary}` },
      body: [Buffer.from(head), ...chunks, Buffer.from(`\r\n--${boundary}--\r\n`)],
      key,
      ifAbsent,
      signal,
    });
    if (isAsSent(object, sent)) return;
    await removeWrong(requests, key, object);
    throw new StorageUnavailableError(`"${key}" in ${requests.config.location} has other bytes than were sent`);
  } catch (error) {
    // It may be the object of a first try whose answer was lost, also one on a connection that had just been closed.
    if (!(error instanceof ObjectExistsError) || mark === undefined) throw error;
    if ((await markOf(requests, key, signal)) !== mark) throw error;
  }
}

async function markOf(requests: GcsRequests, key: Key, signal: AbortSignal | undefined): Promise<string | undefined> {
  const { metadata } = await requests.sendForJson<GcsObject>({
    action: `look for "${key}"`,
    method: 'GET',
    to: requests.pathOf(key),
    query: { fields: 'metadata' },
    headers: requests.customerKeyHeaders(),
    key,
    signal,
  });
  return metadata?.[writeMark];
}
