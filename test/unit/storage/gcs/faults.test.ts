import { describe, expect, it } from 'vitest';
import { collect, fromBytes } from '../../../../src/bytes/stage.ts';
import {
  ObjectExistsError,
  ObjectNotFoundError,
  StorageForbiddenError,
  StorageUnavailableError,
} from '../../../../src/storage/errors.ts';
import { lending, noise } from '../../../../testtools/byte-sources.ts';
import { gcsRig } from '../../../../testtools/gcs-rig.ts';
import type { GcsCall, GcsTrouble } from '../../../../testtools/services/gcs-stand-in.ts';

const unit = 256 * 1024;
const bytes = noise(3 * unit + 1000);

/** Trouble for the n-th request (from 0) that fits. */
function nth(index: number, trouble: GcsTrouble, fits: (call: GcsCall) => boolean = () => true) {
  let seen = -1;
  return (call: GcsCall): GcsTrouble | undefined => {
    if (!fits(call)) return undefined;
    seen += 1;
    return seen === index ? trouble : undefined;
  };
}

const isChunk = ({ method, headers }: GcsCall): boolean => method === 'PUT' && headers['content-range'] !== 'bytes */*';
const unavailable: GcsTrouble = { status: 503 };

describe('an upload in chunks to Google Cloud Storage', () => {
  const troubles: readonly (readonly [string, GcsTrouble])[] = [
    ['is refused for now', unavailable],
    ['is one too many', { status: 429, headers: { 'retry-after': '2' } }],
    ['is not answered', 'hang'],
    ['breaks off before anything is done', 'drop'],
    ['is done without an answer', 'lose'],
  ];
  const places = [0, 1, 2, 3, 4];
  it.each(troubles)('goes on when a request %s, whichever it is', async (_, trouble) => {
    await using rig = await gcsRig();
    for (const place of places) {
      rig.standIn.trouble = nth(place, trouble);
      await rig.storage.write('a', lending(bytes, 100_000), { ifAbsent: true });
      rig.standIn.trouble = undefined;
      expect((await collect(await rig.storage.read('a'))).equals(bytes), `${place}`).toBe(true);
      await rig.storage.delete(['a']);
    }
  });

  it('sends again only what was not kept of a chunk', async () => {
    await using rig = await gcsRig({ settings: { GCS_MAX_CHUNK_SIZE: String(2 * unit) } });
    rig.standIn.trouble = nth(0, { take: unit }, isChunk);
    await rig.storage.write('a', fromBytes(bytes));
    const ranges = rig.standIn.calls.flatMap(({ headers }) => headers['content-range'] ?? []);
    expect(ranges).toEqual([
      `bytes 0-${2 * unit - 1}/*`,
      `bytes ${unit}-${2 * unit - 1}/*`,
      `bytes ${2 * unit}-${bytes.length - 1}/${bytes.length}`,
    ]);
    expect((await collect(await rig.storage.read('a'))).equals(bytes)).toBe(true);
  });

  it('asks for the object when all bytes are said to be there without one, and sends what is missing after all', async () => {
    await using rig = await gcsRig();
    const whole = noise(2 * unit);
    rig.standIn.trouble = nth(1, { status: 308, headers: { range: `bytes=0-${2 * unit - 1}` }, body: '' }, isChunk);
    await rig.storage.write('a', fromBytes(whole));
    expect((await collect(await rig.storage.read('a'))).equals(whole)).toBe(true);
    const ranges = rig.standIn.calls.flatMap(({ headers }) => headers['content-range'] ?? []);
    const last = `bytes ${unit}-${2 * unit - 1}/${2 * unit}`;
    expect(ranges).toEqual([`bytes 0-${unit - 1}/*`, last, `bytes */${2 * unit}`, last]);
  });

  it('waits as long as Retry-After says', async () => {
    await using rig = await gcsRig();
    rig.standIn.trouble = nth(1, { status: 503, headers: { 'retry-after': '7' } });
    await rig.storage.write('a', fromBytes(bytes));
    expect(rig.clock.sleeps).toEqual([7_000]);
  });

  it('ends after its retries, and leaves nothing', async () => {
    await using rig = await gcsRig({ settings: { GCS_MAX_RETRIES: '3' } });
    rig.standIn.trouble = (call) => (isChunk(call) ? unavailable : undefined);
    const writing = rig.storage.write('a', fromBytes(bytes));
    await expect(writing).rejects.toMatchObject({ kind: 'unavailable', repeated: true });
    expect(rig.clock.sleeps).toHaveLength(3);
    expect(rig.standIn.openUploads).toBe(0);
    expect(await rig.storage.stat('a')).toBeUndefined();
  });

  it('ends after three minutes without progress, however many retries there are', async () => {
    await using rig = await gcsRig({ settings: { GCS_MAX_RETRIES: '1000' } });
    rig.standIn.trouble = (call) => (isChunk(call) ? unavailable : undefined);
    await expect(rig.storage.write('a', fromBytes(bytes))).rejects.toThrow(StorageUnavailableError);
    expect(rig.clock.monotonicMs()).toBeLessThan(200_000);
  });

  it('ends when the storage has forgotten it; starting over may help', async () => {
    await using rig = await gcsRig();
    const { standIn } = rig;
    const count = nth(1, 'drop', isChunk);
    standIn.trouble = (call) => {
      const trouble = count(call);
      if (trouble !== undefined) standIn.forgetUploads();
      return trouble;
    };
    const writing = rig.storage.write('a', fromBytes(bytes));
    await expect(writing).rejects.toMatchObject({ kind: 'unavailable', repeated: false });
  });

  it('makes no object of bytes that changed on their way', async () => {
    await using rig = await gcsRig();
    await rig.storage.write('a', fromBytes(Buffer.from('before')));
    const session = nth(1, 'flip', ({ method }) => method === 'PUT');
    rig.standIn.trouble = (call) => (session(call) === undefined ? undefined : 'flip');
    const writing = rig.storage.write('a', fromBytes(bytes));
    await expect(writing).rejects.toMatchObject({ kind: 'unavailable', repeated: false });
    expect((await collect(await rig.storage.read('a'))).toString()).toBe('before');
    expect(rig.standIn.openUploads).toBe(0);
  });

  it('ends at once when it is refused, and does not read the body further', async () => {
    await using rig = await gcsRig();
    rig.standIn.trouble = nth(1, { status: 403 });
    const body = lending(noise(40 * unit), 100_000);
    await expect(rig.storage.write('a', body)).rejects.toThrow(StorageForbiddenError);
    expect(body.ended()).toBe(true);
    expect(body.lent()).toBeLessThan(5 * unit);
    expect(rig.clock.sleeps).toEqual([]);
  });

  it('tells that there is an object only when another made it', async () => {
    await using rig = await gcsRig();
    const { standIn } = rig;
    standIn.trouble = nth(3, 'lose', isChunk);
    await rig.storage.write('a', fromBytes(bytes), { ifAbsent: true });
    await expect(rig.storage.write('a', fromBytes(bytes), { ifAbsent: true })).rejects.toThrow(ObjectExistsError);
    await rig.storage.delete(['a']);
    let others = 0;
    standIn.trouble = (call) => {
      others += isChunk(call) ? 1 : 0;
      if (others === 2) {
        const target = {
          name: 'db/a',
          ifGenerationMatch: undefined,
          contentType: '',
          metadata: {},
          customerKey: undefined,
        };
        standIn.bucket.put(target, Buffer.from('theirs'), {});
      }
      return undefined;
    };
    await expect(rig.storage.write('a', fromBytes(bytes), { ifAbsent: true })).rejects.toThrow(ObjectExistsError);
    expect((await collect(await rig.storage.read('a'))).toString()).toBe('theirs');
  });
});

