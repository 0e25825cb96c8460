/**
 * Requests to the JSON interface of Google Cloud Storage, repeated as long as that makes sense. Google's own client
 * writes and reads the rare verbs alone (`sdk.ts`): it has no deadlines, can't be called off, and takes its time to load.
 */
import { NetworkError, type HttpClient, type HttpResponse } from '../../network/http.ts';
import { systemClock, type Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import { orAborted } from '../or-aborted.ts';
import { createPatience, type Patience } from '../patience.ts';
import type { Key } from '../storage.ts';
import { GcsAnswerError, judged, type Asked } from './answer-error.ts';
import type { GcsConfig } from './config.ts';
import type { CredentialSource } from './credentials.ts';

/** One request. It may be sent several times: the body is held. */
export interface GcsRequest {
  /** For messages: `write "a/b"`. */
  readonly action: string;
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Path from the root of the endpoint, or where to an answer had sent us. */
  readonly to: string | URL;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  /** Lower-case names. Undefined ones are left out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: readonly Uint8Array[];
  /** The object that a 404 is about. */
  readonly key?: Key | undefined;
  /** A 412 means that the object is there. */
  readonly ifAbsent?: boolean | undefined;
  /** Statuses that are answers besides 200 … 299. */
  readonly accepts?: readonly number[];
  readonly signal?: AbortSignal | undefined;
}

/** What a request is made with. */
export interface GcsRequestOptions {
  readonly config: GcsConfig;
  readonly http: HttpClient;
  /** Undefined: none are sent. */
  readonly credentials: CredentialSource | undefined;
  readonly logger: Logger;
  readonly clock?: Clock;
}

const usualDelays = { firstDelayMs: 128, maxDelayMs: 300_000 };

/** Requests to one bucket; any number at the same time. Disposing closes the connections. */
export class GcsRequests implements AsyncDisposable {
  readonly config: GcsConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly patience: Patience;
  readonly #http: HttpClient;
  readonly #credentials: CredentialSource | undefined;

  constructor({ config, http, credentials, logger, clock = systemClock }: GcsRequestOptions) {
    const { location, maxRetries } = config;
    this.config = config;
    this.clock = clock;
    this.logger = logger;
    this.patience = createPatience({ location, policy: { attempts: maxRetries + 1, ...usualDelays }, clock, logger });
    this.#http = http;
    this.#credentials = credentials;
  }

  /** The object with this key, as paths name it. */
  pathOf(key: Key): string {
    return `/storage/v1/b/${encodeURIComponent(this.config.bucket)}/o/${encodeURIComponent(this.nameOf(key))}`;
  }

  /** All objects of the bucket, as paths name them; for uploads another path of the same form. */
  objectsPath(root: '' | '/upload' = ''): string {
    return `${root}/storage/v1/b/${encodeURIComponent(this.config.bucket)}/o`;
  }

  /** The key as the bucket knows it. */
  nameOf(key: Key): string {
    return this.config.start + key;
  }

  /** The headers that make the customer's key known, if there is one. */
  customerKeyHeaders(kind: '' | 'copy-source-' = ''): Readonly<Record<string, string>> {
    const { customerKey } = this.config;
    if (customerKey === undefined) return {};
    const start = `x-goog-${kind}encryption-`;
    return {
      [`${start}algorithm`]: 'AES256',
      [`${start}key`]: customerKey.key,
      [`${start}key-sha256`]: customerKey.sha256,
    };
  }

  /**
   * Sends a request until the head of a wanted answer is there; its body is the caller's.
   *
   * @throws ObjectNotFoundError, ObjectExistsError with `ifAbsent`, the other errors of storages, ArchiverError (`config`); their
   *   cause is a GcsAnswerError when there was an answer
   */
  async send(request: GcsRequest): Promise<HttpResponse> {
    return this.#repeat(request, () => this.attempt(request));
  }

  /** The same, with the whole body, which is JSON of this form. */
  async sendForJson<T>(request: GcsRequest): Promise<Partial<T>> {
    return this.#repeat(request, async () => jsonOf<T>(await this.attempt(request)));
  }

  /** The same for an answer of which only is of interest that it tells of no error. */
  async sendOnly(request: GcsRequest): Promise<void> {
    await this.#repeat(request, async () => {
      const answer = await this.attempt(request);
      refuseError(await answer.text(), answer);
    });
  }

  /**
   * Sends a request once, or twice where a token was no longer valid.
   *
   * @throws GcsAnswerError, NetworkError, errors of storages for credentials that cannot be had
   */
  async attempt(request: GcsRequest): Promise<HttpResponse> {
    for (let renewed = false; ; renewed = true) {
      request.signal?.throwIfAborted();
      const identity = this.#credentials && (await orAborted(this.#credentials.get(), request.signal));
      const answer = await this.#sendOnce(request, identity ?? {});
      const { status, headers } = answer;
      if ((status >= 200 && status < 300) || request.accepts?.includes(status) === true) return answer;
      const text = await answer.text().catch(() => '');
      if (status === 401 && !renewed && identity !== undefined) {
        this.#credentials?.renew(identity);
        continue;
      }
      throw new GcsAnswerError(status, headers, text);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#http[Symbol.asyncDispose]();
  }

  async #repeat<T>(request: GcsRequest, act: () => Promise<T>): Promise<T> {
    const asked: Asked = { ...request, location: this.config.location };
    for (const trying = this.patience.begin(request.action); ;) {
      try {
        const result = await act();
        this.patience.noteAnswer();
        return result;
      } catch (error) {
        request.signal?.throwIfAborted();
        if (error instanceof GcsAnswerError) this.patience.noteAnswer();
        await trying.pause(judged(error, asked), request.signal);
      }
    }
  }

  async #sendOnce(
    { signal, ...request }: GcsRequest,
    identity: Readonly<Record<string, string>>,
  ): Promise<HttpResponse> {
    const { method, to, body } = request;
    const { endpoint, requestMs } = this.config;
    const url = to instanceof URL ? to : new URL(`${endpoint}${to}${queryOf(request.query)}`);
    // Who knows the address of an upload needs no more; nobody else is to learn who we are.
    const headers: Record<string, string> = url.href.startsWith(`${endpoint}/`) ? { ...identity } : {};
    for (const [name, value] of Object.entries(request.headers ?? {})) if (value !== undefined) headers[name] = value;

    const deadline = new AbortController();
    const timer = setTimeout(() => {
      deadline.abort(new NetworkError(`${url.host} took more than ${requestMs / 1_000} s for a request`, 'timeout'));
    }, requestMs);
    const began = this.clock.monotonicMs();
    try {
      const answer = await this.#http.request({
        method,
        url,
        headers,
        ...(body !== undefined && { body }),
        signal: signal === undefined ? deadline.signal : AbortSignal.any([signal, deadline.signal]),
      });
      const { status } = answer;
      const durationMs = Math.round(this.clock.monotonicMs() - began);
      this.logger.debug('GCS request', { method, host: url.host, path: url.pathname, status, durationMs });
      return answer;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Reads an answer that is JSON. @throws NetworkError when it isn't: it was cut off, or comes from elsewhere */
export async function jsonOf<T>(answer: HttpResponse): Promise<Partial<T>> {
  const text = await answer.text(64 << 20);
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !('error' in value)) return value;
  } catch {
    // told below
  }
  refuseError(text, answer);
  throw new NetworkError(`the answer with status ${answer.status} is not JSON`, 'ERR_NOT_JSON');
}

/** @throws NetworkError when an answer with a status of success tells of an error, or is a page for people */
function refuseError(text: string, { status, headers }: HttpResponse): void {
  if (!/^\s*(?:\{\s*"error"|<)/.test(text)) return;
  throw new NetworkError(`an error came with ${new GcsAnswerError(status, headers, text).message}`, 'ERR_IN_SUCCESS');
}

function queryOf(query: GcsRequest['query'] = {}): string {
  const parts = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
  );
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
}
