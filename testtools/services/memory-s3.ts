/** A bucket of S3 in memory, with pages of listings as AWS has them: to count what is asked of it. It checks nothing. */
import { escaped } from '../../src/storage/xml.ts';
import { startHttpScript, type HttpCall, type HttpScript, type ScriptedAnswer } from './http-script.ts';

/** The bucket and its server. */
export interface MemoryS3 extends HttpScript {
  /** By key. */
  readonly objects: Map<string, Buffer>;
  /** Requests since the last call, in short: `GET db/a`, `HEAD db/b`, `GET ?list`. */
  asked(): readonly string[];
}

const pageKeys = 1_000;

/**
 * Starts a server with the bucket `bucket`.
 *
 * @param before is waited for before each answer
 */
export async function startMemoryS3(before?: (call: HttpCall) => Promise<void>): Promise<MemoryS3> {
  const objects = new Map<string, Buffer>();
  const server = await startHttpScript(async (call) => {
    await before?.(call);
    return answer(objects, call);
  });
  let told = 0;
  return {
    url: server.url,
    calls: server.calls,
    objects,
    asked() {
      const fresh = server.calls.slice(told);
      told = server.calls.length;
      return fresh.map(({ method, path, query }) => {
        const what = keyOf(path);
        return `${method} ${what === '' && query.has('list-type') ? '?list' : what}`;
      });
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function keyOf(path: string): string {
  return path.replace(/^\/bucket\/?/, '');
}

function answer(objects: Map<string, Buffer>, { method, path, query, headers, body }: HttpCall): ScriptedAnswer {
  const key = keyOf(path);
  if (key === '') return aboutBucket(objects, query);
  const found = objects.get(key);
  switch (method) {
    case 'PUT':
      if (headers['if-none-match'] !== undefined && found !== undefined) return refusal(412, 'PreconditionFailed');
      objects.set(key, body);
      return { status: 200, headers: { etag: '"1"' } };
    case 'DELETE':
      objects.delete(key);
      return { status: 204 };
    default:
      if (found === undefined) return refusal(404, 'NoSuchKey');
      return { status: 200, headers: { etag: '"1"', 'content-length': String(found.length) }, body: found };
  }
}

/** It keeps no versions and has no locks. */
function aboutBucket(objects: ReadonlyMap<string, Buffer>, query: URLSearchParams): ScriptedAnswer {
  if (query.has('list-type')) return { status: 200, body: page([...objects], query) };
  if (query.has('versioning')) return { status: 200, body: '<VersioningConfiguration/>' };
  if (query.has('object-lock')) return refusal(404, 'ObjectLockConfigurationNotFoundError');
  return { status: 200 };
}

function refusal(status: number, code: string): ScriptedAnswer {
  return { status, body: `<Error><Code>${code}</Code></Error>` };
}

function page(objects: readonly (readonly [key: string, content: Buffer])[], query: URLSearchParams): string {
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter');
  const entries = new Map<string, string>();
  for (const [key, { length }] of [...objects].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!key.startsWith(prefix)) continue;
    const end = delimiter === null ? -1 : key.indexOf(delimiter, prefix.length);
    const name = end < 0 ? key : key.slice(0, end + 1);
    const text =
      end < 0
        ? `<Contents><Key>${escaped(key)}</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified><Size>${length}</Size></Contents>`
        : `<CommonPrefixes><Prefix>${escaped(name)}</Prefix></CommonPrefixes>`;
    entries.set(name, text);
  }
  const after = query.get('continuation-token') ?? '';
  const rest = [...entries].filter(([name]) => name > after);
  const shown = rest.slice(0, pageKeys);
  const next = shown.at(-1)?.[0] ?? '';
  const more = `<NextContinuationToken>${escaped(next)}</NextContinuationToken>`;
  return `<ListBucketResult><IsTruncated>${rest.length > shown.length}</IsTruncated>${
    rest.length > shown.length ? more : ''
  }${shown.map(([, text]) => text).join('')}</ListBucketResult>`;
}