describe('a small object in Google Cloud Storage', () => {
  it.each(['lose', 'drop', 'hang', unavailable, { cut: 10 }] as const)('is written in spite of %j', async (trouble) => {
    await using rig = await gcsRig();
    rig.standIn.trouble = nth(0, trouble);
    await rig.storage.write('a', fromBytes(Buffer.from('one')), { ifAbsent: true });
    expect((await collect(await rig.storage.read('a'))).toString()).toBe('one');
  });

  it('is known again also when the connection that lost its answer had been kept', async () => {
    await using rig = await gcsRig();
    expect(await rig.storage.stat('other')).toBeUndefined();
    rig.standIn.trouble = nth(0, 'lose');
    await rig.storage.write('a', fromBytes(Buffer.from('one')), { ifAbsent: true });
    expect(rig.clock.sleeps).toEqual([]);
  });

  it('is not written by whoever is called off while he waits for a token', async () => {
    const credentials = { get: () => new Promise<never>(() => undefined), renew: () => undefined };
    await using rig = await gcsRig({ credentials });
    const signal = AbortSignal.timeout(50);
    await expect(rig.storage.write('a', fromBytes(bytes), { signal })).rejects.toMatchObject({ name: 'TimeoutError' });
  });

  it('of another is told from the one whose answer was lost', async () => {
    await using rig = await gcsRig();
    await rig.storage.write('a', fromBytes(Buffer.from('one')), { ifAbsent: true });
    rig.standIn.trouble = nth(0, 'drop');
    const again = rig.storage.write('a', fromBytes(Buffer.from('one')), { ifAbsent: true });
    await expect(again).rejects.toThrow(ObjectExistsError);
  });

  it('is sent again when it changed on its way', async () => {
    await using rig = await gcsRig();
    rig.standIn.trouble = nth(0, 'flip');
    await rig.storage.write('a', fromBytes(bytes.subarray(0, 5000)));
    expect((await collect(await rig.storage.read('a'))).equals(bytes.subarray(0, 5000))).toBe(true);
    expect(rig.clock.sleeps).toHaveLength(1);
  });
});

