/**
 * Objects made of others. Static ones are a list in JSON, which their writer gave; dynamic ones are all objects whose names
 * begin alike. The storage puts both together when they are read.
 */
import { messageOf } from '../../errors.ts';
import { ObjectNotFoundError, StorageUnavailableError } from '../errors.ts';
import type { Key } from '../storage.ts';
import { answerBehind } from './answer-error.ts';
import { elementsOf, memberOf, textOf } from './catalog.ts';
import { containerPages } from './container-pages.ts';
import { eachOf } from './each-of.ts';
import { deleteAt, type ObjectHead, type VerbOptions } from './object-requests.ts';
import { pathOf, type ObjectPlace } from './object-place.ts';
import type { SwiftRequests } from './requests.ts';

/** An entry of a list: another object, or bytes in the list itself, base64. */
export type ListEntry = Segment | { readonly data: string };

/** Another object as part of a large one. */
export interface Segment {
  readonly place: ObjectPlace & { readonly name: string };
  readonly etag: string;
  readonly sizeBytes: number;
  /** The part of it that counts, as `first-last`. */
  readonly range?: string | undefined;
  /** It is a list itself. */
  readonly isList: boolean;
}

/** Longer than the longest list: 1,000 names of 1,024 bytes, escaped, with what is told of each. */
const longestList = 64 << 20;
/** Lists in lists: the storage itself gives up there. */
const deepest = 10;

/**
 * The entries of a list; undefined where the object is none.
 *
 * @param options.newest ask all copies of it, not one alone
 * @throws ObjectNotFoundError when it is not there, the other errors of storages
 */
export async function readList(
  requests: SwiftRequests,
  place: ObjectPlace,
  { newest = false, key, signal }: VerbOptions & { readonly newest?: boolean; readonly key?: Key },
): Promise<readonly ListEntry[] | undefined> {
  const action = `read the list of "${pathOf(place)}"`;
  const answer = await requests.send({
    ...{ action, method: 'GET', place, key, signal },
    query: { 'multipart-manifest': 'get' },
    headers: newest ? { 'x-newest': 'true' } : {},
  });
  if (!/^true$/i.test(String(answer.headers['x-static-large-object'] ?? ''))) {
    await answer.discard();
    return undefined;
  }
  try {
    return elementsOf(JSON.parse(await answer.text(longestList))).map(entryIn);
  } catch (cause) {
    signal?.throwIfAborted();
    const message = `cannot ${action} in ${requests.config.location}: ${messageOf(cause)}`;
    throw new StorageUnavailableError(message, { cause });
  }
}

function entryIn(entry: unknown): ListEntry {
  const data = textOf(entry, 'data');
  if (data !== undefined) return { data };
  const [, container, name] = /^\/?([^/]+)\/(.+)$/s.exec(textOf(entry, 'name') ?? '') ?? [];
  if (container === undefined || name === undefined) throw new Error('it names a segment in no way that is known');
  return {
    place: { container, name },
    etag: textOf(entry, 'hash') ?? '',
    sizeBytes: Number(memberOf(entry, 'bytes') ?? 0),
    range: textOf(entry, 'range'),
    isList: memberOf(entry, 'sub_slo') === true,
  };
}

/** Everything that is to go when a large object goes, lists in it included; nothing of an object that is none. */
export async function ownedBy(
  requests: SwiftRequests,
  key: Key,
  head: Pick<ObjectHead, 'isStaticLarge' | 'dynamicSegments'>,
  { signal }: VerbOptions,
): Promise<readonly ObjectPlace[]> {
  if (head.isStaticLarge) return listedIn(requests, requests.placeOf(key), { key, signal });
  if (head.dynamicSegments === undefined) return [];
  const named = namedBy(head.dynamicSegments);
  // Whoever gave a name that others' begin with as well gave it in error, or on purpose.
  if (
    named === undefined ||
    named.container === requests.config.container ||
    !named.prefix.startsWith(`${requests.nameOf(key)}/`)
  ) {
    requests.logger.warn(
      'the segments of an object are not removed with it, since their names do not say whose they are',
      {
        key,
        segments: head.dynamicSegments,
      },
    );
    return [];
  }
  const places: ObjectPlace[] = [];
  for await (const { objects } of containerPages(requests, { ...named, signal })) {
    for (const { name } of objects) places.push({ container: named.container, name });
  }
  return places;
}

/** Container and start of names of a dynamic large object's header. */
export function namedBy(header: string): { readonly container: string; readonly prefix: string } | undefined {
  const text = header.replace(/^\//, '');
  const slash = text.indexOf('/');
  if (slash <= 0) return undefined;
  try {
    return {
      container: decodeURIComponent(text.slice(0, slash)),
      prefix: decodeURIComponent(text.slice(slash + 1)),
    };
  } catch {
    return undefined;
  }
}

/** What a list names, and what lists in it do. @throws the errors of storages; a list that is gone names nothing */
export async function listedIn(
  requests: SwiftRequests,
  place: ObjectPlace,
  options: VerbOptions & { readonly newest?: boolean; readonly key?: Key },
  depth = 1,
): Promise<readonly ObjectPlace[]> {
  let entries: readonly ListEntry[] | undefined;
  try {
    entries = await readList(requests, place, options);
  } catch (error) {
    if (!(error instanceof ObjectNotFoundError) && (options.key !== undefined || answerBehind(error)?.status !== 404)) {
      throw error;
    }
  }
  const places: ObjectPlace[] = [];
  for (const entry of entries ?? []) {
    if ('data' in entry) continue;
    places.push(entry.place);
    if (!entry.isList || depth >= deepest) continue;
    const { newest = false, signal } = options;
    places.push(...(await listedIn(requests, entry.place, { newest, signal }, depth + 1)));
  }
  return places;
}

/** Removes segments; ones that are gone are no error. */
export async function deleteSegments(
  requests: SwiftRequests,
  places: readonly ObjectPlace[],
  options: VerbOptions,
): Promise<void> {
  await eachOf(places, (place) => deleteAt(requests, place, options));
}
