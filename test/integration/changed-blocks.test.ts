import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { walKey } from '../../src/catalog/layout.ts';
import { lz4Codec } from '../../src/codecs/lz4/codec.ts';
import { rawSettings } from '../../src/config/setting.ts';
import { encoding, storedKey, type Transport } from '../../src/pipeline/transport.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { silentLogger } from '../../src/platform/logger.ts';
import { changedBlocks, type ChangedBlocks, type Changes } from '../../src/postgres/changed-blocks/changed-blocks.ts';
import { changesFromSummaries } from '../../src/postgres/changed-blocks/from-summaries.ts';
import { changesFromWal } from '../../src/postgres/changed-blocks/from-wal.ts';
import { recordSegment } from '../../src/postgres/changed-blocks/recorder.ts';
import { parseLsn, type Lsn } from '../../src/postgres/lsn.ts';
import { relationFileOf, type RelationFile } from '../../src/postgres/pages/relation-file.ts';
import { connectServer } from '../../src/postgres/server/server.ts';
import { openLocalFile } from '../../src/pipeline/local-file.ts';
import type { ChangeListener } from '../../src/postgres/wal-records/block-references.ts';
import { layoutOf } from '../../src/postgres/wal-records/layout.ts';
import { RecordChain } from '../../src/postgres/wal-records/record-chain.ts';
import { scanSegment } from '../../src/postgres/wal-records/scan-segment.ts';
import { isSegmentName, segmentName, segmentsBetween, segmentStart } from '../../src/postgres/wal-segment.ts';
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts';
import { testedMajors } from '../../testtools/postgres/installations.ts';
import { makeServerDirectory, makeServerTemp } from '../../testtools/postgres/server-user.ts';
import { startPostgres, type TestServer } from '../../testtools/postgres/server.ts';
import { randomWorkload } from '../../testtools/postgres/workload.ts';
import { recordingLogger } from '../../testtools/recording-logger.ts';
import { seededRandom } from '../../testtools/seeded-random.ts';
import { temporaryDirectory } from '../../testtools/temp.ts';

const pageBytes = 8192;
const segmentBytes = 1024 * 1024;
const statements = 70;
const majors = testedMajors().filter((major) => [13, 15, 17, 18].includes(major));
const { signal } = new AbortController();

/** Sums of the pages of all files of relations, by name. */
type Snapshot = ReadonlyMap<string, readonly string[]>;

function snapshotOf(directory: string): Snapshot {
  const files = new Map<string, readonly string[]>();
  for (const top of ['base', 'pg_tblspc']) {
    // Links to tablespaces are not followed by a recursive listing.
    const roots = top === 'base' ? [top] : readdirSync(join(directory, top)).map((oid) => `${top}/${oid}`);
    for (const root of roots) {
      for (const inside of readdirSync(join(directory, root), { recursive: true, encoding: 'utf8' })) {
        const name = `/${root}/${inside}`;
        if (relationFileOf(name) === undefined) continue;
        const content = readFileSync(join(directory, name));
        const pages = Array.from({ length: content.length / pageBytes }, (_, page) =>
          createHash('sha1')
            .update(content.subarray(page * pageBytes, (page + 1) * pageBytes))
            .digest('base64'),
        );
        files.set(name, pages);
      }
    }
  }
  return files;
}

async function checkpoint(server: TestServer): Promise<Lsn> {
  await server.query('CHECKPOINT');
  return parseLsn((await server.value('SELECT redo_lsn FROM pg_control_checkpoint()')) ?? '');
}

function fileOf(name: string): RelationFile {
  const file = relationFileOf(name);
  if (file === undefined) throw new Error(name);
  return file;
}

function textOf(changes: Changes): string {
  return typeof changes === 'string' ? changes : changes.join(',');
}

/** Asks for every file that both snapshots have. */
function answersOf(changes: ChangedBlocks, before: Snapshot, after: Snapshot): ReadonlyMap<string, string> {
  const names = [...after.keys()].filter((name) => before.has(name)).sort();
  return new Map(names.map((name) => [name, textOf(changes.of(fileOf(name)))]));
}

