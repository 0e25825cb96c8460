/** The verbs about one object that every upload and download needs, as one request each. */
import { randomBytes } from 'node:crypto';
import type { ByteSource } from '../../bytes/stage.ts';
import { ArchiverError } from '../../errors.ts';
import type { HttpResponse } from '../../network/http.ts';
import { ObjectExistsError, ObjectNotFoundError } from '../errors.ts';
import type { Key } from '../storage.ts';
import { answerBehind } from './answer-error.ts';
import type { S3Config } from './config.ts';
import { customerKeyHeaders, makerHeader, newObjectHeaders } from './object-headers.ts';
import type { S3Requests } from './request.ts';

/** What an answer tells of an object. */
export interface S3ObjectHead {
  /** With its quotes, as it is to be given back; undefined where the storage has none. */
  readonly etag: string | undefined;
  /** Of the whole object, also in answers with a part of it. */
  readonly sizeBytes: number;
  readonly modified: Date;
  /** CRC-32 of the whole object in base64, where the storage has one and was asked for all of it. */
  readonly crc32: string | undefined;
  /** See {@link makerHeader}. */
  readonly maker: string | undefined;
}

/** Options of every verb. */
export interface VerbOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Options of {@link putObject}. */
export interface PutOptions extends VerbOptions {
  /** Fail with ObjectExistsError, atomically, when there is such an object. */
  readonly ifAbsent?: boolean | undefined;
}

/**
 * Writes an object of bytes that are held until it resolves.
 *
 * @returns its ETag
 * @throws the errors of storages; a storage that lacks conditional writes answers 501 (`answerBehind(error)?.status`)
 */
export async function putObject(
  requests: S3Requests,
  key: Key,
  body: readonly Uint8Array[],
  { ifAbsent = false, signal }: PutOptions = {},
): Promise<string | undefined> {
  const { config } = requests;
  const maker = ifAbsent ? randomWord() : undefined;
  try {
    const answer = await requests.send({
      action: `write "${key}"`,
      method: 'PUT',
      key,
      headers: { ...newObjectHeaders(config), ...(ifAbsent && { 'if-none-match': '*', [makerHeader]: maker }) },
      body,
      checksum: protection(config),
      makes: true,
      ifAbsent,
      signal,
    });
    await answer.discard();
    return textHeader(answer, 'etag');
  } catch (error) {
    // A try whose answer was lost may have made the object that the next one met.
    if (!(error instanceof ObjectExistsError) || maker === undefined) throw error;
    const found = await foundOf(requests, key, maker, signal);
    if (found === undefined) throw error;
    return found.etag;
  }
}

/** A word that no other writer has. */
export function randomWord(): string {
  return randomBytes(12).toString('hex');
}

/** The object under that key if it is the one that this maker made; undefined also when nobody can tell. */
export async function foundOf(
  requests: S3Requests,
  key: Key,
  maker: string,
  signal: AbortSignal | undefined,
): Promise<S3ObjectHead | undefined> {
  // By then it has been tried for long enough.
  const soon = AbortSignal.timeout(lookMs);
  const either = signal === undefined ? soon : AbortSignal.any([signal, soon]);
  const found = await headObject(requests, key, { signal: either }).catch(() => undefined);
  signal?.throwIfAborted();
  return found?.maker === maker ? found : undefined;
}

const lookMs = 30_000;

/** A part of an object. */
export interface GetOptions extends VerbOptions {
  /** First byte; default 0. */
  readonly start?: number | undefined;
  /** At most so many; default: all that follow. */
  readonly bytes?: number | undefined;
  /** The object must still be the one with this ETag. */
  readonly ifMatch?: string | undefined;
}

/** An object that is being read. */
export interface S3Download {
  readonly head: S3ObjectHead;
  /** Ends with a NetworkError when it breaks off; is as long as the answer said. */
  readonly body: ByteSource;
}

/**
 * Opens an object.
 *
 * @returns undefined when it ends before `start`
 * @throws ObjectNotFoundError, the other errors of storages
 */
