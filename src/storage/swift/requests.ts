/**
 * Requests to an account of Swift: let in by a token, with deadlines, and repeated as the settings have it. What the verbs
 * mean is in `object-requests.ts` and `large-object.ts`.
 */
import { NetworkError, type HttpClient, type HttpResponse } from '../../network/http.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import { isWorthRepeating, ObjectNotFoundError, StorageForbiddenError, StorageUnavailableError } from '../errors.ts';
import { createPatience, type Judgement, type Patience } from '../patience.ts';
import type { RetryPolicy } from '../retry.ts';
import type { Key } from '../storage.ts';
import { errorOf, mayPass, noContainer, SwiftAnswerError, type Asked } from './answer-error.ts';
import type { SwiftConfig } from './config.ts';
import { isLasting } from './lasting-failures.ts';
import type { SwiftAccess } from './login.ts';
import { urlOf, type ObjectPlace } from './object-place.ts';
import type { SwiftSession } from './session.ts';

/** One request. It may be sent several times: the body is held. */
export interface SwiftRequest {
  /** For messages: `write "a/b"`. */
  readonly action: string;
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE';
  readonly place: ObjectPlace;
  /** Undefined ones are left out. */
  readonly query?: Readonly<Record<string, string | undefined>>;
  /** Lower-case names. Undefined ones are left out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: readonly Uint8Array[];
  /** The object of the storage that this is about. */
  readonly key?: Key | undefined;
  /** The object is to be written only if there is none. */
  readonly ifAbsent?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The longest wait for the answer, where the storage does much for it. */
  readonly answerMs?: number | undefined;
}

/** What requests are made with. */
export interface SwiftRequestsOptions {
  readonly config: SwiftConfig;
  readonly http: HttpClient;
  readonly session: SwiftSession;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Longer than any page of a listing: 10,000 names of 1,024 bytes, escaped. */
const longestText = 256 << 20;

/** Requests to one account; any number at the same time. Disposing closes the connections. */
export class SwiftRequests implements AsyncDisposable {
  readonly config: SwiftConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly #http: HttpClient;
  readonly #session: SwiftSession;
  readonly #patience: Patience;
  #containerSeen = false;
  #capabilities: unknown;

  constructor({ config, http, session, clock, logger }: SwiftRequestsOptions) {
    const policy: RetryPolicy = { attempts: config.attempts, firstDelayMs: 500, maxDelayMs: 30_000 };
    this.config = config;
    this.clock = clock;
    this.logger = logger;
    this.#http = http;
    this.#session = session;
    this.#patience = createPatience({ location: config.location, policy, clock, logger });
  }

  /** Where an object of the storage lies. */
  placeOf(key: Key): ObjectPlace & { readonly name: string } {
    return { container: this.config.container, name: this.nameOf(key) };
  }

  /** The name of an object in the container. */
  nameOf(key: Key): string {
    const { prefix } = this.config;
    return prefix === '' ? key : `${prefix}/${key}`;
  }

  /** Sends a request. @throws the errors of storages for whatever is no success; a missing container is none of `missing` */
  async send(request: SwiftRequest): Promise<HttpResponse> {
    return this.#repeat(request, () => this.#sendOnce(request));
  }

  /** Sends a request whose answer has no body of interest. */
  async sendOnly(request: SwiftRequest): Promise<HttpResponse> {
    const answer = await this.send(request);
    await answer.discard();
    return answer;
  }

