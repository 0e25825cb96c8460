/** Reading objects, with their checksum; what breaks off goes on with the same generation of the object. */
import { crc32c } from '../../bytes/crc32c.ts';
import type { ByteSource } from '../../bytes/stage.ts';
import { ArchiverError } from '../../errors.ts';
import type { HttpResponse } from '../../network/http.ts';
import { fromBytes } from '../../bytes/stage.ts';
import { ObjectNotFoundError, StorageUnavailableError } from '../errors.ts';
import { ObjectChangedError, resumed } from '../resume.ts';
import type { Key, ReadOptions } from '../storage.ts';
import { judged } from './answer-error.ts';
import { crc32cText } from './object-resource.ts';
import type { GcsRequests } from './requests.ts';

/** Opens an object, or a part of it. @throws ObjectNotFoundError, the other errors of storages */
export async function openObject(
  requests: GcsRequests,
  key: Key,
  { start = 0, bytes, signal }: ReadOptions = {},
): Promise<ByteSource> {
  const { location, maxRetries } = requests.config;
  const answer = await opened(requests, key, { start, bytes, signal });
  if (answer === undefined) return fromBytes(new Uint8Array());
  const { headers } = answer;
  const generation = textHeader(answer, 'x-goog-generation');
  const length = Number(headers['content-length'] ?? Number.NaN);
  const sizeBytes = Number.isSafeInteger(length) ? length : undefined;
  const isWhole = start === 0 && bytes === undefined;
  const body = resumed(
    {
      key,
      location,
      body: translated(answer.body, requests, key),
      sizeBytes,
      reopen: generation === undefined ? undefined : reopen,
      signal,
    },
    {
      policy: { attempts: maxRetries + 1, firstDelayMs: 128, maxDelayMs: 30_000 },
      clock: requests.clock,
      logger: requests.logger,
    },
  );
  const expected = isWhole
    ? /(?:^|,)\s*crc32c=([^,\s]+)/.exec(textHeader(answer, 'x-goog-hash') ?? '')?.[1]
    : undefined;
  return expected === undefined ? body : verified(body, expected, { key, location });

  async function reopen(position: number): Promise<ByteSource> {
    const part = { start: start + position, bytes: bytes === undefined ? undefined : bytes - position, signal };
    try {
      const again = await opened(requests, key, { ...part, generation });
      if (again === undefined) throw new ObjectChangedError(key, location);
      return translated(again.body, requests, key);
    } catch (error) {
      if (error instanceof ObjectNotFoundError) throw new ObjectChangedError(key, location, { cause: error });
      throw error;
    }
  }
}

interface Part extends Required<Pick<ReadOptions, 'start'>> {
  readonly bytes: number | undefined;
  readonly generation?: string | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Undefined when the object ends before the part. */
async function opened(
  requests: GcsRequests,
  key: Key,
  { start, bytes, generation, signal }: Part,
): Promise<HttpResponse | undefined> {
  const isPart = start > 0 || bytes !== undefined;
  const last = bytes === undefined ? '' : start + bytes - 1;
  const answer = await requests.send({
    action: `read "${key}"`,
    method: 'GET',
    to: requests.pathOf(key),
    query: { alt: 'media', generation },
    headers: {
      ...requests.customerKeyHeaders(),
      // As it was stored: without this, what is marked as gzip is unpacked on its way, and no range can be read of it.
      'accept-encoding': 'gzip',
      range: isPart ? `bytes=${start}-${last}` : undefined,
    },
    key,
    accepts: isPart ? [416] : [],
    signal,
  });
  if (answer.status === 416) {
    await answer.discard();
    return undefined;
  }
  if (answer.status !== 206 && isPart) {
    await answer.discard();
    throw new ArchiverError('config', `cannot read a part of "${key}" in ${requests.config.location}: the whole came`, {
      hint: 'The storage, or a proxy before it, does not understand Range: use another.',
    });
  }
  return answer;
}

/** The same bytes; an end that was not to be is told in the language of storages. */
async function* translated(body: ByteSource, { config }: GcsRequests, key: Key): ByteSource {
  try {
    yield* body;
  } catch (error) {
    throw judged(error, { action: `read "${key}"`, location: config.location }).told;
  }
}

/** The same bytes; at their end, the checksum must be the one that the storage told. */
async function* verified(
  body: ByteSource,
  expected: string,
  { key, location }: { readonly key: Key; readonly location: string },
): ByteSource {
  let sum = 0;
  for await (const chunk of body) {
    sum = crc32c(chunk, sum);
    yield chunk;
  }
  if (crc32cText(sum) !== expected) {
    throw new StorageUnavailableError(
      `cannot read "${key}" in ${location}: the bytes that came are not those of its checksum`,
    );
  }
}

function textHeader({ headers }: HttpResponse, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(',') : value;
}
