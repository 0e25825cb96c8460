import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { fromBytes } from '../../../../src/bytes/stage.ts';
import { NetworkError, type HttpRequest } from '../../../../src/network/http.ts';
import type { ScriptedAnswer } from '../../../../testtools/scripted-http.ts';
import { refusal, swiftRig, type SwiftRig } from '../../../../testtools/swift-storage.ts';

const mib = 1024 ** 2;
const settings = { SWIFT_SEGMENT_SIZE: '1mb', GOSWIFT_RETRIES: '1' };
const md5Of = (bytes: string | Uint8Array): string => createHash('md5').update(bytes).digest('hex');
const lost = new NetworkError('the answer broke off', 'ECONNRESET');
const info = { status: 200, body: JSON.stringify({ swift: {}, slo: { max_manifest_segments: 1_000 } }) };

/** What a list holds, as it was sent. */
interface Entry {
  readonly path: string;
  readonly etag: string;
  readonly size_bytes: number;
}

function listIn({ body }: HttpRequest): readonly Entry[] {
  return JSON.parse(Buffer.concat(body as readonly Uint8Array[]).toString()) as readonly Entry[];
}

const isList = (words: string): boolean => words.endsWith('?multipart-manifest=put');

/** A storage that keeps what it is sent, but where `special` answers. */
function keeper(
  special: (words: string, request: HttpRequest) => ScriptedAnswer | undefined,
  more: Readonly<Record<string, string>> = {},
): SwiftRig & { readonly kept: Set<string>; readonly lists: HttpRequest[] } {
  const kept = new Set<string>();
  const lists: HttpRequest[] = [];
  const rig = swiftRig(
    (words, request) => {
      const [name = ''] = words.replace(/^[A-Z]+ /, '').split('?');
      if (isList(words)) lists.push(request);
      const answer = special(words, request);
      if (answer !== undefined) return answer;
      if (words.endsWith('info')) return info;
      if (words === 'HEAD box') return { status: 204 };
      if (request.method === 'PUT') kept.add(name);
      else if (request.method === 'DELETE') return kept.delete(name) ? { status: 204 } : refusal(404);
      else if (!kept.has(name)) return refusal(404);
      return { status: request.method === 'PUT' ? 201 : 200 };
    },
    { settings: { ...settings, ...more } },
  );
  return { ...rig, kept, lists };
}

const bytes = Buffer.alloc(3 * mib + 1, 7);
const segmentPattern = /^\/box_segments\/a\/b\/\.walvault\/20261121T030458Z-[0-9a-f]{16}\/0000000\d$/;

