/**
 * Requests to a container: let in, with deadlines, and repeated as `storages.md` section 4 of the specification has it.
 * `wal-push` starts once for each segment, so that the SDK is there for rare verbs alone (`sdk.ts`); what the others mean is
 * in `blob-requests.ts` and `listing.ts`.
 */
import { codeOf } from '../../errors.ts';
import { NetworkError, type HttpClient, type HttpResponse } from '../../network/http.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import { isWorthRepeating, StorageUnavailableError } from '../errors.ts';
import { orAborted } from '../or-aborted.ts';
import { createPatience, type Judgement, type Patience } from '../patience.ts';
import type { RetryPolicy } from '../retry.ts';
import type { Key } from '../storage.ts';
import { AzureAnswerError, errorOf, mayPass, type Asked } from './answer-error.ts';
import type { Authorizer } from './authorizer.ts';
import type { AzureConfig } from './config.ts';

/** One request. It may be sent several times: the body is held. */
export interface AzureRequest {
  /** For messages: `write "a/b"`. */
  readonly action: string;
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE';
  /** Below the prefix of the storage; undefined: about the container. */
  readonly key?: Key | undefined;
  /** Undefined ones are left out. */
  readonly query?: Readonly<Record<string, string | undefined>>;
  /** Lower-case names. Undefined ones are left out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: readonly Uint8Array[];
  /** The object is to be written only if there is none. */
  readonly ifAbsent?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What requests are made with. */
export interface AzureRequestsOptions {
  readonly config: AzureConfig;
  readonly http: HttpClient;
  readonly authorizer: Authorizer;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Three more tries, after pauses that begin with 0.8 s. */
const policy: RetryPolicy = { attempts: 4, firstDelayMs: 800, maxDelayMs: 60_000 };
/** A clock that is off by less is not why a signature is refused: Azure allows 15 minutes. */
const skewMs = 10 * 60_000;
/** Longer than any page of a listing. */
const longestText = 64 << 20;

/** Requests to one container; any number at the same time. Disposing closes the connections. */
export class AzureRequests implements AsyncDisposable {
  readonly config: AzureConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly #http: HttpClient;
  readonly #authorizer: Authorizer;
  readonly #patience: Patience;
  #clockOffsetMs = 0;

  constructor({ config, http, authorizer, clock, logger }: AzureRequestsOptions) {
    this.config = config;
    this.clock = clock;
    this.logger = logger;
    this.#http = http;
    this.#authorizer = authorizer;
    this.#patience = createPatience({ location: config.location, policy, clock, logger });
  }

  /** The name of an object in the container. */
  nameOf(key: Key): string {
    const { prefix } = this.config;
    return prefix === '' ? key : `${prefix}/${key}`;
  }

  /** The URL of an object for the storage to copy from. It may be secret. */
  sourceUrl(key: Key): string {
    return this.#authorizer.sourceUrl(this.#urlOf(key, {}));
  }

  /**
   * Sends a request until the head of an answer with a status of 200 … 299 is there; its body is the caller's.
   *
   * @throws ObjectNotFoundError, ObjectExistsError with `ifAbsent`, the other errors of storages, ArchiverError (`config`);
   *   their cause is an AzureAnswerError when there was an answer
   */
  send(request: AzureRequest): Promise<HttpResponse> {
    return this.#repeat(request, () => this.#sendOnce(request));
  }

  /** The same for an answer whose body is of no interest. */
  async sendOnly(request: AzureRequest): Promise<HttpResponse['headers']> {
    const answer = await this.send(request);
    await answer.discard();
    return answer.headers;
  }

  /** The same for an answer in XML, whole up to the end of the element `root`. */
  sendForXml(request: AzureRequest, root: string): Promise<string> {
    return this.#repeat(request, async () => {
      const text = await (await this.#sendOnce(request)).text(longestText);
      if (new RegExp(`</${root}>\\s*$`).test(text)) return text;
      throw new StorageUnavailableError(`cannot ${request.action} in ${this.config.location}: the answer is not whole`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#http[Symbol.asyncDispose]();
  }

  async #repeat<T>(request: AzureRequest, act: () => Promise<T>): Promise<T> {
    const { action, signal } = request;
    let corrected = false;
    for (const trying = this.#patience.begin(action); ;) {
      try {
        const result = await act();
        this.#patience.noteAnswer();
        return result;
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof AzureAnswerError) {
          this.#patience.noteAnswer();
          if (!corrected && this.#correct(error)) {
            corrected = true;
            continue;
          }
        }
        await trying.pause(judged(error, { ...request, location: this.config.location }), signal);
      }
    }
  }

