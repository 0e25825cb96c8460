/** Copies, which the storage makes by itself. */
import { ObjectNotFoundError, StorageUnavailableError } from '../errors.ts';
import type { Abortable, Key } from '../storage.ts';
import { answerBehind } from './answer-error.ts';
import { containerPages } from './container-pages.ts';
import { eachOf } from './each-of.ts';
import { deleteSegments, namedBy, ownedBy, readList, type ListEntry, type Segment } from './large-object.ts';
import { makeOfSegments, type SegmentFolder } from './object-of-segments.ts';
import { copyTo, headObject, type ObjectHead, type VerbOptions } from './object-requests.ts';
import type { ObjectPlace } from './object-place.ts';
import type { SwiftRequests } from './requests.ts';
import { inSegmentContainer } from './segment-store.ts';
import { segmentName } from './segment-names.ts';

/**
 * Copies an object. Of a large one each segment is copied, so that neither the copy nor its original needs the other's.
 *
 * @throws ObjectNotFoundError when the source is not there, the other errors of storages
 */
export async function copyObject(requests: SwiftRequests, from: Key, to: Key, { signal }: Abortable): Promise<void> {
  const source = await headObject(requests, from, { signal });
  if (source.isFolder) throw new ObjectNotFoundError(from, requests.config.location);
  if (from === to) return;
  const parts = await partsOf(requests, from, source, { signal });
  if (parts === undefined) {
    await copyPlain(requests, from, to, { signal });
    return;
  }
  await makeOfSegments(requests, to, { signal }, (folder) => copySegments(requests, parts, folder, { signal }));
}

async function copyPlain(requests: SwiftRequests, from: Key, to: Key, { signal }: VerbOptions): Promise<void> {
  const replaced = await segmentsBehind(requests, to, { signal });
  try {
    await copyTo(requests, requests.placeOf(from), requests.placeOf(to), { signal });
  } catch (error) {
    if (answerBehind(error)?.status !== 404) throw error;
    throw new ObjectNotFoundError(from, requests.config.location, { cause: error });
  }
  await deleteSegments(requests, replaced, { signal });
}

async function segmentsBehind(
  requests: SwiftRequests,
  key: Key,
  { signal }: VerbOptions,
): Promise<readonly ObjectPlace[]> {
  try {
    return await ownedBy(requests, key, await headObject(requests, key, { signal }), { signal });
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return [];
    throw error;
  }
}

/** What a large object is made of, in order; undefined of one that is none, or has nothing in it. */
async function partsOf(
  requests: SwiftRequests,
  key: Key,
  head: ObjectHead,
  { signal }: VerbOptions,
): Promise<readonly ListEntry[] | undefined> {
  if (head.sizeBytes === 0) return undefined;
  if (head.isStaticLarge) return flatList(requests, requests.placeOf(key), { key, signal });
  const named = head.dynamicSegments === undefined ? undefined : namedBy(head.dynamicSegments);
  if (named === undefined) return undefined;
  const parts: Segment[] = [];
  for await (const { objects } of containerPages(requests, { ...named, signal })) {
    for (const { name, sizeBytes } of objects) {
      if (sizeBytes === 0) continue;
      parts.push({ place: { container: named.container, name }, etag: '', sizeBytes, isList: false });
    }
  }
  const sizeBytes = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
  if (sizeBytes === head.sizeBytes) return parts;
  throw new StorageUnavailableError(`cannot copy "${key}" in ${requests.config.location}: its segments are changing`);
}

/** Lists in a list are opened, but for those of which a part counts: the storage makes one object of these. */
async function flatList(
  requests: SwiftRequests,
  place: ObjectPlace,
  options: VerbOptions & { readonly key?: Key },
): Promise<readonly ListEntry[] | undefined> {
  const entries = await readList(requests, place, options);
  if (entries === undefined) return undefined;
  const flat: ListEntry[] = [];
  for (const entry of entries) {
    if ('data' in entry || !entry.isList || entry.range !== undefined) flat.push(entry);
    else flat.push(...((await flatList(requests, entry.place, { signal: options.signal })) ?? [entry]));
  }
  return flat;
}

async function copySegments(
  requests: SwiftRequests,
  parts: readonly ListEntry[],
  { folder, places }: SegmentFolder,
  { signal }: VerbOptions,
): Promise<readonly ListEntry[]> {
  const { segmentContainer } = requests.config;
  const copies = [...parts];
  await eachOf(parts.entries(), async ([number, part]) => {
    if ('data' in part) return;
    const place = { container: segmentContainer, name: segmentName(folder, number) };
    places.push(place);
    const copy = (): Promise<string | undefined> => copyTo(requests, part.place, place, { signal });
    const etag = await inSegmentContainer(requests, copy, { signal });
    copies[number] = { ...part, place, etag: etag ?? part.etag, isList: false };
  });
  return copies;
}
