/** The verbs of Azure Blob Storage that bytes go by, and the question for an object: each segment asks them (ADR 0014). */
import { createHash } from 'node:crypto';
import type { HttpResponse } from '../../network/http.ts';
import type { ByteSource } from '../../bytes/stage.ts';
import { StorageUnavailableError } from '../errors.ts';
import type { Key } from '../storage.ts';
import { answerBehind } from './answer-error.ts';
import type { AzureRequests } from './requests.ts';

/** What is common to all. */
interface Options {
  readonly signal?: AbortSignal | undefined;
}

/** What is common to what makes an object. */
export interface MakeOptions extends Options {
  /** Make it only if there is none, and mark it with this word, by which its maker knows it again. */
  readonly onlyAs?: string | undefined;
}

/** What an answer tells of an object. */
export interface BlobHead {
  readonly sizeBytes: number;
  readonly modified: Date;
  readonly etag: string | undefined;
  /** MD5 of the whole object, base64, where somebody gave one. */
  readonly md5: string | undefined;
  /** The word given as `onlyAs` when it was made. */
  readonly maker: string | undefined;
  /** Of the copy that made it or is making it. */
  readonly copy: { readonly id: string; readonly status: string } | undefined;
  /** Accounts with real folders answer for them as for objects. */
  readonly isFolder: boolean;
}

/** A blob, or a range of one, being read. */
export interface BlobDownload {
  readonly head: BlobHead;
  readonly body: ByteSource;
}

const makerHeader = 'x-ms-meta-walvaultwrite';

/** Writes an object by one request; the storage checks and keeps its MD5. */
export async function putBlob(
  requests: AzureRequests,
  key: Key,
  body: readonly Uint8Array[],
  options: MakeOptions,
): Promise<void> {
  await requests.sendOnly({
    ...making(key, options),
    headers: { ...makingHeaders(options), 'x-ms-blob-type': 'BlockBlob', 'content-md5': md5Of(body) },
    body,
  });
}

/** Puts a block beside an object, to be part of it once it is named in a list. */
export async function putBlock(
  requests: AzureRequests,
  key: Key,
  { id, body, signal }: Options & { readonly id: string; readonly body: readonly Uint8Array[] },
): Promise<void> {
  await requests.sendOnly({
    ...{ action: `write a block of "${key}"`, method: 'PUT', key, signal, body },
    query: { comp: 'block', blockid: id },
    headers: { 'content-md5': requests.config.checksBlocks ? md5Of(body) : undefined },
  });
}

/** Makes an object of blocks; blocks that are not in the list are gone afterwards, whoever put them. */
export async function putBlockList(
  requests: AzureRequests,
  key: Key,
  ids: readonly string[],
  options: MakeOptions,
): Promise<void> {
  const blocks = ids.map((id) => `<Latest>${id}</Latest>`).join('');
  const body = [Buffer.from(`<?xml version="1.0" encoding="utf-8"?><BlockList>${blocks}</BlockList>`)];
  await requests.sendOnly({
    ...making(key, options),
    query: { comp: 'blocklist' },
    headers: { ...makingHeaders(options), 'content-md5': md5Of(body) },
    body,
  });
}

/**
 * Opens an object from a byte on.
 *
 * @returns undefined when it has no byte there
 * @throws ObjectNotFoundError
 */
export async function getBlob(
  requests: AzureRequests,
  key: Key,
  range: Options & { readonly start: number; readonly end?: number | undefined; readonly ifMatch?: string | undefined },
): Promise<BlobDownload | undefined> {
  const { start, end, ifMatch, signal } = range;
  const isRange = start > 0 || end !== undefined;
  const action = `read "${key}"`;
  let answer: HttpResponse;
  try {
    answer = await requests.send({
      ...{ action, method: 'GET', key, signal },
      headers: {
        'x-ms-range': isRange ? `bytes=${start}-${end === undefined ? '' : end - 1}` : undefined,
        'if-match': ifMatch,
      },
    });
  } catch (error) {
    if (answerBehind(error)?.status === 416) return undefined;
    throw error;
  }
  if (isRange && answer.status !== 206) {
    await answer.discard();
    throw new StorageUnavailableError(`cannot ${action} in ${requests.config.location}: the whole came, not a part`);
  }
  return { head: headOf(answer.headers), body: answer.body };
}

/** Asks about an object. @throws ObjectNotFoundError */
export async function headBlob(requests: AzureRequests, key: Key, { signal }: Options): Promise<BlobHead> {
  return headOf(await requests.sendOnly({ action: `look for "${key}"`, method: 'HEAD', key, signal }));
}

function making(key: Key, { onlyAs, signal }: MakeOptions) {
  return { action: `write "${key}"`, method: 'PUT', key, ifAbsent: onlyAs !== undefined, signal } as const;
}

function makingHeaders({ onlyAs }: MakeOptions): Readonly<Record<string, string>> {
  return onlyAs === undefined ? {} : { 'if-none-match': '*', [makerHeader]: onlyAs };
}

function md5Of(body: readonly Uint8Array[]): string {
  const hash = createHash('md5');
  for (const chunk of body) hash.update(chunk);
  return hash.digest('base64');
}

function headOf(headers: HttpResponse['headers']): BlobHead {
  const text = (name: string): string | undefined => {
    const value = headers[name];
    return typeof value === 'string' ? value : undefined;
  };
  const id = text('x-ms-copy-id');
  return {
    sizeBytes: Number(text('content-length') ?? 0),
    modified: new Date(text('last-modified') ?? 0),
    etag: text('etag'),
    // Of a range, this one is about the whole, and the plain one about the range.
    md5: text('x-ms-blob-content-md5') ?? text('content-md5'),
    maker: text(makerHeader),
    copy: id === undefined ? undefined : { id, status: text('x-ms-copy-status') ?? '' },
    isFolder: text('x-ms-resource-type') === 'directory' || text('x-ms-meta-hdi_isfolder') === 'true',
  };
}
