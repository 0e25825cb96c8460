/** The verbs of Swift that objects need. */
import { createHash } from 'node:crypto';
import type { ByteSource } from '../../bytes/stage.ts';
import type { HttpResponse } from '../../network/http.ts';
import { ObjectNotFoundError, StorageUnavailableError } from '../errors.ts';
import type { Key } from '../storage.ts';
import { answerBehind } from './answer-error.ts';
import { pathOf, type ObjectPlace } from './object-place.ts';
import type { SwiftRequests } from './requests.ts';

/** What is common to all. */
export interface VerbOptions {
  readonly signal?: AbortSignal | undefined;
}

/** What is common to what makes an object. */
export interface MakeOptions extends VerbOptions {
  /** Make it only if there is none, and mark it with this word, by which its maker knows it again. */
  readonly onlyAs?: string | undefined;
}

/** What an answer tells of an object. */
export interface ObjectHead {
  readonly sizeBytes: number;
  readonly modified: Date;
  /** As it came, quotes included. */
  readonly etag: string | undefined;
  /** MD5 of its bytes in hex, where the entity tag is that. */
  readonly md5: string | undefined;
  /** The word given as `onlyAs` when it was made. */
  readonly maker: string | undefined;
  /** It is a list of segments. */
  readonly isStaticLarge: boolean;
  /** `container/start of names`, escaped: it is all objects that are called so. */
  readonly dynamicSegments: string | undefined;
  /** It stands for a folder. */
  readonly isFolder: boolean;
}

/** An object, or a range of one, being read. */
export interface ObjectDownload {
  readonly head: ObjectHead;
  readonly body: ByteSource;
}

const makerHeader = 'x-object-meta-walvault-write';
/** Servers that copy bytes, or look for a thousand segments, are silent meanwhile. */
export const longAnswerMs = 10 * 60_000;

/** Writes an object by one request; the storage checks its MD5. @returns whether a newer one was there */
export async function putObject(
  requests: SwiftRequests,
  key: Key,
  body: readonly Uint8Array[],
  options: MakeOptions,
): Promise<{ readonly superseded: boolean }> {
  const { status } = await requests.sendOnly({
    ...making(requests, key, options),
    headers: { ...makingHeaders(options), etag: md5Of(body) },
    body,
  });
  return { superseded: isSuperseded(status) };
}

/** "Accepted" means that a newer object was there already, and stays. */
export function isSuperseded(status: number): boolean {
  return status === 202;
}

/**
 * Opens an object from a byte on.
 *
 * @returns undefined when it has no byte there
 * @throws ObjectNotFoundError
 */
export async function getObject(
  requests: SwiftRequests,
  key: Key,
  range: VerbOptions & {
    readonly start: number;
    readonly end?: number | undefined;
    readonly ifMatch?: string | undefined;
  },
): Promise<ObjectDownload | undefined> {
  const { start, end, ifMatch, signal } = range;
  const isRange = start > 0 || end !== undefined;
  const action = `read "${key}"`;
  let answer: HttpResponse;
  try {
    answer = await requests.send({
      ...{ action, method: 'GET', place: requests.placeOf(key), key, signal },
      headers: {
        range: isRange ? `bytes=${start}-${end === undefined ? '' : end - 1}` : undefined,
        'if-match': ifMatch,
      },
    });
  } catch (error) {
    if (answerBehind(error)?.status === 416) return undefined;
    throw error;
  }
  const head = headOf(answer.headers);
  if (isRange && answer.status !== 206) {
    await answer.discard();
    if (head.sizeBytes === 0) return undefined;
    throw new StorageUnavailableError(`cannot ${action} in ${requests.config.location}: the whole came, not a part`);
  }
  return { head, body: answer.body };
}

/** Asks about an object. @throws ObjectNotFoundError */
export async function headObject(requests: SwiftRequests, key: Key, { signal }: VerbOptions): Promise<ObjectHead> {
  const place = requests.placeOf(key);
  const { headers } = await requests.sendOnly({ action: `look for "${key}"`, method: 'HEAD', place, key, signal });
  return headOf(headers);
}

