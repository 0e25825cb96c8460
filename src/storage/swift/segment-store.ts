/** Putting segments where they go, and lists of them. */
import { ArchiverError } from '../../errors.ts';
import { answerBehind } from './answer-error.ts';
import { memberOf } from './catalog.ts';
import {
  isSuperseded,
  longAnswerMs,
  making,
  makingHeaders,
  md5Of,
  type MakeOptions,
  type VerbOptions,
} from './object-requests.ts';
import type { ListEntry, Segment } from './large-object.ts';
import type { ObjectPlace } from './object-place.ts';
import type { SwiftRequest, SwiftRequests } from './requests.ts';
import { listName } from './segment-names.ts';
import type { Key } from '../storage.ts';

/** Does something in the container of segments, and makes that first where it is missing. */
export async function inSegmentContainer<T>(
  requests: SwiftRequests,
  act: () => Promise<T>,
  { signal }: VerbOptions,
): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (answerBehind(error)?.status !== 404) throw error;
    await makeSegmentContainer(requests, signal);
    return await act();
  }
}

/** With the storage policy of the container of objects: it says where and how often bytes are kept. */
async function makeSegmentContainer(requests: SwiftRequests, signal: AbortSignal | undefined): Promise<void> {
  const { container, segmentContainer } = requests.config;
  const action = 'look for the container';
  const { headers } = await requests.sendOnly({ action, method: 'HEAD', place: { container }, signal });
  const policy = headers['x-storage-policy'];
  try {
    await requests.sendOnly({
      ...{ action: `make the container "${segmentContainer}"`, method: 'PUT', signal },
      place: { container: segmentContainer },
      headers: { 'x-storage-policy': typeof policy === 'string' ? policy : undefined },
    });
  } catch (error) {
    if (answerBehind(error)?.status !== 403) throw error;
    throw new ArchiverError('forbidden', `the container "${segmentContainer}" for long objects cannot be made`, {
      cause: error,
      hint: `Make the container "${segmentContainer}" and let this user write there, or set SWIFT_SEGMENT_SIZE to more than the longest object has.`,
    });
  }
}

/** Puts one segment. */
export async function putSegment(
  requests: SwiftRequests,
  {
    key,
    name,
    body,
    signal,
  }: VerbOptions & { readonly key: Key; readonly name: string; readonly body: readonly Uint8Array[] },
): Promise<Segment> {
  const place = { container: requests.config.segmentContainer, name };
  const etag = md5Of(body);
  const request: SwiftRequest = {
    ...{ action: `write a segment of "${key}"`, method: 'PUT', place, body, signal },
    headers: { 'content-type': 'application/octet-stream', etag },
  };
  await inSegmentContainer(requests, () => requests.sendOnly(request), { signal });
  return { place, etag, sizeBytes: body.reduce((sum, { length }) => sum + length, 0), isList: false };
}

/** How lists are to be. */
export interface ListLimits {
  readonly entries: number;
  /** The storage said that it knows lists. Where it doesn't say, one that takes them for bytes is noticed by their checksum. */
  readonly isKnown: boolean;
}

const usualEntries = 1_000;

/** Asks what the storage takes. @throws ArchiverError (`config`) when it takes no lists */
export async function listLimits(requests: SwiftRequests, { signal }: VerbOptions): Promise<ListLimits> {
  const known = await requests.capabilities(signal);
  if (memberOf(known, 'swift') === undefined) return { entries: usualEntries, isKnown: false };
  if (memberOf(known, 'slo') === undefined) throw noLists(requests);
  const entries = memberOf(known, 'slo', 'max_manifest_segments');
  return { entries: typeof entries === 'number' && entries >= 2 ? entries : usualEntries, isKnown: true };
}

function noLists(requests: SwiftRequests, cause?: unknown): ArchiverError {
  return new ArchiverError('config', `${requests.config.location} does not know static large objects`, {
    cause,
    hint: 'Set SWIFT_SEGMENT_SIZE, and WALG_MEMORY_LIMIT to twice that, to more than the longest object has (at most 5 GiB).',
  });
}

/**
 * Makes an object of segments, by a list, or a list of lists where they are many.
 *
 * @param options.folder where lists in the list go; they are told in `places` before they do
 * @returns whether a newer object was there
 */
export async function putList(
  requests: SwiftRequests,
  key: Key,
  entries: readonly ListEntry[],
  {
    folder,
    places,
    limits,
    ...options
  }: MakeOptions & { readonly folder: string; readonly places: ObjectPlace[]; readonly limits: ListLimits },
): Promise<{ readonly superseded: boolean }> {
  const { signal } = options;
  let whole = entries;
  for (let count = 0; whole.length > limits.entries;) {
    const lists: Segment[] = [];
    for (let at = 0; at < whole.length; at += limits.entries, count += 1) {
      const part = whole.slice(at, at + limits.entries);
      const place = { container: requests.config.segmentContainer, name: listName(folder, count) };
      const request = { action: `write a list of segments of "${key}"`, method: 'PUT', place, signal } as const;
      places.push(place);
      await putOneList(requests, request, part, limits);
      lists.push({ place, etag: etagOf(part), sizeBytes: sizeOf(part), isList: true });
    }
    whole = lists;
  }
  const request = { ...making(requests, key, options), headers: makingHeaders(options) };
  return { superseded: isSuperseded(await putOneList(requests, request, whole, limits)) };
}

async function putOneList(
  requests: SwiftRequests,
  request: SwiftRequest,
  entries: readonly ListEntry[],
  { isKnown }: ListLimits,
): Promise<number> {
  const text = JSON.stringify(entries.map(entryText));
  try {
    const { status } = await requests.sendOnly({
      ...request,
      query: { 'multipart-manifest': 'put' },
      headers: { ...request.headers, etag: isKnown ? undefined : etagOf(entries) },
      body: [Buffer.from(text)],
      answerMs: longAnswerMs,
    });
    return status;
  } catch (error) {
    if (!isKnown && answerBehind(error)?.status === 422) throw noLists(requests, error);
    throw error;
  }
}

function entryText(entry: ListEntry): object {
  if ('data' in entry) return entry;
  const { place, etag, sizeBytes, range } = entry;
  return { path: pathIn(place), etag, size_bytes: sizeBytes, range };
}

function pathIn({ container, name }: ObjectPlace): string {
  return `/${container}/${name ?? ''}`;
}

/** The entity tag that a storage gives to a list: the MD5 of the tags in it. */
function etagOf(entries: readonly ListEntry[]): string {
  const tags = entries.map((entry) => {
    if ('data' in entry) return md5Of([Buffer.from(entry.data, 'base64')]);
    return entry.range === undefined ? entry.etag : `${entry.etag}:${entry.range};`;
  });
  return md5Of([Buffer.from(tags.join(''))]);
}

function sizeOf(entries: readonly ListEntry[]): number {
  return entries.reduce(
    (sum, entry) => sum + ('data' in entry ? Buffer.byteLength(entry.data, 'base64') : entry.sizeBytes),
    0,
  );
}
