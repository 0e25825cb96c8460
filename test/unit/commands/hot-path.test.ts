import { execFile } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryDirectory, type TemporaryDirectory } from '../../../testtools/temp.ts';
import { makeDataDirectory, makeSegment } from '../../../testtools/wal.ts';

const root = resolve(import.meta.dirname, '..', '..', '..');
const segment = '000000010000000000000001';

/** Notes every module that a process loads, and writes the list when it ends. */
const recorder = `
  import { registerHooks } from 'node:module';
  import { writeFileSync } from 'node:fs';
  const loaded = new Set();
  registerHooks({ load(url, context, next) { loaded.add(url); return next(url, context); } });
  process.on('exit', () => writeFileSync(process.env.LOADED_MODULES, [...loaded].join('\\n')));
`;

let directory: TemporaryDirectory;
beforeAll(async () => {
  directory = await temporaryDirectory();
  const wal = makeDataDirectory(join(directory.path, 'data'));
  writeFileSync(join(wal, segment), makeSegment(segment));
  mkdirSync(join(directory.path, 'storage'));
  writeFileSync(join(directory.path, 'recorder.mjs'), recorder);
});
afterAll(() => directory[Symbol.asyncDispose]());

/** A bucket that takes and gives whatever it is asked for, and what it was asked. */
async function startBucket(): Promise<{
  readonly server: Server;
  readonly endpoint: string;
  readonly asked: string[];
}> {
  const objects = new Map<string | undefined, Buffer>();
  const asked: string[] = [];
  const server = createServer((request, answer) => {
    const chunks: Buffer[] = [];
    asked.push(`${request.method ?? ''} ${request.url ?? ''}`);
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.method === 'PUT') objects.set(request.url, Buffer.concat(chunks));
      const found = request.method === 'GET' ? objects.get(request.url) : Buffer.alloc(0);
      answer.writeHead(found === undefined ? 404 : 200, { etag: '"1"' }).end(found);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, asked, endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** Paths below the repository of what a run of the program loads. */
async function loadedBy(args: readonly string[], storage: NodeJS.ProcessEnv): Promise<readonly string[]> {
  const list = join(directory.path, 'loaded');
  const run = await promisify(execFile)(
    process.execPath,
    ['--import', join(directory.path, 'recorder.mjs'), join(root, 'src', 'main.ts'), ...args],
    {
      cwd: join(directory.path, 'data'),
      env: { LOADED_MODULES: list, HOME: directory.path, ...storage },
    },
  );
  expect(run.stderr).toContain('INFO');
  return readFileSync(list, 'utf8')
    .split('\n')
    .filter((url) => url.startsWith('file:'))
    .map((url) => relative(root, new URL(url).pathname));
}

function packagesOf(loaded: readonly string[]): readonly string[] {
  const packages = loaded.flatMap((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []);
  return [...new Set(packages)].filter((name) => !/^(@antoniomuso\/)?lz4-napi/.test(name));
}

const heavy = /^src\/(cli\/program|worker|postgres\/(server|backup)\/(?!.*settings)|pipeline\/worker-pool|archive)/;

const commands: readonly (readonly [string, readonly string[]])[] = [
  ['wal-push', ['wal-push', `pg_wal/${segment}`]],
  ['wal-fetch', ['wal-fetch', segment, 'pg_wal/RECOVERYXLOG']],
];

describe('a command that a server waits for', () => {
  it.each(commands)(
    '%s loads no package but that of its codec, and nothing that only other commands need',
    async (_, args) => {
      const loaded = await loadedBy(args, { WALG_FILE_PREFIX: join(directory.path, 'storage') });
      expect(packagesOf(loaded)).toEqual([]);
      expect(loaded.filter((path) => heavy.test(path))).toEqual([]);
      expect(loaded).toContain('src/storage/file/file-storage.ts');
      expect(loaded.filter((path) => /^src\/(network|storage\/s3\/(?!settings))/.test(path))).toEqual([]);
      rmSync(join(directory.path, 'data', 'pg_wal', 'RECOVERYXLOG'), { force: true });
    },
  );

  it('makes one request to a bucket, and loads no SDK for it', async () => {
    const { server, endpoint, asked } = await startBucket();
    try {
      for (const [, args] of commands) {
        const loaded = await loadedBy(args, {
          WALG_S3_PREFIX: 's3://bucket/archive',
          AWS_ENDPOINT: endpoint,
          AWS_ACCESS_KEY_ID: 'id',
          AWS_SECRET_ACCESS_KEY: 'secret',
          WALG_DOWNLOAD_CONCURRENCY: '1',
        });
        expect(packagesOf(loaded)).toEqual([]);
        const own = loaded.filter((path) => path.startsWith('src/storage/'));
        expect(
          own.filter((path) => /\/(multipart|listing|deletion|credential-chain|assume-role)\.ts$/.test(path)),
        ).toEqual([]);
        expect(own).not.toContain('src/storage/file/file-storage.ts');
      }
      expect(asked).toEqual(['PUT', 'GET'].map((verb) => `${verb} /bucket/archive/wal_005/${segment}.lz4`));
      const fetched = readFileSync(join(directory.path, 'data', 'pg_wal', 'RECOVERYXLOG'));
      expect(fetched.equals(makeSegment(segment))).toBe(true);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