export async function getObject(
  requests: S3Requests,
  key: Key,
  { start = 0, bytes, ifMatch, signal }: GetOptions = {},
): Promise<S3Download | undefined> {
  const isPart = start > 0 || bytes !== undefined;
  const last = bytes === undefined ? '' : start + bytes - 1;
  try {
    const answer = await requests.send({
      action: `read "${key}"`,
      method: 'GET',
      key,
      headers: {
        ...customerKeyHeaders(requests.config),
        ...(isPart && { range: `bytes=${start}-${last}` }),
        ...(!isPart && requests.config.checksums === 'when_supported' && { 'x-amz-checksum-mode': 'ENABLED' }),
        'if-match': ifMatch,
      },
      signal,
    });
    const length = Number(textHeader(answer, 'content-length'));
    if (isPart && answer.status !== 206 && !(start === 0 && length <= (bytes ?? length))) {
      await answer.discard();
      throw new ArchiverError(
        'config',
        `cannot read a part of "${key}" in ${requests.config.location}: the whole came`,
        {
          hint: 'The storage, or a proxy before it, does not understand Range: use another.',
        },
      );
    }
    return { head: headOf(answer), body: answer.body };
  } catch (error) {
    if (isPart && answerBehind(error)?.status === 416) return undefined;
    // As with an answer to HEAD: without words it may mean something else.
    if (error instanceof ObjectNotFoundError && answerBehind(error)?.code === '')
      await requests.requireBucket({ signal });
    throw error;
  }
}

/** Asks about an object. @returns undefined only when the storage answered that there is none */
export async function headObject(
  requests: S3Requests,
  key: Key,
  { signal }: VerbOptions = {},
): Promise<S3ObjectHead | undefined> {
  try {
    const headers = customerKeyHeaders(requests.config);
    const answer = await requests.send({ action: `look for "${key}"`, method: 'HEAD', key, headers, signal });
    await answer.discard();
    return headOf(answer);
  } catch (error) {
    if (!(error instanceof ObjectNotFoundError)) throw error;
    // An answer to HEAD has no words: 404 may as well mean that there is no such bucket.
    await requests.requireBucket({ signal });
    return undefined;
  }
}

/** One part of a multipart upload. */
export interface PartTarget {
  readonly uploadId: string;
  /** From 1. */
  readonly partNumber: number;
}

/** Uploads a part that is held until it resolves. @returns what completing the upload wants to know of it */
export async function uploadPart(
  requests: S3Requests,
  key: Key,
  body: readonly Uint8Array[],
  { uploadId, partNumber, signal }: PartTarget & VerbOptions,
): Promise<UploadedPart> {
  const answer = await requests.send({
    action: `write part ${partNumber} of "${key}"`,
    method: 'PUT',
    key,
    query: { partNumber, uploadId },
    headers: customerKeyHeaders(requests.config),
    body,
    checksum: protection(requests.config),
    makes: true,
    signal,
  });
  await answer.discard();
  return { partNumber, etag: textHeader(answer, 'etag') ?? '', crc32: textHeader(answer, 'x-amz-checksum-crc32') };
}

/** Not by the signature alone, as not all storages hold bodies against it. A bucket with locks demands an MD5. */
function protection({ objects }: S3Config): 'configured' | 'md5' {
  return objects.lock === undefined ? 'configured' : 'md5';
}

/** A part that the storage has. */
export interface UploadedPart {
  readonly partNumber: number;
  readonly etag: string;
  /** In base64, where the storage tells it. */
  readonly crc32: string | undefined;
}

function headOf(answer: HttpResponse): S3ObjectHead {
  const total = /\/(\d+)$/.exec(textHeader(answer, 'content-range') ?? '')?.[1];
  const crc32 = textHeader(answer, 'x-amz-checksum-crc32');
  return {
    etag: textHeader(answer, 'etag'),
    sizeBytes: Number(total ?? textHeader(answer, 'content-length') ?? 0),
    modified: new Date(textHeader(answer, 'last-modified') ?? 0),
    // `…-3` is one of the checksums of three parts.
    crc32: crc32?.includes('-') === true ? undefined : crc32,
    maker: textHeader(answer, makerHeader),
  };
}

function textHeader({ headers }: HttpResponse, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}