describe('a download from Google Cloud Storage', () => {
  it('goes on where it broke off, with the same object', async () => {
    await using rig = await gcsRig();
    await rig.storage.write('a', fromBytes(bytes));
    rig.standIn.trouble = nth(0, { cut: 200_000 });
    expect((await collect(await rig.storage.read('a'))).equals(bytes)).toBe(true);
    rig.standIn.trouble = nth(0, { cut: 100_000 });
    const part = await collect(await rig.storage.read('a', { start: 1_000, bytes: 300_000 }));
    expect(part.equals(bytes.subarray(1_000, 301_000))).toBe(true);
    expect(rig.standIn.calls.at(-1)?.headers.range).toMatch(/^bytes=\d+-300999$/);
  });

  it('does not go on with another object', async () => {
    await using rig = await gcsRig();
    await rig.storage.write('a', fromBytes(bytes));
    rig.standIn.trouble = nth(0, { cut: 200_000 });
    const source = await rig.storage.read('a');
    await rig.storage.write('a', fromBytes(noise(bytes.length, 2)));
    await expect(collect(source)).rejects.toThrow('object changed while it was read');
  });

  it('ends with an error when the bytes are not those of the checksum', async () => {
    await using rig = await gcsRig();
    await rig.storage.write('a', fromBytes(bytes));
    rig.standIn.trouble = nth(0, 'flip');
    await expect(collect(await rig.storage.read('a'))).rejects.toMatchObject({ kind: 'unavailable' });
  });
});

