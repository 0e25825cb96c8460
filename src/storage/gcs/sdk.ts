/**
 * The rare verbs by Google's own client: it writes and reads what they say, and nothing else of it is used. Tokens, sending,
 * repeating and judging are those of every other request (`requests.ts`), so that deadlines, proxies and being called off
 * hold for all of them. It takes a tenth of a second to load: only what is itself loaded when it is needed may import this
 * (ADR 0014).
 */
import { Storage, type Bucket } from '@google-cloud/storage';
import { strangeAnswerError } from '../errors.ts';
import type { GcsRequest, GcsRequests } from './requests.ts';

/** What the client does not know of a request, or is not to decide. */
export type RareRequest = Pick<GcsRequest, 'action' | 'key' | 'headers' | 'signal'>;

/**
 * Has Google's client ask for something; its requests are sent, and repeated, as `GcsRequests.sendForJson` does.
 *
 * @param ask makes requests about the bucket or its objects
 * @throws as `GcsRequests.sendForJson` does, and StorageUnavailableError for an answer that the client cannot read
 */
export async function sendBySdk<T>(
  requests: GcsRequests,
  asked: RareRequest,
  ask: (bucket: Bucket) => Promise<T>,
): Promise<T> {
  const client = new HandedOver(requests, asked);
  try {
    return await ask(client.bucket(requests.config.bucket));
  } catch (error) {
    if (client.failure !== undefined) throw client.failure.error;
    throw strangeAnswerError(asked.action, requests.config.location, error);
  }
}

type RequestOptions = Parameters<Storage['request']>[0];
type Callback = Parameters<Storage['request']>[1];

/** The client with another way of sending: all that its buckets and files ask for comes by `request`. */
class HandedOver extends Storage {
  failure: { readonly error: unknown } | undefined;
  readonly #requests: GcsRequests;
  readonly #asked: RareRequest;

  constructor(requests: GcsRequests, asked: RareRequest) {
    // Out of use, and said all the same, so that it looks for nothing in the environment.
    super({ projectId: 'none', apiEndpoint: 'https://storage.invalid', retryOptions: { autoRetry: false } });
    this.#requests = requests;
    this.#asked = asked;
  }

  override request(options: RequestOptions, callback: Callback): void {
    this.#send(options).then(
      (body) => {
        callback(null, body);
      },
      (error: unknown) => {
        this.failure = { error };
        callback(new Error('not sent'));
      },
    );
  }

  async #send({ method = 'GET', uri, qs }: RequestOptions): Promise<object> {
    const request = {
      ...this.#asked,
      to: `/storage/v1/${uri.replace(/^\/+/, '')}`,
      query: (qs ?? {}) as NonNullable<GcsRequest['query']>,
    };
    switch (method) {
      case 'GET':
        return this.#requests.sendForJson({ ...request, method });
      case 'POST':
        // Without the body of the client: from the second round of a copy on it is no description of the object.
        return this.#requests.sendForJson({ ...request, method, body: [] });
      case 'DELETE':
        await this.#requests.sendOnly({ ...request, method });
        return {};
      default:
        throw new Error(`Google's client wants to send "${method}"`);
    }
  }
}
