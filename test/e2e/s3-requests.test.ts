/** What the built program asks of a bucket: each request costs a round trip, and some cost money. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { walvaultPath } from '../../testtools/cli.ts';
import { startMemoryS3, type MemoryS3 } from '../../testtools/services/memory-s3.ts';
import { makeDataDirectory, makeSegment } from '../../testtools/wal.ts';

const segments = ['000000010000000000000001', '000000010000000000000002', '000000010000000000000003'] as const;
const suffixes = ['br', 'zst', 'lzma', 'gz', 'lzo'];

describe('the built program, before a bucket', () => {
  let folder: string;
  let server: MemoryS3;
  let most = 0;
  let open = 0;
  /** Whether an answer waits until another one is asked for at the same time. */
  let waits: (path: string) => boolean = () => false;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'walvault-requests-'));
    makeDataDirectory(join(folder, 'data'));
    for (const name of segments) writeFileSync(join(folder, 'data', 'pg_wal', name), makeSegment(name));
    server = await startMemoryS3(async ({ path }) => {
      if (!waits(path)) return;
      open += 1;
      most = Math.max(most, open);
      // Requests side by side meet here; one after the other never would.
      for (const end = Date.now() + 20_000; most < 2 && Date.now() < end;) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      open -= 1;
    });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  async function run(...args: readonly string[]): Promise<{ stdout: string; failed: boolean }> {
    const env = {
      PATH: '/usr/bin:/bin',
      HOME: folder,
      WALG_S3_PREFIX: 's3://bucket/db',
      AWS_ENDPOINT: server.url,
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: 'key',
      AWS_SECRET_ACCESS_KEY: 'secret',
      WALG_DOWNLOAD_CONCURRENCY: '1',
    };
    const options = { cwd: join(folder, 'data'), env, maxBuffer: 1 << 26 };
    return promisify(execFile)(walvaultPath, args, options).then(
      ({ stdout }) => ({ stdout, failed: false }),
      () => ({ stdout: '', failed: true }),
    );
  }

  it('archives a segment by one request, the first as any other', { timeout: 60_000 }, async () => {
    for (const name of segments) {
      expect(await run('wal-push', join('pg_wal', name))).toMatchObject({ failed: false });
      expect(server.asked()).toEqual([`PUT db/wal_005/${name}.lz4`]);
    }
  });

  it('fetches a segment by one request', { timeout: 60_000 }, async () => {
    const [name] = segments;
    expect(await run('wal-fetch', name, 'pg_wal/RECOVERYXLOG')).toMatchObject({ failed: false });
    expect(server.asked()).toEqual([`GET db/wal_005/${name}.lz4`]);
    expect(readFileSync(join(folder, 'data', 'pg_wal', 'RECOVERYXLOG')).equals(makeSegment(name))).toBe(true);
  });

  it('looks for a segment under the other names side by side', { timeout: 60_000 }, async () => {
    const missing = '0000000100000000000000FF';
    waits = (path) => path.includes(missing) && !path.endsWith('.lz4');
    most = 0;
    expect(await run('wal-fetch', missing, 'pg_wal/other')).toMatchObject({ failed: true });
    const asked = server.asked();
    expect(asked[0]).toBe(`GET db/wal_005/${missing}.lz4`);
    const others = [...suffixes.map((suffix) => `${missing}.${suffix}`), missing];
    expect([...asked.slice(1)].sort()).toEqual(others.map((name) => `HEAD db/wal_005/${name}`).sort());
    expect(most).toBeGreaterThan(1);
  });

  it(
    'lists 1,000 backups by the pages of a listing and a look at each, side by side',
    { timeout: 60_000 },
    async () => {
      const text = readFileSync(
        join(
          import.meta.dirname,
          '..',
          '..',
          'test/fixtures/pg15-lz4-delta/storage/basebackups_005/base_000000010000000000000006_D_000000010000000000000004/metadata.json',
        ),
      );
      for (let index = 0; index < 1_000; index += 1) {
        const name = `base_${index.toString(16).toUpperCase().padStart(24, '0')}`;
        server.objects.set(`db/basebackups_005/${name}_backup_stop_sentinel.json`, Buffer.from('{}'));
        server.objects.set(`db/basebackups_005/${name}/metadata.json`, text);
        server.objects.set(`db/basebackups_005/${name}/tar_partitions/part_001.tar.lz4`, Buffer.from('x'));
      }
      waits = (path) => path.endsWith('metadata.json');
      most = 0;
      // Where nothing else says which database is meant, two listings more find out.
      const { stdout } = await run('pg', 'backup-list', '--json');
      expect(JSON.parse(stdout)).toHaveLength(1_000);
      const asked = server.asked();
      // 1,000 objects and as many folders.
      expect(asked.filter((one) => one === 'GET ?list')).toHaveLength(2);
      expect(asked.filter((one) => one.endsWith('/metadata.json'))).toHaveLength(1_000);
      expect(asked).toHaveLength(1_002);
      expect(most).toBeGreaterThan(1);
    },
  );
});