describe('requests to Google Cloud Storage', () => {
  it('tell a missing object from a missing bucket and from a storage that does not answer', async () => {
    await using rig = await gcsRig();
    await expect(rig.storage.read('a')).rejects.toThrow(ObjectNotFoundError);
    rig.standIn.trouble = () => ({ status: 500 });
    await expect(rig.storage.read('a')).rejects.toThrow(StorageUnavailableError);
    await expect(rig.storage.stat('a')).rejects.toThrow(StorageUnavailableError);
    rig.standIn.trouble = () => ({ status: 404, body: '<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>' });
    await expect(rig.storage.stat('a')).rejects.toMatchObject({ kind: 'config' });
    await using elsewhere = await gcsRig({ settings: { WALG_GS_PREFIX: 'gs://other/db' } });
    for (const asked of [elsewhere.storage.stat('a'), elsewhere.storage.read('a'), elsewhere.storage.delete(['a'])]) {
      await expect(asked).rejects.toMatchObject({ kind: 'config', message: 'there is no such bucket: gs://other/db' });
    }
  });

  it('are repeated where a limit on their number is told as a refusal', async () => {
    await using rig = await gcsRig();
    const limited = JSON.stringify({
      error: { code: 403, message: 'slow', errors: [{ reason: 'rateLimitExceeded' }] },
    });
    rig.standIn.trouble = nth(0, { status: 403, body: limited });
    expect(await rig.storage.stat('a')).toBeUndefined();
    expect(rig.clock.sleeps).toHaveLength(1);
  });

  it('take no longer than GCS_CONTEXT_TIMEOUT each', async () => {
    await using rig = await gcsRig({ settings: { GCS_CONTEXT_TIMEOUT: '1', GCS_MAX_RETRIES: '1' } });
    rig.standIn.trouble = () => 'hang';
    const began = performance.now();
    await expect(rig.storage.stat('a')).rejects.toThrow(StorageUnavailableError);
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  it('ask for a new token once when one is refused', async () => {
    const tokens = ['old', 'new'];
    const current: { headers: Readonly<Record<string, string>> } = { headers: { authorization: 'Bearer old' } };
    const credentials = {
      get: () => Promise.resolve(current.headers),
      renew: (): void => {
        current.headers = { authorization: `Bearer ${tokens.at(-1) ?? ''}` };
      },
    };
    const admits = (authorization: string | undefined): boolean => authorization === 'Bearer new';
    await using rig = await gcsRig({ credentials, standIn: { admits } });
    await rig.storage.write('a', fromBytes(bytes));
    expect((await collect(await rig.storage.read('a'))).equals(bytes)).toBe(true);
    tokens.push('worthless');
    current.headers = { authorization: 'Bearer expired' };
    await expect(rig.storage.read('a')).rejects.toMatchObject({
      kind: 'forbidden',
      hint: expect.stringContaining('GOOGLE_APPLICATION_CREDENTIALS') as string,
    });
  });

  it('show neither tokens nor keys nor addresses of uploads in the log', async () => {
    const credentials = { get: () => Promise.resolve({ authorization: 'Bearer s3cr3t' }), renew: () => undefined };
    const key = Buffer.alloc(32, 'k').toString('base64');
    await using rig = await gcsRig({ credentials, settings: { GCS_ENCRYPTION_KEY: key } });
    rig.standIn.trouble = nth(2, 'drop');
    await rig.storage.write('a', fromBytes(bytes));
    const told = JSON.stringify(rig.logger.records);
    expect(told).toContain('GCS request');
    for (const secret of ['s3cr3t', key, 'upload_id']) expect(told).not.toContain(secret);
  });
});

describe('a listing of Google Cloud Storage', () => {
  const trouble = (body: object) => ({ status: 200, body: JSON.stringify(body) });

  it('fails when it comes to no end', async () => {
    await using rig = await gcsRig();
    let pages = 0;
    rig.standIn.trouble = () => ((pages += 1) <= 5 ? trouble({ items: [], nextPageToken: 'same' }) : undefined);
    await expect(rig.storage.list('')[Symbol.asyncIterator]().next()).rejects.toThrow('it comes to no end');
    expect(pages).toBe(2);
  });

  it('leaves out what is no key, so that whatever it gives can be read and deleted', async () => {
    await using rig = await gcsRig();
    const items = ['db/a', 'db/../b', 'db/./c', 'db/f/', 'db/x//y'].map((name) => ({ name, size: '1' }));
    rig.standIn.trouble = () => trouble({ items, prefixes: ['db/g/', 'db/../'] });
    const keys: string[] = [];
    for await (const { key } of rig.storage.list('')) keys.push(key);
    expect(keys).toEqual(['a', 'g']);
  });
});

describe('an error that comes from Google Cloud Storage with a status of success', () => {
  it.each([
    ['in its words', JSON.stringify({ error: { code: 503, message: 'Trouble.', errors: [] } })],
    ['as a page of something in between', '<html>Welcome</html>'],
  ])('is neither an empty listing nor a deletion nor an object, %s', async (_, body) => {
    await using rig = await gcsRig();
    const wrong = (): void => {
      rig.standIn.trouble = nth(0, { status: 200, body });
    };
    wrong();
    await rig.storage.write('f/a', fromBytes(Buffer.from('x')));
    wrong();
    const keys: string[] = [];
    for await (const { key } of rig.storage.list('f')) keys.push(key);
    expect(keys).toEqual(['f/a']);
    wrong();
    expect(await rig.storage.stat('f/a')).toMatchObject({ sizeBytes: 1 });
    wrong();
    await rig.storage.delete(['f/a']);
    expect(rig.standIn.bucket.objects.size).toBe(0);
  });
});