  /** Sends a request for JSON; an answer that broke off is asked for again. Without a body (204) it is `empty`. */
  async sendForJson(request: SwiftRequest, empty: unknown): Promise<{ readonly json: unknown; readonly date: Date }> {
    return this.#repeat(request, async () => {
      const answer = await this.#sendOnce(request);
      const text = await answer.text(longestText);
      const date = new Date(answer.headers.date ?? this.clock.now());
      if (text === '' && answer.status === 204) return { json: empty, date };
      try {
        return { json: JSON.parse(text) as unknown, date };
      } catch {
        throw new StorageUnavailableError(
          `cannot ${request.action} in ${this.config.location}: the answer is not whole`,
        );
      }
    });
  }

  /** What the storage says it can do, by the names of its middleware; undefined where it doesn't tell. Asked once. */
  async capabilities(signal: AbortSignal | undefined): Promise<unknown> {
    if (this.#capabilities !== undefined) return this.#capabilities;
    const { storageUrl } = await this.#session.access(signal);
    const url = new URL(storageUrl.replace(/\/v1(?:\.0)?(?:\/.*)?$/, '/info'));
    try {
      const { userAgent, deadlines } = this.config;
      const headers = { 'user-agent': userAgent };
      const answer = await this.#http.request({ method: 'GET', url, headers, deadlines, signal });
      const text = await answer.text();
      if (answer.status !== 200) return undefined;
      this.#capabilities = JSON.parse(text) as unknown;
      return this.#capabilities;
    } catch {
      signal?.throwIfAborted();
      return undefined;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#http[Symbol.asyncDispose]();
  }

  async #repeat<T>(request: SwiftRequest, act: () => Promise<T>): Promise<T> {
    const { action, signal } = request;
    let renewed = false;
    for (const trying = this.#patience.begin(action); ;) {
      try {
        const result = await act();
        this.#patience.noteAnswer();
        if (request.place.container === this.config.container) this.#containerSeen = true;
        return result;
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof RefusedAnswer) {
          this.#patience.noteAnswer();
          if (error.answer.status === 401 && !renewed && this.#session.renew(error.access)) {
            this.logger.debug('Swift refused the token, getting another', { action });
            renewed = true;
            continue;
          }
        }
        const judgement = judged(error, { ...request, location: this.config.location });
        if (judgement.told instanceof ObjectNotFoundError) await this.#checkContainer(judgement.told.cause, signal);
        await trying.pause(judgement, signal);
      }
    }
  }

  /** "No such object" is an answer only where there is such a container. */
  async #checkContainer(cause: unknown, signal: AbortSignal | undefined): Promise<void> {
    if (this.#containerSeen) return;
    const { container, location } = this.config;
    try {
      await this.sendOnly({ action: 'look for the container', method: 'HEAD', place: { container }, signal });
    } catch (error) {
      // Who may read objects and not ask about their container was let in by that container.
      if (error instanceof StorageForbiddenError) return;
      const status = error instanceof Error && error.cause instanceof SwiftAnswerError ? error.cause.status : undefined;
      throw status === 404 ? noContainer(location, cause) : error;
    }
  }

  async #sendOnce(request: SwiftRequest): Promise<HttpResponse> {
    const { method, place, query = {}, body, signal, answerMs } = request;
    const { deadlines, userAgent } = this.config;
    const access = await this.#session.access(signal);
    const headers: Record<string, string> = { 'user-agent': userAgent };
    if (method === 'PUT') headers['content-length'] = String(lengthOf(body));
    for (const [name, value] of Object.entries(request.headers ?? {})) if (value !== undefined) headers[name] = value;
    headers['x-auth-token'] = access.token;
    const url = urlOf(access.storageUrl, place, query);
    const began = this.clock.monotonicMs();
    const answer = await this.#http.request({
      ...{ method, url, headers, signal },
      ...(method === 'PUT' && { body: body ?? [] }),
      deadlines: { ...deadlines, answerMs: Math.max(deadlines.answerMs, answerMs ?? 0) },
    });
    const { status } = answer;
    this.logger.debug('Swift request', {
      ...{ method, host: url.host, path: url.pathname, status },
      durationMs: Math.round(this.clock.monotonicMs() - began),
    });
    if (isForeign(request, answer)) {
      await answer.discard();
      throw new NetworkError(`something else than Swift answered ${method} with status ${status}`, 'ERR_NOT_SWIFT');
    }
    if (status >= 200 && status < 300) return answer;
    const text = method === 'HEAD' ? '' : await answer.text().catch(() => '');
    if (method === 'HEAD') await answer.discard();
    throw new RefusedAnswer(new SwiftAnswerError(status, answer.headers, text), access);
  }
}

/**
 * Whether an answer comes from something that did nothing, such as a proxy with a page of its own: what changes something is
 * answered by 201, 202 or 204, and whoever has an object tells its tag, its time or its segments.
 */
function isForeign({ method, place }: SwiftRequest, { status, headers }: HttpResponse): boolean {
  if (method === 'PUT' || method === 'DELETE') return status === 200;
  if (place.name === undefined || (status !== 200 && status !== 206)) return false;
  return (
    headers.etag === undefined && headers['x-timestamp'] === undefined && headers['x-object-manifest'] === undefined
  );
}

/** A refusal, and what it refused. */
class RefusedAnswer extends Error {
  readonly answer: SwiftAnswerError;
  readonly access: SwiftAccess;

  constructor(answer: SwiftAnswerError, access: SwiftAccess) {
    super(answer.message);
    this.name = 'RefusedAnswer';
    this.answer = answer;
    this.access = access;
  }
}

function lengthOf(body: readonly Uint8Array[] = []): number {
  return body.reduce((sum, { length }) => sum + length, 0);
}

function judged(error: unknown, asked: Asked): Judgement {
  if (error instanceof RefusedAnswer) {
    const { answer } = error;
    return { told: errorOf(answer, asked), mayPass: mayPass(answer), retryAfter: answer.retryAfter };
  }
  if (!(error instanceof NetworkError)) return { told: error, mayPass: isWorthRepeating(error) };
  const message = `cannot ${asked.action} in ${asked.location}: ${error.message}`;
  const hint =
    error.code === 'timeout' ? 'Check whether a firewall or proxy is in between, and OS_STORAGE_URL.' : error.hint;
  return { told: new StorageUnavailableError(message, { cause: error, hint }), mayPass: !isLasting(error) };
}