/** Names of pages that differ and are not named, nor behind the end that the file had. */
function untold(changes: ChangedBlocks, before: Snapshot, after: Snapshot, unlogged: ReadonlySet<number>): string[] {
  const found: string[] = [];
  for (const [name, pages] of after) {
    const old = before.get(name);
    const file = fileOf(name);
    if (old === undefined || unlogged.has(file.relfilenode)) continue;
    const told = changes.of(file);
    if (told === 'scan') continue;
    const blocks = new Set(told === 'none' ? [] : told);
    for (const [page, sum] of pages.entries()) {
      if (page < old.length && sum !== old[page] && !blocks.has(page)) found.push(`${name}:${page}`);
    }
  }
  return found;
}

/** What the server's own reader of WAL says, in the form of `BlockSets`. */
async function toldByServer(server: TestServer, from: string, to: string): Promise<Set<string>> {
  const rows = await server.query(
    `SELECT block_ref FROM pg_get_wal_records_info('${from}', '${to}')
      WHERE block_ref <> '' AND start_lsn >= '${from}' AND start_lsn < '${to}'`,
  );
  const found = new Set<string>();
  for (const { block_ref: text } of rows) {
    for (const [, relation, fork = 'main', block] of (text ?? '').matchAll(
      /rel (\d+\/\d+\/\d+) (?:fork (\w+) )?blk (\d+)/g,
    )) {
      if (fork === 'main') found.add(`${relation}:${block}`);
    }
  }
  return found;
}

/** Statements that the random ones before them have made impossible are passed over. */
async function run(server: TestServer, workload: readonly string[]): Promise<void> {
  for (const statement of workload) {
    await server.query(statement).catch((error: unknown) => {
      if (!/does not exist|already exists|cannot cluster|index row size|too long/.test(String(error))) throw error;
    });
  }
}

/** What this program reads from the segments themselves. */
async function readBlocks(
  { from, to }: { readonly from: Lsn; readonly to: Lsn },
  folder: string,
): Promise<Set<string>> {
  const found = new Set<string>();
  const listener: ChangeListener = {
    block(tablespaceOid, databaseOid, relfilenode, fork, block) {
      if (fork === 0) found.add(`${tablespaceOid}/${databaseOid}/${relfilenode}:${block}`);
    },
    reset: () => undefined,
    databaseCopied: () => undefined,
    unlogged: () => undefined,
  };
  const chain = new RecordChain(listener);
  for (const id of segmentsBetween(from, to, 1, segmentBytes)) {
    const file = openLocalFile(join(folder, segmentName(id, segmentBytes)));
    const start = Number(segmentStart(id, segmentBytes));
    const options = { start, from: Number(from), limit: Number(to), segmentBytes, listener, signal };
    const { edges, magic } = await scanSegment(file.content(), options);
    chain.follow(edges, layoutOf(magic));
    file.close();
  }
  return found;
}