/** Removes an object, of a large one the list alone. One that is not there is no error, where there is its container. */
export async function deleteAt(
  requests: SwiftRequests,
  place: ObjectPlace,
  { key, signal }: VerbOptions & { readonly key?: Key },
): Promise<void> {
  try {
    await requests.sendOnly({ action: `delete "${key ?? pathOf(place)}"`, method: 'DELETE', place, key, signal });
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return;
    // Of a segment there is no more to know: its container may be gone as well.
    if (key !== undefined || answerBehind(error)?.status !== 404) throw error;
  }
}

/** Copies bytes within the storage, of a large object all of its segments into one. @returns the new one's tag */
export async function copyTo(
  requests: SwiftRequests,
  from: ObjectPlace,
  to: ObjectPlace,
  { range, signal }: VerbOptions & { readonly range?: string | undefined },
): Promise<string | undefined> {
  const { headers } = await requests.sendOnly({
    ...{ action: `copy "${pathOf(from)}" to "${pathOf(to)}"`, method: 'PUT', place: to, signal },
    headers: { 'x-copy-from': `/${pathOf(from)}`, range },
    answerMs: longAnswerMs,
  });
  return plainTag(headers.etag);
}

/** What is common to requests that make an object of the storage. */
export function making(requests: SwiftRequests, key: Key, { onlyAs, signal }: MakeOptions) {
  const place = requests.placeOf(key);
  return { action: `write "${key}"`, method: 'PUT', place, key, ifAbsent: onlyAs !== undefined, signal } as const;
}

/** Their headers. */
export function makingHeaders({ onlyAs }: MakeOptions): Readonly<Record<string, string>> {
  const type = { 'content-type': 'application/octet-stream' };
  return onlyAs === undefined ? type : { ...type, 'if-none-match': '*', [makerHeader]: onlyAs };
}

/** MD5 of bytes in memory, hex. */
export function md5Of(body: readonly Uint8Array[]): string {
  const hash = createHash('md5');
  for (const chunk of body) hash.update(chunk);
  return hash.digest('hex');
}

/** An entity tag without its quotes. */
export function plainTag(etag: string | undefined): string | undefined {
  return etag?.replace(/^(?:W\/)?"|"$/g, '');
}

/** What the headers of an answer tell. */
export function headOf(headers: HttpResponse['headers']): ObjectHead {
  const text = (name: string): string | undefined => {
    const value = headers[name];
    return typeof value === 'string' ? value : undefined;
  };
  const sizeBytes = Number(text('content-length') ?? 0);
  const isStaticLarge = /^true$/i.test(text('x-static-large-object') ?? '');
  const dynamicSegments = text('x-object-manifest');
  const tag = plainTag(text('etag'));
  const isPlain = !isStaticLarge && dynamicSegments === undefined;
  return {
    sizeBytes,
    modified: modifiedOf(text('x-timestamp'), text('last-modified')),
    etag: text('etag'),
    md5: isPlain && tag !== undefined && /^[0-9a-f]{32}$/.test(tag) ? tag : undefined,
    maker: text(makerHeader),
    isStaticLarge,
    dynamicSegments,
    isFolder: isPlain && sizeBytes === 0 && /^application\/directory\b/.test(text('content-type') ?? ''),
  };
}

/** Listings tell microseconds, `last-modified` the next second: the timestamp is what both are made of. */
function modifiedOf(timestamp: string | undefined, lastModified: string | undefined): Date {
  const [, seconds, fraction] = /^(\d+)(?:\.(\d+))?$/.exec(timestamp ?? '') ?? [];
  if (seconds === undefined) return new Date(lastModified ?? 0);
  return new Date(Number(seconds) * 1_000 + Number((fraction ?? '').padEnd(3, '0').slice(0, 3)));
}
