/** What the built program asks of Google Cloud Storage and of Azure for one segment: each request costs a round trip. */
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { generateKeyPairSync } from 'node:crypto';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { walvaultPath } from '../../testtools/cli.ts';
import { startGcsStandIn } from '../../testtools/services/gcs-stand-in.ts';
import { startHttpScript } from '../../testtools/services/http-script.ts';
import { makeDataDirectory, makeSegment } from '../../testtools/wal.ts';

const names = ['000000010000000000000001', '000000010000000000000002'] as const;

type Environment = Readonly<Record<string, string>>;

/** A storage that counts what it is asked. */
interface Counted extends AsyncDisposable {
  readonly env: Environment;
  /** Requests since the last call, in short: `PUT db/a`. */
  asked(): readonly string[];
}

const kinds: readonly (readonly [name: string, put: string, start: (folder: string) => Promise<Counted>])[] = [
  ['Google Cloud Storage', 'POST', startGcs],
  ['Azure', 'PUT', startAzure],
];

describe.each(kinds)('the built program without node_modules, before %s', (_, put, start) => {
  let folder: string;
  let server: Counted;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'walvault-requests-'));
    cpSync(dirname(walvaultPath), join(folder, 'program'), { recursive: true });
    makeDataDirectory(join(folder, 'data'));
    for (const name of names) writeFileSync(join(folder, 'data', 'pg_wal', name), makeSegment(name));
    server = await start(folder);
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  function run(...args: readonly string[]): Promise<{ readonly stdout: string }> {
    return promisify(execFile)(join(folder, 'program', 'walvault'), args, {
      cwd: join(folder, 'data'),
      env: { PATH: '/usr/bin:/bin', HOME: folder, WALG_DOWNLOAD_CONCURRENCY: '1', ...server.env },
      maxBuffer: 1 << 26,
    });
  }

  it('archives and fetches a segment by one request each', async () => {
    for (const name of names) {
      await run('wal-push', join('pg_wal', name));
      expect(server.asked()).toEqual([`${put} db/wal_005/${name}.lz4`]);
      await run('wal-fetch', name, `${name}.fetched`);
      expect(server.asked()).toEqual([`GET db/wal_005/${name}.lz4`]);
      expect(readFileSync(join(folder, 'data', `${name}.fetched`)).equals(makeSegment(name))).toBe(true);
    }
  });

  it('has the vendor’s client for rare verbs in it', async () => {
    const { stdout } = await run('doctor', '--storage-only', '--no-write', '--json');
    const { checks } = JSON.parse(stdout) as { readonly checks: readonly Readonly<Record<string, unknown>>[] };
    const figures = expect.objectContaining({ lock: 'off' }) as object;
    expect(checks).toContainEqual(expect.objectContaining({ outcome: 'ok', figures }));
  });
});

/** With the key of a service account, whose tokens need no request. */
async function startGcs(folder: string): Promise<Counted> {
  const standIn = await startGcsStandIn({
    bucket: 'bucket',
    admits: (authorization) => authorization?.startsWith('Bearer ') === true,
  });
  const file = join(folder, 'account.json');
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const account = {
    type: 'service_account',
    client_email: 'walvault@test.iam.gserviceaccount.com',
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
  };
  writeFileSync(file, JSON.stringify(account));
  let told = 0;
  return {
    env: {
      WALG_GS_PREFIX: 'gs://bucket/db',
      GCS_ENDPOINT: standIn.url,
      GOOGLE_APPLICATION_CREDENTIALS: file,
    },
    asked() {
      const fresh = standIn.calls.slice(told);
      told = standIn.calls.length;
      return fresh.map(({ method, path, query }) => {
        const [, name = ''] = /\/o\/(.*)$/.exec(path) ?? [];
        return `${method} ${query.get('name') ?? decodeURIComponent(name)}`;
      });
    },
    [Symbol.asyncDispose]: () => standIn[Symbol.asyncDispose](),
  };
}

async function startAzure(): Promise<Counted> {
  const objects = new Map<string, Buffer>();
  const server = await startHttpScript(({ method, path, query, body }) => {
    if (query.get('comp') === 'list') return { status: 200, body: '<EnumerationResults></EnumerationResults>' };
    if (query.has('restype')) return { status: 200, headers: { 'x-ms-has-immutability-policy': 'false' } };
    if (method === 'PUT') objects.set(path, body);
    const found = objects.get(path);
    if (found === undefined) return { status: 404, headers: { 'x-ms-error-code': 'BlobNotFound' } };
    return method === 'PUT' ? { status: 201 } : { status: 200, headers: { etag: '"1"' }, body: found };
  });
  let told = 0;
  return {
    env: {
      WALG_AZ_PREFIX: 'azure://bucket/db',
      AZURE_ENDPOINT: `${server.url}/account`,
      AZURE_STORAGE_ACCOUNT: 'account',
      AZURE_STORAGE_ACCESS_KEY: Buffer.from('key').toString('base64'),
    },
    asked() {
      const fresh = server.calls.slice(told);
      told = server.calls.length;
      return fresh.map(({ method, path }) => `${method} ${path.replace(/^\/account\/bucket\//, '')}`);
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
