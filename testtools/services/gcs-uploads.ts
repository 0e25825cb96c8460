/** How the stand-in for Google Cloud Storage takes objects: by one request, or in chunks. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Refusal, type Bucket, type NewObject, type StoredObject } from './gcs-objects.ts';

/** What an upload answers. */
export type UploadAnswer =
  | { readonly kind: 'object'; readonly object: StoredObject }
  | { readonly kind: 'begun'; readonly id: string }
  | { readonly kind: 'incomplete'; readonly persisted: number }
  | { readonly kind: 'cancelled' };

interface Session {
  readonly target: NewObject;
  readonly description: Description;
  readonly chunks: Buffer[];
  persisted: number;
  done: StoredObject | undefined;
}

interface Description {
  readonly name?: string;
  readonly crc32c?: string;
  readonly md5Hash?: string;
  readonly contentType?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** What goes wrong with an upload. */
export interface Spoiling {
  /** At most so many bytes of a chunk are kept. */
  readonly take?: number;
  /** A byte arrives as another. */
  readonly flip?: boolean;
}

/** Changes a byte. */
export function flip(bytes: Buffer): void {
  const middle = bytes.length >> 1;
  if (bytes.length > 0) bytes[middle] = (bytes[middle] ?? 0) ^ 1;
}

const unit = 256 * 1024;

/** Uploads to one bucket. */
export class Uploads {
  readonly #bucket: Bucket;
  readonly #sessions = new Map<string, Session>();

  constructor(bucket: Bucket) {
    this.#bucket = bucket;
  }

  /** Uploads in chunks that have neither ended nor been cancelled. */
  get open(): number {
    return [...this.#sessions.values()].filter(({ done }) => done === undefined).length;
  }

  /** Forgets all of them, as Google does after a week. */
  forget(): void {
    this.#sessions.clear();
  }

  /**
   * Takes a request to `/upload/…`.
   *
   * @param spoiling what goes wrong with it
   */
  async answer(request: IncomingMessage, query: URLSearchParams, spoiling: Spoiling = {}): Promise<UploadAnswer> {
    const id = query.get('upload_id');
    if (id !== null) return this.#continue(id, request, spoiling);
    const type = query.get('uploadType');
    if (type === 'resumable') return this.#begin(request, query);
    if (type !== 'multipart') throw new Refusal(400, 'invalid', `uploadType ${type} is not known here`);
    const { description, bytes } = parts(await bodyOf(request), String(request.headers['content-type']));
    const target = targetOf(request, query, description);
    if (spoiling.flip === true) flip(bytes);
    return {
      kind: 'object',
      object: this.#bucket.put(target, bytes, { crc32c: description.crc32c, md5: description.md5Hash }),
    };
  }

  async #begin(request: IncomingMessage, query: URLSearchParams): Promise<UploadAnswer> {
    const body = (await bodyOf(request)).toString();
    const description = (body === '' ? {} : JSON.parse(body)) as Description;
    const target = targetOf(request, query, description);
    this.#bucket.check(target);
    const id = randomBytes(16).toString('hex');
    this.#sessions.set(id, { target, description, chunks: [], persisted: 0, done: undefined });
    return { kind: 'begun', id };
  }

