/**
 * The rare verbs by the SDK of Azure: it writes and reads what they say, and nothing else of it is used. Signing, sending,
 * repeating and judging is that of every other request (`requests.ts`), so that deadlines, proxies and corrections hold for
 * all of them. It takes a tenth of a second to load: only what is itself loaded when it is needed may import this (ADR 0014).
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import {
  AnonymousCredential,
  ContainerClient,
  newPipeline,
  type HttpHeaders,
  type HttpOperationResponse,
  type WebResource,
} from '@azure/storage-blob';
import { strangeAnswerError } from '../errors.ts';
import type { AzureRequest, AzureRequests } from './requests.ts';

/** What the SDK does not know of a request, or is not to decide. */
export type RareRequest = Pick<AzureRequest, 'action' | 'key' | 'headers' | 'signal'>;

/**
 * Has the SDK ask for something; its requests are sent, and repeated, as `AzureRequests.send` does.
 *
 * @param ask makes one request, about the object that `asked` names, or about the container
 * @throws as `AzureRequests.send` does, and StorageUnavailableError for an answer that the SDK cannot read
 */
export async function sendBySdk<T>(
  requests: AzureRequests,
  asked: RareRequest,
  ask: (container: ContainerClient) => Promise<T>,
): Promise<T> {
  const sending: Sending = { asked, failure: undefined };
  try {
    return await current.run(sending, () => ask(clientOf(requests)));
  } catch (error) {
    if (sending.failure !== undefined) throw sending.failure.error;
    throw strangeAnswerError(asked.action, requests.config.location, error);
  }
}

interface Sending {
  readonly asked: RareRequest;
  failure: { readonly error: unknown } | undefined;
}

/** The SDK hands over nothing by which a request could be told from another, and to make a client for each call costs CPU. */
const current = new AsyncLocalStorage<Sending>();

const clients = new WeakMap<AzureRequests, ContainerClient>();

function clientOf(requests: AzureRequests): ContainerClient {
  const before = clients.get(requests);
  if (before !== undefined) return before;
  const httpClient = { sendRequest: (request: WebResource) => sent(requests, request) };
  const pipeline = newPipeline(new AnonymousCredential(), { httpClient, retryOptions: { maxTries: 1 } });
  const client = new ContainerClient('https://account.invalid/container', pipeline);
  clients.set(requests, client);
  return client;
}

async function sent(requests: AzureRequests, request: WebResource): Promise<HttpOperationResponse> {
  const sending = current.getStore();
  if (sending === undefined) throw new Error('the SDK of Azure sends what nobody asked for');
  try {
    return await handed(requests, sending.asked, request);
  } catch (error) {
    sending.failure = { error };
    // Not this one: the SDK repeats what looks like a failure of the network to it.
    throw new Error('not sent');
  }
}

async function handed(
  requests: AzureRequests,
  asked: RareRequest,
  request: WebResource,
): Promise<HttpOperationResponse> {
  if (request.body !== undefined && request.body !== null) throw new TypeError('the SDK of Azure wants to send a body');
  const answer = await requests.send({
    ...asked,
    method: methodOf(request),
    query: Object.fromEntries(new URL(request.url).searchParams),
    headers: { ...headersOf(request), ...asked.headers },
  });
  await answer.discard();
  return { request, status: answer.status, headers: answered(request.headers, answer.headers), bodyAsText: '' };
}

function methodOf({ method }: WebResource): AzureRequest['method'] {
  if (method === 'GET' || method === 'HEAD' || method === 'PUT' || method === 'DELETE') return method;
  throw new Error(`the SDK of Azure wants to send "${method}"`);
}

/** Of the SDK itself, or said by us. */
const notTaken = /^x-ms-(?:version|date|client-request-id|return-client-request-id)$/;

/** What a verb says is in these and in the query; the others are about the connection. */
function headersOf({ headers }: WebResource): Record<string, string> {
  const all = headers.headersArray().map(({ name, value }) => [name.toLowerCase(), value] as const);
  return Object.fromEntries(all.filter(([name]) => /^(?:x-ms-|if-)/.test(name) && !notTaken.test(name)));
}

/** Of the class that the SDK wants, which it does not export. */
function answered(sample: HttpHeaders, headers: Readonly<Record<string, string | string[] | undefined>>): HttpHeaders {
  const filled = sample.clone();
  for (const name of filled.headerNames()) filled.remove(name);
  for (const [name, value] of Object.entries(headers)) if (typeof value === 'string') filled.set(name, value);
  return filled;
}
