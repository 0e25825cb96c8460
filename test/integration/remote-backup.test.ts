import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { collect } from '../../src/bytes/stage.ts';
import { noneCodec } from '../../src/codecs/none.ts';
import { rawSettings } from '../../src/config/setting.ts';
import { systemClock } from '../../src/platform/clock.ts';
import type { RemotePushOptions } from '../../src/postgres/remote/push.ts';
import { pushRemoteBackup } from '../../src/postgres/remote/push.ts';
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts';
import type { Key, Storage } from '../../src/storage/storage.ts';
import { faultyStorage } from '../../testtools/faulty-storage.ts';
import { canMakeCertificates, issueCertificates } from '../../testtools/postgres/certificates.ts';
import { newestMajor, testedMajors } from '../../testtools/postgres/installations.ts';
import { makeServerDirectory, makeServerTemp } from '../../testtools/postgres/server-user.ts';
import { startPostgres, type TestServer } from '../../testtools/postgres/server.ts';
import { startStandby } from '../../testtools/postgres/standby.ts';
import { recordingLogger } from '../../testtools/recording-logger.ts';

const major = newestMajor();
const [oldest] = testedMajors();
const limited = { diskRateLimit: 1_000_000 };

type Given = Partial<RemotePushOptions> & { readonly environment?: Readonly<Record<string, string>> };

/** What a push of the server is asked in these tests; the log is in `records`. */
function optionsFor(server: TestServer, storage: Storage, { environment, ...given }: Given = {}) {
  const logger = recordingLogger();
  const transport = { storage, codec: noneCodec, crypter: undefined };
  const options: RemotePushOptions = {
    settings: rawSettings({ ...server.environment, ...environment }),
    transport,
    archive: transport,
    clock: systemClock,
    logger,
    signal: new AbortController().signal,
    diskRateLimit: undefined,
    networkRateLimit: undefined,
    thresholdBytes: 4_000_000,
    segmentBytes: undefined,
    hostname: 'here',
    userData: undefined,
    isPermanent: false,
    filesMetadataDisabled: false,
    verifiesChecksums: false,
    withManifest: false,
    aliveCheckIntervalMs: 60_000,
    walWaitTimeoutMs: 0,
    requireWal: false,
    openProgress: () => ({ update: () => undefined, finish: () => undefined }),
    ...given,
  };
  return { options, records: logger.records };
}

async function keysOf(storage: Storage): Promise<readonly Key[]> {
  const keys: Key[] = [];
  for await (const entry of storage.list('', { recursive: true })) if (entry.kind === 'object') keys.push(entry.key);
  return keys.sort();
}