  async #continue(id: string, request: IncomingMessage, spoiling: Spoiling): Promise<UploadAnswer> {
    const session = this.#sessions.get(id);
    if (session === undefined) throw new Refusal(404, 'notFound', 'No such upload');
    if (request.method === 'DELETE') {
      this.#sessions.delete(id);
      return { kind: 'cancelled' };
    }
    const [, from, last, total] =
      /^bytes (?:\*|(\d+)-(\d+|\*))\/(\d+|\*)$/.exec(request.headers['content-range'] ?? 'bytes 0-*/*') ?? [];
    if (total === undefined) throw new Refusal(400, 'invalid', 'Failed to parse Content-Range header.');
    if (session.done !== undefined) return { kind: 'object', object: session.done };
    if (from !== undefined) {
      if (Number(from) !== session.persisted)
        throw new Refusal(
          503,
          'backendError',
          `Invalid request. The number of bytes uploaded is ${session.persisted}.`,
        );
      await this.#receive(session, request, {
        ...spoiling,
        isLast: total !== '*',
        last: last === undefined || last === '*' ? undefined : Number(last),
      });
    } else {
      await bodyOf(request);
    }
    if (total === '*' && last !== '*') return { kind: 'incomplete', persisted: session.persisted };
    if (total !== '*' && Number(total) !== session.persisted)
      return { kind: 'incomplete', persisted: session.persisted };
    const hash = String(request.headers['x-goog-hash'] ?? '');
    const sum = (name: string): string | undefined => new RegExp(`(?:^|,)\\s*${name}=([^,]+)`).exec(hash)?.[1];
    session.done = this.#bucket.put(session.target, Buffer.concat(session.chunks), {
      crc32c: sum('crc32c') ?? session.description.crc32c,
      md5: sum('md5') ?? session.description.md5Hash,
    });
    return { kind: 'object', object: session.done };
  }

  /** Keeps what arrives, in whole units where the chunk is not the last or breaks off. */
  async #receive(
    session: Session,
    request: IncomingMessage,
    {
      take = Number.POSITIVE_INFINITY,
      flip: spoiled = false,
      isLast,
      last,
    }: Spoiling & { readonly isLast: boolean; readonly last: number | undefined },
  ): Promise<void> {
    const received: Buffer[] = [];
    let length = 0;
    const expected = last === undefined ? undefined : last + 1 - session.persisted;
    const keep = (limit: number): void => {
      const bytes = Buffer.concat(received).subarray(0, limit);
      if (spoiled) flip(bytes);
      session.chunks.push(bytes);
      session.persisted += bytes.length;
    };
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) {
        received.push(chunk);
        length += chunk.length;
      }
    } catch (error) {
      keep(length - (length % unit));
      throw error;
    }
    if (expected !== undefined && expected !== length)
      throw new Refusal(400, 'invalid', `Content-Range tells of ${expected} bytes, ${length} came`);
    if (!isLast && expected !== undefined && length % unit !== 0)
      throw new Refusal(400, 'invalid', 'Chunks must be multiples of 256 KiB');
    keep(take >= length ? length : take - (take % unit));
  }
}

function targetOf(request: IncomingMessage, query: URLSearchParams, description: Description): NewObject {
  const name = query.get('name') ?? description.name;
  if (name === undefined || name === '' || Buffer.byteLength(name) > 1024)
    throw new Refusal(400, 'invalid', 'Required: name');
  return {
    name,
    ifGenerationMatch: query.get('ifGenerationMatch') ?? undefined,
    contentType: description.contentType ?? 'application/octet-stream',
    metadata: description.metadata ?? {},
    customerKey: customerKeyOf(request),
  };
}

/** SHA-256 of the customer's key of a request. */
export function customerKeyOf({ headers }: IncomingMessage, kind: '' | 'copy-source-' = ''): string | undefined {
  const sha256 = headers[`x-goog-${kind}encryption-key-sha256`];
  return typeof sha256 === 'string' ? sha256 : undefined;
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The two parts of a body of the type `multipart/related` (RFC 2387). */
function parts(body: Buffer, contentType: string): { readonly description: Description; readonly bytes: Buffer } {
  const boundary = /boundary="?([^";]+)"?/.exec(contentType)?.[1];
  if (!contentType.startsWith('multipart/related') || boundary === undefined)
    throw new Refusal(400, 'invalid', 'no boundary');
  const between = Buffer.from(`\r\n--${boundary}`);
  const first = body.indexOf('\r\n\r\n') + 4;
  const firstEnd = body.indexOf(between, first);
  const second = body.indexOf('\r\n\r\n', firstEnd + between.length) + 4;
  const end = body.lastIndexOf(Buffer.concat([between, Buffer.from('--')]));
  if (firstEnd === -1 || end < second) throw new Refusal(400, 'badRequest', 'Malformed multipart body.');
  return {
    description: JSON.parse(body.subarray(first, firstEnd).toString()) as Description,
    bytes: Buffer.from(body.subarray(second, end)),
  };
}