describe('an object of several segments', () => {
  it('is segments in a container of their own, and a list of them that comes last', async () => {
    const { storage, asked, lists, kept } = keeper(() => undefined);
    await storage.write('b', fromBytes(bytes));
    expect(asked.at(-1)).toBe('PUT box/a/b?multipart-manifest=put');
    const entries = lists[0] === undefined ? [] : listIn(lists[0]);
    expect(entries.map(({ size_bytes: size }) => size)).toEqual([mib, mib, mib, 1]);
    expect(entries.map(({ etag }) => etag)).toEqual([
      ...Array.from({ length: 3 }, () => md5Of(bytes.subarray(0, mib))),
      md5Of(bytes.subarray(0, 1)),
    ]);
    for (const [index, { path }] of entries.entries()) {
      expect(path).toMatch(segmentPattern);
      expect(path.endsWith(String(index))).toBe(true);
    }
    expect(kept.size).toBe(5);
  });

  it('makes the container of segments where it is missing, with the policy of the other', async () => {
    let made = false;
    const { storage, requests, asked } = keeper((words) => {
      if (words === 'HEAD box') return { status: 204, headers: { 'x-storage-policy': 'cold' } };
      if (words === 'PUT box_segments') made = true;
      return words.startsWith('PUT box_segments/') && !made ? refusal(404) : undefined;
    });
    await storage.write('b', fromBytes(bytes));
    expect(requests[asked.indexOf('PUT box_segments')]?.headers['x-storage-policy']).toBe('cold');
  });

  it('tells what to do where that container may not be made', async () => {
    const { storage, kept } = keeper((words) => {
      if (words === 'PUT box_segments') return refusal(403);
      return words.startsWith('PUT box_segments/') ? refusal(404) : undefined;
    });
    const writing = storage.write('b', fromBytes(bytes));
    await expect(writing).rejects.toMatchObject({
      kind: 'forbidden',
      hint: expect.stringContaining('box_segments') as string,
    });
    expect([...kept]).toEqual([]);
  });

  it.each([400, 403, 413])('leaves nothing when the list is refused with %i', async (status) => {
    const { storage, kept } = keeper((words) => (isList(words) ? refusal(status) : undefined));
    await expect(storage.write('b', fromBytes(bytes))).rejects.toThrow(String(status));
    expect([...kept]).toEqual([]);
  });

  it('keeps its segments when it cannot be known whether it will be there', async () => {
    for (const failure of [lost, refusal(503)]) {
      const { storage, kept, logger } = keeper((words) => (isList(words) ? failure : undefined));
      await expect(storage.write('b', fromBytes(bytes))).rejects.toMatchObject({ kind: 'unavailable' });
      expect(kept.size).toBe(4);
      expect(JSON.stringify(logger.records)).toContain('cannot tell whether an object was made');
    }
  });

  it('is written when its list is there after all', async () => {
    let list: readonly Entry[] = [];
    const { storage, kept } = keeper((words, request) => {
      if (isList(words)) {
        list = listIn(request);
        return lost;
      }
      if (!words.endsWith('?multipart-manifest=get')) return undefined;
      expect(request.headers['x-newest']).toBe('true');
      const body = JSON.stringify(
        list.map(({ path, etag, size_bytes: size }) => ({ name: path, hash: etag, bytes: size })),
      );
      return { status: 200, headers: { etag: '"x"', 'x-static-large-object': 'True' }, body };
    });
    await storage.write('b', fromBytes(bytes));
    expect(kept.size).toBe(4);
  });

  it('is refused by a storage that has no lists, before a byte is sent', async () => {
    const { storage, asked } = keeper((words) =>
      words.endsWith('info') ? { status: 200, body: '{"swift":{}}' } : undefined,
    );
    await expect(storage.write('b', fromBytes(bytes))).rejects.toMatchObject({ kind: 'config' });
    expect(asked.filter((words) => words.startsWith('PUT'))).toEqual([]);
  });

  it('guards its list by a checksum where the storage does not say that it knows lists', async () => {
    const silent = (words: string): ScriptedAnswer | undefined => (words.endsWith('info') ? refusal(404) : undefined);
    const { storage, lists } = keeper(silent);
    await storage.write('b', fromBytes(bytes));
    const tags = lists[0] === undefined ? [] : listIn(lists[0]).map(({ etag }) => etag);
    expect(lists[0]?.headers['etag']).toBe(md5Of(tags.join('')));
    const other = keeper((words) => (isList(words) ? refusal(422) : silent(words)));
    await expect(other.storage.write('b', fromBytes(bytes))).rejects.toMatchObject({ kind: 'config' });
    expect([...other.kept]).toEqual([]);
  });

  it('is removed before its segments are, so that nobody meets one with holes', async () => {
    const body = JSON.stringify([0, 1].map((index) => ({ name: `/else/where ${index}`, hash: 'x', bytes: 1 })));
    const { storage, asked } = keeper((_, { method }) => {
      if (method === 'DELETE') return { status: 204 };
      return { status: 200, headers: { etag: '"x"', 'x-static-large-object': 'True' }, body };
    });
    await storage.delete(['b']);
    expect(asked).toEqual([
      'HEAD box/a/b',
      'GET box/a/b?multipart-manifest=get',
      'DELETE box/a/b',
      'DELETE else/where 0',
      'DELETE else/where 1',
    ]);
  });

  it('that names its segments in no way that is known stays', async () => {
    const { storage, asked } = keeper(() => ({
      status: 200,
      headers: { etag: '"x"', 'x-static-large-object': 'True' },
      body: '[{}]',
    }));
    await expect(storage.delete(['b'])).rejects.toMatchObject({ kind: 'unavailable' });
    expect(asked.filter((words) => words.startsWith('DELETE'))).toEqual([]);
  });
});

describe('old segments', () => {
  const old = { bytes: 1, last_modified: '2026-11-19T00:00:00.000000', content_type: 'x' };
  const name = 'a/b/.walvault/20261119T000000Z-0123456789abcdef/00000000';
  const page = (words: string): ScriptedAnswer => ({
    status: 200,
    headers: { date: 'Sat, 21 Nov 2026 03:04:58 GMT' },
    body: words.includes('marker') ? '[]' : JSON.stringify([{ name, ...old }]),
  });

  it('stay where it cannot be known whether they are used', async () => {
    const { storage, asked } = keeper((words) => {
      if (words.startsWith('GET box_segments?')) return page(words);
      return words.startsWith('GET box/a/b') ? refusal(503) : undefined;
    });
    await expect(storage.removeLeftovers('')).rejects.toMatchObject({ kind: 'unavailable' });
    expect(asked.filter((words) => words.startsWith('DELETE'))).toEqual([]);
  });

  it('are of the age that they have by the clock of the storage', async () => {
    const { storage, asked } = keeper((words) => {
      const headers = { date: 'Thu, 19 Nov 2026 01:00:00 GMT' };
      return words.startsWith('GET box_segments?') ? { ...(page(words) as object), status: 200, headers } : undefined;
    });
    await storage.removeLeftovers('');
    expect(asked.filter((words) => words.startsWith('DELETE'))).toEqual([]);
  });

  it('are not looked for where there are none', async () => {
    await keeper((words) => (words.startsWith('GET box_segments?') ? refusal(404) : undefined)).storage.removeLeftovers(
      '',
    );
  });
});
