/**
 * Signed requests to a bucket, repeated as long as that makes sense: the lean way that `wal-push` takes, without an SDK.
 * What the verbs mean is in `object-requests.ts`.
 */
import { NetworkError, type HttpClient, type HttpDeadlines, type HttpResponse } from '../../network/http.ts';
import { systemClock, type Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import { StorageUnavailableError } from '../errors.ts';
import { orAborted } from '../or-aborted.ts';
import { createPatience, type Patience } from '../patience.ts';
import type { RetryPolicy } from '../retry.ts';
import type { Key } from '../storage.ts';
import { answerBehind, errorOf, S3AnswerError, type Asked } from './answer-error.ts';
import { checksumHeaders, payloadHash } from './checksum.ts';
import type { S3Config } from './config.ts';
import type { CredentialSource } from './credentials.ts';
import { bucketUrl, encodedKey, queryOf } from './endpoint.ts';
import { connectionTarget } from './endpoint-source.ts';
import { judged } from './judgement.ts';
import { signed } from './sign.ts';
import { SigningState, type Signing } from './signing-state.ts';
import { textOf } from '../xml.ts';

/** One request. It may be sent several times: the body is held. */
export interface S3Request {
  /** For messages: `write "a/b"`. */
  readonly action: string;
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** Below the prefix of the storage; undefined: about the bucket. */
  readonly key?: Key | undefined;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  /** Lower-case names. Undefined ones are left out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: readonly Uint8Array[];
  /** How the body is protected on its way, besides by what the signature covers: as configured, by MD5 as well, or not. */
  readonly checksum?: 'configured' | 'md5' | undefined;
  /** Makes an object or a part: an answer without an entity tag comes from something that made none. */
  readonly makes?: boolean | undefined;
  /** A 412 means that the object is there. */
  readonly ifAbsent?: boolean | undefined;
  /** The element that an answer consists of; without it, an answer with the status 200 is somebody else's, and no answer. */
  readonly root?: string | undefined;
  /** Where the usual ones are too short. */
  readonly deadlines?: Partial<HttpDeadlines>;
  readonly signal?: AbortSignal | undefined;
}

/** What a request is made with. */
export interface S3RequestOptions {
  readonly config: S3Config;
  readonly http: HttpClient;
  /** Asked for when the region is known. */
  readonly credentials: (region: string) => CredentialSource;
  readonly logger: Logger;
  readonly clock?: Clock;
}

/** An answer that was read to its end. */
export interface S3TextAnswer {
  readonly headers: HttpResponse['headers'];
  readonly text: string;
}

/** Requests to one bucket; any number at the same time. Disposing closes the connections. */
export class S3Requests implements AsyncDisposable {
  readonly config: S3Config;
  readonly #http: HttpClient;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #patience: Patience;
  readonly #throttled: RetryPolicy;
  readonly #signing: SigningState;
  #bucketSeen = false;

  constructor({ config, http, credentials, logger, clock = systemClock }: S3RequestOptions) {
    this.config = config;
    this.#http = http;
    this.#logger = logger;
    this.#clock = clock;
    const findRegion = (state: SigningState): Promise<string> => this.#location(state);
    this.#signing = new SigningState({ region: config.region, findRegion, credentials, logger, clock });
    const { maxRetries, minThrottlingDelayMs: firstDelayMs, maxThrottlingDelayMs: maxDelayMs, location } = config;
    const policy: RetryPolicy = { attempts: maxRetries + 1, firstDelayMs: 60, maxDelayMs: 300_000 };
    this.#throttled = { ...policy, firstDelayMs, maxDelayMs };
    this.#patience = createPatience({ location, policy, clock, logger });
  }

  /** The key as the bucket knows it. */
  inBucket(key: Key): string {
    const { prefix } = this.config;
    return prefix === '' ? key : `${prefix}/${key}`;
  }

  /**
   * Sends a request until the head of an answer with a status of 200 … 299 is there; its body is the caller's.
   *
   * @throws ObjectNotFoundError, ObjectExistsError with `ifAbsent`, the other errors of storages, ArchiverError (`config`); their
   *   cause is an S3AnswerError when there was an answer
   */
  async send(request: S3Request): Promise<HttpResponse> {
    return this.#repeat(request, (answer) => Promise.resolve(answer));
  }

  /** The same, with the whole body, also where an answer of 200 turns out to be an error after all. */
  async sendForText(request: S3Request, limitBytes = 64 << 20): Promise<S3TextAnswer> {
    return this.#repeat(request, async (answer) => {
      const { status, headers } = answer;
      const text = await answer.text(limitBytes);
      if (isError(text)) throw new S3AnswerError(status, headers, text);
      if (request.root !== undefined && !consistsOf(text, request.root)) {
        const { location } = this.config;
        throw new StorageUnavailableError(`cannot ${request.action} in ${location}: not the answer of such a storage`, {
          hint: 'Check AWS_ENDPOINT, and whether a proxy answers in its place.',
        });
      }
      return { headers, text };
    });
  }

  /**
   * Asks once whether the bucket is there, unless an answer told so before. That it may not be asked about is taken for yes.
   *
   * @throws ArchiverError (`config`) when there is none
   */
  async requireBucket({ signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    if (this.#bucketSeen) return;
    try {
      const answer = await this.send({ action: 'look for the bucket', method: 'HEAD', signal });
      await answer.discard();
    } catch (error) {
      const answer = answerBehind(error);
      if (answer?.status === 403) return;
      if (answer?.status !== 404) throw error;
      const { location } = this.config;
      throw errorOf(new S3AnswerError(404, {}, '<Code>NoSuchBucket</Code>'), {
        action: 'look for the bucket',
        location,
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#http[Symbol.asyncDispose]();
  }

  async #repeat<T>(request: S3Request, take: (answer: HttpResponse) => Promise<T>): Promise<T> {
    const asked: Asked = { ...request, location: this.config.location };
    const trying = this.#patience.begin(asked.action);
    const corrected = new Set<string>();
    for (;;) {
      let signing: Signing | undefined;
      try {
        request.signal?.throwIfAborted();
        signing = await orAborted(this.#signing.next(), request.signal);
        const answer = await this.#sendOnce(request, signing, bucketUrl(this.config, signing.region));
        this.#patience.noteAnswer();
        return await take(answer);
      } catch (error) {
        request.signal?.throwIfAborted();
        if (error instanceof S3AnswerError) {
          this.#patience.noteAnswer();
          const correction = signing && this.#signing.learn(error, signing);
          if (correction !== undefined && !corrected.has(correction)) {
            corrected.add(correction);
            continue;
          }
        }
        await trying.pause(judged(error, asked, this.#throttled), request.signal);
      }
    }
  }

  async #sendOnce(request: S3Request, signing: Signing, bucket: string): Promise<HttpResponse> {
    const { method, key, query = {}, body, checksum, deadlines, signal } = request;
    const { config } = this;
    const url = new URL(`${bucket}/${key === undefined ? '' : encodedKey(this.inBucket(key))}${queryOf(query)}`);
    const headers: Record<string, string> = { ...config.additionalHeaders };
    for (const [name, value] of Object.entries(request.headers ?? {})) if (value !== undefined) headers[name] = value;
    if (body !== undefined && checksum !== undefined) Object.assign(headers, checksumHeaders(body, checksum, config));
    const { sessionToken } = signing.credentials;
    if (config.yandexSessionToken && sessionToken !== undefined) headers['x-yacloud-subjecttoken'] = sessionToken;
    const { endpointSource } = config;
    const via = endpointSource && (await connectionTarget(endpointSource, this.#http, signal));
    if (via !== undefined && endpointSource?.protocol !== undefined) url.protocol = endpointSource.protocol;
    const hash = payloadHash({ body, protocol: url.protocol, headers }, config);
    const began = this.#clock.monotonicMs();
    const answer = await this.#http.request({
      method,
      url,
      headers: signed({ method, url, headers, payloadHash: hash }, { ...signing, service: 's3' }),
      ...(body !== undefined && { body }),
      ...(deadlines !== undefined && { deadlines }),
      signal,
      via,
    });
    const { status } = answer;
    const durationMs = Math.round(this.#clock.monotonicMs() - began);
    const named = Object.keys(query).join('&');
    this.#logger[config.logRequests ? 'info' : 'debug']('S3 request', {
      ...{ method, host: url.host, path: url.pathname, query: named === '' ? undefined : named, status, durationMs },
    });
    if (status >= 200 && status < 300) {
      this.#bucketSeen = true;
      if (request.makes === true && answer.headers.etag === undefined) await refuse(answer);
      return answer;
    }
    const refusal = new S3AnswerError(status, answer.headers, await answer.text().catch(() => ''));
    // Without permission to ask for the bucket itself, it is there all the same.
    if (refusal.code === 'NoSuchKey' || status === 403 || status === 412) this.#bucketSeen = true;
    throw refusal;
  }

  /** GetBucketLocation; where that is not allowed, a guess that later answers correct. */
  async #location(state: SigningState): Promise<string> {
    const first = 'us-east-1';
    const request: S3Request = { action: 'find the region', method: 'GET', query: { location: '' } };
    try {
      const signing = await state.next(first);
      const answer = await this.#sendOnce(request, signing, bucketUrl({ ...this.config, pathStyle: true }, first));
      const named = textOf(await answer.text(), 'LocationConstraint')?.trim() ?? '';
      return named === '' ? first : named === 'EU' ? 'eu-west-1' : named;
    } catch (error) {
      if (!(error instanceof S3AnswerError) || error.status >= 500 || error.status === 404 || error.status === 429) {
        throw error;
      }
      this.#logger.debug('the bucket does not tell its region', { reason: error.message });
      return error.region ?? first;
    }
  }
}

function consistsOf(xml: string, root: string): boolean {
  return new RegExp(`^\\s*(?:<\\?xml[^>]*>)?\\s*<(?:\\w+:)?${root}[\\s/>]`).test(xml);
}

function isError(text: string): boolean {
  return /^\s*(?:<\?xml[^>]*>)?\s*<(?:\w+:)?Error[\s>]/.test(text);
}

/** @throws S3AnswerError when it tells of an error, otherwise a NetworkError: something else may have answered */
async function refuse(answer: HttpResponse): Promise<never> {
  const { status, headers } = answer;
  const text = await answer.text();
  if (isError(text)) throw new S3AnswerError(status, headers, text);
  throw new NetworkError(`the answer with status ${status} names no entity tag`, 'ERR_NO_ETAG');
}