describe.skipIf(majors.length === 0).each(majors)('blocks that PostgreSQL %i changes', (major) => {
  it('are all told by WAL, by delta files, and by WAL summaries', async () => {
    const seed = Number(process.env['WALVAULT_SEED'] ?? Math.floor(Math.random() * 1e9));
    console.info(`WALVAULT_SEED=${seed}`);
    const tablespace = makeServerTemp();
    onTestFinished(() => rmSync(tablespace, { recursive: true }));
    makeServerDirectory(join(tablespace, 'ts'), 0o700);
    await using server = await startPostgres({
      major,
      initdbArgs: ['--wal-segsize=1', '--data-checksums'],
      settings: {
        wal_keep_size: '4GB',
        autovacuum: false,
        ...(major >= 15 ? { wal_compression: 'pglz' } : {}),
        ...(major >= 17 ? { summarize_wal: true } : {}),
      },
    });
    await server.query(`CREATE TABLESPACE ts LOCATION '${join(tablespace, 'ts')}'`);
    await server.query('CREATE SEQUENCE s');
    if (major >= 15) await server.query('CREATE EXTENSION pg_walinspect');
    await server.query('CREATE TABLE bulk AS SELECT n, md5(n::text) AS m FROM generate_series(1, 40000) AS n');
    const workload = [...randomWorkload(seed, statements, major)];
    const begin = Math.floor(workload.length / 4);
    await run(server, workload.slice(0, begin));
    const from = await checkpoint(server);
    const before = snapshotOf(server.dataDirectory);
    const fromText = (await server.value(`SELECT redo_lsn FROM pg_control_checkpoint()`)) ?? '';

    await run(server, workload.slice(begin));
    await run(server, ['UPDATE bulk SET m = md5(m)', 'VACUUM bulk', 'UPDATE bulk SET m = md5(m) WHERE n % 2 = 0']);
    const unlogged = new Set(
      (await server.query(`SELECT pg_relation_filenode(oid) AS node FROM pg_class WHERE relpersistence = 'u'`)).map(
        ({ node }) => Number(node),
      ),
    );
    const to = await checkpoint(server);
    const after = snapshotOf(server.dataDirectory);
    const toText = (await server.value(`SELECT redo_lsn FROM pg_control_checkpoint()`)) ?? '';
    const last = (await server.value('SELECT pg_walfile_name(pg_switch_wal())')) ?? '';

    const range = { from, to, timeline: 1, segmentBytes };
    const empty: Transport = { storage: createMemoryStorage(), codec: lz4Codec, crypter: undefined };
    const local = { archive: empty, dataDirectory: server.dataDirectory, logger: silentLogger, signal };
    const segments = Number((BigInt(to) - BigInt(from)) / BigInt(segmentBytes));
    const wal = segments < 60 ? await changesFromWal(range, local) : undefined;
    if (wal !== undefined) {
      if ('reason' in wal) throw new Error(wal.reason);
      expect(untold(wal, before, after, unlogged)).toEqual([]);
    }

    // By the archive alone: every segment noted, in some other order.
    const archive: Transport = { storage: createMemoryStorage(), codec: lz4Codec, crypter: undefined };
    const random = seededRandom(seed);
    const names = readdirSync(join(server.dataDirectory, 'pg_wal')).filter(isSegmentName);
    const finished = names.filter((name) => name <= last);
    await using scratch = await temporaryDirectory();
    const logger = recordingLogger();
    for (const name of finished.map((one) => ({ one, at: random() })).sort((a, b) => a.at - b.at)) {
      const file = openLocalFile(join(server.dataDirectory, 'pg_wal', name.one));
      const key = storedKey(archive, walKey(name.one));
      await archive.storage.write(key, encoding(archive)(file.content()));
      await recordSegment(file, { walDirectory: scratch.path, transport: archive, logger, signal });
      file.close();
    }
    expect(logger.records.filter(({ level }) => level === 'warn')).toEqual([]);
    const archived = await changesFromWal(range, { ...local, archive, dataDirectory: scratch.path });
    if ('reason' in archived) throw new Error(archived.reason);
    expect(archived.source).toMatch(segments >= 32 ? /WAL \([1-9]\d* delta files/ : /^WAL/);
    expect(untold(archived, before, after, unlogged)).toEqual([]);

    if (major >= 15) {
      const told = await toldByServer(server, fromText, toText);
      const read = await readBlocks({ from, to }, join(server.dataDirectory, 'pg_wal'));
      expect([...told].filter((one) => !read.has(one))).toEqual([]);
      expect([...read].filter((one) => !told.has(one))).toEqual([]);
    }
    if (major >= 17) {
      await using connected = await connectServer(rawSettings({ ...server.environment }), {
        logger: silentLogger,
        signal,
      });
      const sources = {
        ...local,
        server: connected,
        clock: systemClock,
        useSummaries: true,
        useWalDelta: false,
        forceWalDelta: false,
      };
      const summaries = await changesFromSummaries(range, sources);
      if ('reason' in summaries) throw new Error(summaries.reason);
      expect(untold(summaries, before, after, unlogged)).toEqual([]);
      if (wal !== undefined && !('reason' in wal)) {
        expect(answersOf(summaries, before, after)).toEqual(answersOf(wal, before, after));
      }
      expect(await changedBlocks(range, sources)).toMatchObject({ source: summaries.source });
    }
  });
});
