/**
 * The rare verbs by the SDK of AWS: it writes and reads what they say, and nothing else of it is used. Signing, sending,
 * repeating and judging is that of every other request (`request.ts`), so that deadlines, proxies, corrections and
 * settings hold for all of them. It takes a tenth of a second to load: only what is itself loaded when it is needed may
 * import this (ADR 0013).
 */
import {
  S3Client,
  type $Command,
  type S3ClientResolvedConfig,
  type ServiceInputTypes,
  type ServiceOutputTypes,
} from '@aws-sdk/client-s3';
import { strangeAnswerError } from '../errors.ts';
import type { S3Request, S3Requests } from './request.ts';

/** What the SDK does not know of a request, or is not to decide. */
export type RareRequest = Pick<S3Request, 'action' | 'key' | 'headers' | 'checksum' | 'root' | 'deadlines' | 'signal'>;

/** A command of the SDK; its bucket and key are those of the storage. */
export type RareCommand<Input extends ServiceInputTypes, Output extends ServiceOutputTypes> = $Command<
  Input,
  Output,
  S3ClientResolvedConfig,
  ServiceInputTypes,
  ServiceOutputTypes
>;

/**
 * Sends a command, repeated as `S3Requests.send` does.
 *
 * @throws as that does, and StorageUnavailableError for an answer that the SDK cannot read
 */
export async function sendBySdk<Input extends ServiceInputTypes, Output extends ServiceOutputTypes>(
  requests: S3Requests,
  command: RareCommand<Input, Output>,
  asked: RareRequest,
): Promise<Output> {
  const sending: Sending = { requestTimeout: 0, asked, failure: undefined };
  try {
    return await clientOf(requests).send<Input, Output>(command, sending);
  } catch (error) {
    if (sending.failure !== undefined) throw sending.failure.error;
    throw strangeAnswerError(asked.action, requests.config.location, error);
  }
}

/** What the SDK gives to whoever sends. */
interface Sending {
  /** None: the deadlines and the signal are those of `asked`. */
  readonly requestTimeout: 0;
  readonly asked: RareRequest;
  failure: { readonly error: unknown } | undefined;
}

/** The request as the SDK made it. */
interface SdkRequest {
  readonly method: string;
  readonly query?: Readonly<Record<string, string | readonly string[] | null>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

const clients = new WeakMap<S3Requests, S3Client>();

function clientOf(requests: S3Requests): S3Client {
  const before = clients.get(requests);
  if (before !== undefined) return before;
  // All that it would otherwise look for in the environment and in files of AWS, which is not where our settings come from.
  const client = new S3Client({
    endpoint: 'https://s3.invalid',
    forcePathStyle: true,
    region: 'us-east-1',
    credentials: { accessKeyId: 'none', secretAccessKey: 'none' },
    signer: { sign: (request) => Promise.resolve(request) },
    requestHandler: { handle: (request: SdkRequest, options: unknown) => handed(requests, request, options) },
    maxAttempts: 1,
    retryMode: 'standard',
    defaultsMode: 'standard',
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    authSchemePreference: [],
    sigv4aSigningRegionSet: [],
    disableS3ExpressSessionAuth: true,
    disableMultiregionAccessPoints: true,
    useArnRegion: false,
    useDualstackEndpoint: false,
    useFipsEndpoint: false,
    userAgentAppId: 'walvault',
    logger: { debug: ignore, info: ignore, warn: ignore, error: ignore },
  });
  clients.set(requests, client);
  return client;
}

function ignore(): void {
  // tells what it does at every step
}

interface SdkAnswer {
  readonly response: { readonly statusCode: number; readonly headers: Record<string, string>; readonly body: Buffer };
}

async function handed(requests: S3Requests, request: SdkRequest, options: unknown): Promise<SdkAnswer> {
  const sending = options as Sending;
  const { asked } = sending;
  try {
    const { text, headers } = await requests.sendForText({
      ...asked,
      method: methodOf(request),
      query: queryOf(request),
      headers: { ...headersOf(request), ...asked.headers },
      ...(request.body !== undefined && { body: [bytesOf(request.body)] }),
    });
    const names = Object.entries(headers).flatMap(([name, value]) =>
      typeof value === 'string' ? [[name, value] as const] : [],
    );
    return { response: { statusCode: 200, headers: Object.fromEntries(names), body: Buffer.from(text) } };
  } catch (error) {
    sending.failure = { error };
    // Not this one: the SDK adds to errors, and wraps what is none.
    throw new Error('not sent');
  }
}

function methodOf({ method }: SdkRequest): S3Request['method'] {
  if (method === 'GET' || method === 'HEAD' || method === 'PUT' || method === 'POST' || method === 'DELETE')
    return method;
  throw new Error(`the SDK of S3 wants to send "${method}"`);
}

/** Without what only tells readers of logs which command it was. */
function queryOf({ query = {} }: SdkRequest): Record<string, string> {
  return Object.fromEntries(
    Object.entries(query).flatMap(([name, value]) => (name === 'x-id' ? [] : [[name, String(value ?? '')] as const])),
  );
}

/** Of the SDK itself, or said by us: checksums follow `S3_CHECKSUMS`, and old storages demand another. */
const notTaken = /^(host|content-length|user-agent|x-amz-user-agent|amz-sdk-.*|x-amz-sdk-.*|x-amz-checksum-.*)$/;

function headersOf({ headers }: SdkRequest): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !notTaken.test(name.toLowerCase())));
}

function bytesOf(body: unknown): Uint8Array {
  if (typeof body === 'string') return Buffer.from(body);
  if (body instanceof Uint8Array) return body;
  throw new TypeError('the SDK of S3 wants to send a stream');
}