describe.skipIf(major === undefined)('a backup over the replication protocol', () => {
  let server: TestServer;
  let storage: Storage;

  beforeAll(async () => {
    server = await startPostgres({
      major: major ?? 0,
      settings: { log_replication_commands: true, wal_sender_timeout: '1s', log_min_messages: 'info' },
      initdbArgs: ['--data-checksums'],
    });
    await server.query(`CREATE TABLE numbers AS SELECT n, md5(n::text) AS m FROM generate_series(1, 60000) AS n`);
  });
  afterAll(async () => server[Symbol.asyncDispose]());
  beforeEach(() => {
    storage = createMemoryStorage();
  });

  async function nothingIsLeft(): Promise<void> {
    expect(await keysOf(storage)).toEqual([]);
    await server.waitFor(`SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'walsender'`);
  }

  it('consists of what WAL-G writes, and asks the server for it in the form of its version', async () => {
    const { options } = optionsFor(server, storage, { diskRateLimit: 500_000_000, userData: { a: 1 } });
    const { name, uncompressedBytes, compressedBytes } = await pushRemoteBackup(options);
    const folder = `basebackups_005/${name}`;
    const keys = await keysOf(storage);
    const parts = keys.filter((key) => key.includes('/part_'));
    expect(parts.length).toBeGreaterThan(3);
    expect(keys.filter((key) => !parts.includes(key))).toEqual([
      `${folder}/files_metadata.json`,
      `${folder}/metadata.json`,
      `${folder}/tar_partitions/pg_control.tar`,
      `${folder}_backup_stop_sentinel.json`,
    ]);
    const sentinel = JSON.parse(
      (await collect(await storage.read(`${folder}_backup_stop_sentinel.json`))).toString(),
    ) as Record<string, unknown>;
    expect(Object.keys(sentinel).join(' ')).toBe(
      'LSN PgVersion FinishLSN SystemIdentifier UncompressedSize CompressedSize Spec UserData ChkpNum ' +
        'Version StartTime FinishTime DateFmt Hostname DataDir IsPermanent',
    );
    expect(sentinel).toMatchObject({
      Spec: { base_prefix: server.dataDirectory, tablespaces: [] },
      UncompressedSize: uncompressedBytes,
      CompressedSize: compressedBytes,
      DataDir: server.dataDirectory,
    });
    const metadata = JSON.parse((await collect(await storage.read(`${folder}/files_metadata.json`))).toString()) as {
      readonly Files: Readonly<Record<string, { readonly MTime: string }>>;
    };
    expect(Object.keys(metadata)).toEqual(['Files']);
    const names = Object.keys(metadata.Files);
    expect(names).toEqual(expect.arrayContaining(['PG_VERSION', 'backup_label', 'global/pg_control']));
    expect(names.filter((one) => one.startsWith('/') || one.endsWith('/'))).toEqual([]);
    expect(metadata.Files['PG_VERSION']?.MTime).not.toContain('.');
    const asked = server
      .log()
      .split('\n')
      .filter((line) => line.includes('received replication command: BASE_BACKUP'));
    expect(asked.at(-1)).toContain('MAX_RATE 488281');
  });

  it('takes the next name when one is taken', async () => {
    let first = true;
    const taken: Storage = {
      ...faultyStorage(storage, () => undefined),
      async stat(key, options) {
        if (!key.endsWith('sentinel.json') || !first) return storage.stat(key, options);
        first = false;
        return { kind: 'object', key, sizeBytes: 1, modified: new Date() };
      },
    };
    const { options, records } = optionsFor(server, taken);
    const { name } = await pushRemoteBackup(options);
    const refused = records.find(({ message }) => message.startsWith('the name is taken'))?.fields['backup'];
    expect(refused).toMatch(/^base_/);
    expect(name > String(refused)).toBe(true);
  });

  it('waits for a storage that stands still, and the server waits too', async () => {
    let stood = 0;
    const slow: Storage = {
      ...faultyStorage(storage, () => undefined),
      async write(key, body, options) {
        async function* slowed() {
          let read = 0;
          for await (const chunk of body) {
            yield chunk;
            read += chunk.length;
            if (stood > 0 || read < 2_000_000) continue;
            stood += 1;
            // Longer than wal_sender_timeout.
            await delay(3_000);
          }
        }
        await storage.write(key, slowed(), options);
      },
    };
    await pushRemoteBackup(optionsFor(server, slow).options);
    expect(stood).toBe(1);
  });

  it('leaves nothing behind when the storage fails', async () => {
    const faulty = faultyStorage(storage, ({ verb, key }) =>
      verb === 'write' && key.includes('part_002') ? { when: 'midway', after: 100_000 } : undefined,
    );
    await expect(pushRemoteBackup(optionsFor(server, faulty).options)).rejects.toMatchObject({ kind: 'unavailable' });
    expect(faulty.calls.filter(({ verb, key }) => verb === 'write' && key.includes('part_002'))).toHaveLength(1);
    await nothingIsLeft();
  });

  it('ends at once when it is interrupted, on the server too', async () => {
    const interrupt = new AbortController();
    const begun = faultyStorage(storage, ({ verb }) => {
      if (verb === 'write') setTimeout(() => interrupt.abort(new Error('enough')), 100);
      return undefined;
    });
    const { options } = optionsFor(server, begun, { ...limited, signal: interrupt.signal });
    await expect(pushRemoteBackup(options)).rejects.toThrow('enough');
    await nothingIsLeft();
  });

  it('fails when the server ends its connection', async () => {
    const begun = faultyStorage(storage, ({ verb }) => {
      if (verb !== 'write') return undefined;
      void server.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'walsender'`);
      return undefined;
    });
    const { options } = optionsFor(server, begun, limited);
    await expect(pushRemoteBackup(options)).rejects.toMatchObject({ kind: 'unavailable' });
    await nothingIsLeft();
  });

  it('says what a role lacks, and what pg_hba.conf does', async () => {
    await server.query(`CREATE ROLE reader LOGIN; GRANT pg_read_all_settings TO reader;
      CREATE ROLE writer LOGIN REPLICATION; GRANT pg_read_all_settings TO writer`);
    const asReader = optionsFor(server, storage, { environment: { PGUSER: 'reader' } }).options;
    await expect(pushRemoteBackup(asReader)).rejects.toMatchObject({
      kind: 'forbidden',
      hint: expect.stringContaining('ALTER ROLE') as string,
    });
    const asWriter = optionsFor(server, storage, { environment: { PGUSER: 'writer' } }).options;
    const path = join(server.dataDirectory, 'pg_hba.conf');
    const before = readFileSync(path, 'utf8');
    try {
      writeFileSync(path, `local replication all reject\n${before}`);
      await server.reload();
      await expect(pushRemoteBackup(asWriter)).rejects.toMatchObject({
        kind: 'forbidden',
        hint: expect.stringContaining('pg_hba.conf') as string,
      });
    } finally {
      writeFileSync(path, before);
      await server.reload();
    }
    expect((await pushRemoteBackup(asWriter)).name).toMatch(/^base_/);
  });

  it('fails when the server finds a damaged page and was asked to look for them, and only then', async () => {
    await server.query('CREATE TABLE few AS SELECT generate_series(1, 1000) AS n; CHECKPOINT');
    const path = join(server.dataDirectory, (await server.value(`SELECT pg_relation_filepath('few')`)) ?? '');
    const bytes = readFileSync(path);
    bytes[4000] = (bytes[4000] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    const verifying = optionsFor(server, storage, { verifiesChecksums: true });
    await expect(pushRemoteBackup(verifying.options)).rejects.toMatchObject({ kind: 'corrupt' });
    expect(verifying.records.filter(({ message }) => message === 'the server warns')).not.toEqual([]);
    await nothingIsLeft();
    await pushRemoteBackup(optionsFor(server, storage).options);
    await server.query('DROP TABLE few');
  });

  it('is read over TLS as well', async ({ skip }) => {
    if (!canMakeCertificates()) skip();
    const folder = makeServerTemp();
    try {
      issueCertificates(makeServerDirectory(join(folder, 'ca')), server.dataDirectory);
      await server.stop();
      await server.start({ ssl: true });
      const environment = { PGHOST: '127.0.0.1', PGPORT: String(server.port), PGSSLMODE: 'require' };
      const { options } = optionsFor(server, storage, { environment });
      expect((await pushRemoteBackup(options)).uncompressedBytes).toBeGreaterThan(10_000_000);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('is made of a standby, once for every restartpoint', async () => {
    await using standby = await startStandby(server);
    const { options } = optionsFor(standby, storage);
    const { name } = await pushRemoteBackup(options);
    expect(await storage.stat(`basebackups_005/${name}_backup_stop_sentinel.json`)).toBeDefined();
    await expect(pushRemoteBackup(optionsFor(standby, storage).options)).rejects.toMatchObject({ kind: 'cannotWrite' });
    expect(await storage.stat(`basebackups_005/${name}/metadata.json`)).toBeDefined();
  });

  it('ends with the server', async () => {
    await using dying = await startPostgres({ major: oldest ?? 0 });
    const begun = faultyStorage(storage, ({ verb }) => {
      if (verb === 'write') void dying.crash();
      return undefined;
    });
    const { options } = optionsFor(dying, begun, limited);
    await expect(pushRemoteBackup(options)).rejects.toMatchObject({ kind: 'unavailable' });
    expect(await keysOf(storage)).toEqual([]);
  });
});
