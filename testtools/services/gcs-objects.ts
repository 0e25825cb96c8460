/** What a bucket of the stand-in for Google Cloud Storage holds. */
import { createHash } from 'node:crypto';
import { crc32c } from '../../src/bytes/crc32c.ts';

/** An object. */
export interface StoredObject {
  readonly name: string;
  readonly bytes: Buffer;
  readonly generation: number;
  readonly created: Date;
  readonly crc32c: string;
  readonly contentType: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** SHA-256 of the customer's key it is encrypted with. */
  readonly customerKey: string | undefined;
}

/** A refusal, as the JSON interface tells it. */
export class Refusal extends Error {
  readonly status: number;
  readonly reason: string;
  constructor(status: number, reason: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

/** What is known before the bytes. */
export interface NewObject {
  readonly name: string;
  readonly ifGenerationMatch: string | undefined;
  readonly contentType: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly customerKey: string | undefined;
}

/** A bucket. */
export class Bucket {
  readonly name: string;
  readonly objects = new Map<string, StoredObject>();
  #generation = 1_700_000_000_000_000;

  constructor(name: string) {
    this.name = name;
  }

  /** The object, for a request with this key. @throws Refusal */
  get(
    name: string,
    { generation, key }: { readonly generation?: string | null; readonly key?: string | undefined } = {},
  ): StoredObject {
    const found = this.objects.get(name);
    if (found === undefined || (typeof generation === 'string' && generation !== String(found.generation))) {
      throw new Refusal(404, 'notFound', `No such object: ${this.name}/${name}`);
    }
    if (found.customerKey !== undefined && key === undefined) {
      throw new Refusal(
        400,
        'resourceIsEncryptedWithCustomerEncryptionKey',
        'The target object is encrypted by a customer-supplied encryption key.',
      );
    }
    if (found.customerKey !== key) {
      throw new Refusal(400, 'customerEncryptionKeyIsIncorrect', 'The provided encryption key is incorrect.');
    }
    return found;
  }

  /** @throws Refusal when the object must be another, or none */
  check({ name, ifGenerationMatch }: Pick<NewObject, 'name' | 'ifGenerationMatch'>): void {
    if (ifGenerationMatch === undefined) return;
    if (String(this.objects.get(name)?.generation ?? 0) === ifGenerationMatch) return;
    throw new Refusal(412, 'conditionNotMet', 'At least one of the pre-conditions you specified did not hold.');
  }

  /** Stores an object. @throws Refusal */
  put(
    target: NewObject,
    bytes: Buffer,
    sums: { readonly crc32c?: string | undefined; readonly md5?: string | undefined },
  ): StoredObject {
    this.check(target);
    const sum = crc32cText(bytes);
    if (sums.crc32c !== undefined && sums.crc32c !== sum) {
      throw new Refusal(400, 'invalid', `Provided CRC32C "${sums.crc32c}" doesn't match calculated CRC32C "${sum}".`);
    }
    const md5 = createHash('md5').update(bytes).digest('base64');
    if (sums.md5 !== undefined && sums.md5 !== md5) {
      throw new Refusal(400, 'invalid', `Provided MD5 hash "${sums.md5}" doesn't match calculated MD5 hash "${md5}".`);
    }
    const { name, contentType, metadata, customerKey } = target;
    this.#generation += 1;
    const object = {
      name,
      bytes,
      generation: this.#generation,
      created: new Date(),
      crc32c: sum,
      contentType,
      metadata,
      customerKey,
    };
    this.objects.set(name, object);
    return object;
  }

  /** One page of a listing, in the order of UTF-8. */
  page(query: URLSearchParams, limit: number): object {
    const prefix = query.get('prefix') ?? '';
    const delimiter = query.get('delimiter');
    const after = query.get('pageToken') ?? '';
    const size = Math.min(limit, Number(query.get('maxResults') ?? limit));
    const names = [...this.objects.keys()]
      .filter((name) => name.startsWith(prefix))
      .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    const items: object[] = [];
    const prefixes: string[] = [];
    let last = '';
    for (const name of names) {
      const cut = delimiter === null ? -1 : name.indexOf(delimiter, prefix.length);
      const shown = cut === -1 ? name : name.slice(0, cut + 1);
      if (Buffer.compare(Buffer.from(shown), Buffer.from(decodedToken(after))) <= 0 || prefixes.includes(shown))
        continue;
      if (items.length + prefixes.length === size) {
        return { kind: 'storage#objects', items, prefixes, nextPageToken: Buffer.from(last).toString('base64url') };
      }
      if (cut === -1) items.push(resourceOf(this.get(name, { key: this.objects.get(name)?.customerKey }), this.name));
      else prefixes.push(shown);
      last = shown;
    }
    return { kind: 'storage#objects', ...(items.length > 0 && { items }), ...(prefixes.length > 0 && { prefixes }) };
  }
}

/** An object as the JSON interface describes it. */
export function resourceOf(object: StoredObject, bucket: string): object {
  const { name, bytes, generation, created, contentType, metadata } = object;
  const time = created.toISOString();
  return {
    kind: 'storage#object',
    id: `${bucket}/${name}/${generation}`,
    ...{ name, bucket, contentType, metadata, crc32c: object.crc32c },
    generation: String(generation),
    metageneration: '1',
    size: String(bytes.length),
    ...{ timeCreated: time, updated: time, timeStorageClassUpdated: time, storageClass: 'STANDARD' },
    md5Hash: createHash('md5').update(bytes).digest('base64'),
  };
}

function crc32cText(bytes: Buffer): string {
  const text = Buffer.alloc(4);
  text.writeUInt32BE(crc32c(bytes));
  return text.toString('base64');
}

function decodedToken(token: string): string {
  return Buffer.from(token, 'base64url').toString();
}