  async #sendOnce(request: AzureRequest): Promise<HttpResponse> {
    const { method, key, query = {}, body, signal } = request;
    signal?.throwIfAborted();
    const { apiVersion, tryTimeoutMs } = this.config;
    const headers: Record<string, string> = {
      'x-ms-version': apiVersion,
      'x-ms-date': new Date(this.clock.now().getTime() + this.#clockOffsetMs).toUTCString(),
    };
    if (method === 'PUT') headers['content-length'] = String(lengthOf(body));
    for (const [name, value] of Object.entries(request.headers ?? {})) if (value !== undefined) headers[name] = value;
    const url = this.#urlOf(key, query);
    const authorized = await orAborted(this.#authorizer.authorize({ method, url, headers }), signal);
    const began = this.clock.monotonicMs();
    const answer = await this.#http.request({
      ...authorized,
      ...(method === 'PUT' && { body: body ?? [], deadlines: { answerMs: tryTimeoutMs } }),
      signal,
    });
    const { status } = answer;
    const { host, pathname } = authorized.url;
    this.logger.debug('Azure request', {
      ...{ method, host, path: pathname, comp: query['comp'], status },
      durationMs: Math.round(this.clock.monotonicMs() - began),
    });
    if (status >= 200 && status < 300) {
      const errorCode = answer.headers['x-ms-error-code'];
      // What changes something is answered by 201, 202 or 204.
      const isOther = status === 200 && (method === 'PUT' || method === 'DELETE');
      if (errorCode === undefined && !isOther) return answer;
      await answer.discard();
      throw new NetworkError(`status ${status} is no answer to ${method}`, String(errorCode ?? 'ERR_NOT_AZURE'));
    }
    throw new AzureAnswerError(status, answer.headers, await answer.text().catch(() => ''));
  }

  #urlOf(key: Key | undefined, query: Readonly<Record<string, string | undefined>>): URL {
    const path = key === undefined ? '' : `/${this.nameOf(key).split('/').map(encodeURIComponent).join('/')}`;
    const pairs = Object.entries(query).flatMap(([name, value]) =>
      value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
    );
    return new URL(`${this.config.containerUrl}${path}${pairs.length === 0 ? '' : `?${pairs.join('&')}`}`);
  }

  /** What a refusal teaches: the right time, that a new token is needed. */
  #correct({ status, code, date }: AzureAnswerError): boolean {
    if (status === 401) return this.#authorizer.renew();
    if (code !== 'AuthenticationFailed' || date === undefined) return false;
    const offsetMs = date.getTime() - this.clock.now().getTime();
    if (Math.abs(offsetMs) < skewMs || this.config.credential.kind !== 'key') return false;
    this.#clockOffsetMs = offsetMs;
    this.logger.warn('the clock of this machine is wrong', { aheadMs: -offsetMs });
    return true;
  }
}

function lengthOf(body: readonly Uint8Array[] = []): number {
  return body.reduce((sum, { length }) => sum + length, 0);
}

function judged(error: unknown, asked: Asked): Judgement {
  if (error instanceof AzureAnswerError) {
    return { told: errorOf(error, asked), mayPass: mayPass(error), retryAfter: error.retryAfter };
  }
  if (!(error instanceof NetworkError)) return { told: error, mayPass: isWorthRepeating(error) };
  const message = `cannot ${asked.action} in ${asked.location}: ${error.message}`;
  const hint = hints[error.code ?? ''] ?? error.hint;
  return {
    told: new StorageUnavailableError(message, { cause: error, hint }),
    // Wrong certificates and names stay wrong.
    mayPass: !/CERT|SELF_SIGNED|UNABLE_TO_|ENOTFOUND|EPROTO|ERR_SSL/.test(codeOf(error) ?? ''),
  };
}

const hints: Readonly<Record<string, string>> = {
  timeout: 'Check whether a firewall or proxy is in between, and AZURE_ENDPOINT where it is set.',
  ENOTFOUND:
    'Check AZURE_STORAGE_ACCOUNT and AZURE_ENDPOINT_SUFFIX, of which the host is made, and the name servers of this machine.',
};
