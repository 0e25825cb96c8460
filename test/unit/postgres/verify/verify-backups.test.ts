import { describe, expect, it } from 'vitest';
import {
  filesMetadataKey,
  metadataKey,
  sentinelKey,
  tarPartitionsFolder,
  walKey,
} from '../../../../src/catalog/layout.ts';
import { ArchiverError, InterruptedError } from '../../../../src/errors.ts';
import { readSentinel } from '../../../../src/postgres/backup/backup-record.ts';
import { formatSentinel, parseSentinel } from '../../../../src/postgres/backup/sentinel.ts';
import { checksumsKey, formatChecksums } from '../../../../src/postgres/in-place/checksums.ts';
import { toLsn } from '../../../../src/postgres/lsn.ts';
import { readOwnReport, readVerifyReports, verifyReportKey } from '../../../../src/catalog/verify/report.ts';
import type { VerifyReport } from '../../../../src/catalog/verify/report.ts';
import { removeOrphanedReports } from '../../../../src/catalog/verify/gone-backups.ts';
import { chainNames, verifyBackups } from '../../../../src/postgres/verify/verify-backups.ts';
import { createMemoryStorage } from '../../../../src/storage/memory/memory-storage.ts';
import type { Storage } from '../../../../src/storage/storage.ts';
import { faultyStorage } from '../../../../testtools/faulty-storage.ts';
import { madeControl, plainTransport, putTar } from '../../../../testtools/made-backup.ts';
import { madeIncrement, plainPage } from '../../../../testtools/made-chain.ts';
import { controlAt, damage, deltaName, fullName, makeVerifiable, put } from '../../../../testtools/made-verifiable.ts';
import { tableName, tablePage, verifyServices } from '../../../../testtools/made-verifiable.ts';

const all = [fullName, deltaName];
const full = tarPartitionsFolder(fullName);
const delta = tarPartitionsFolder(deltaName);
const firstWal = walKey('000000010000000000000020');

async function verify(storage: Storage, backups: readonly string[] = all): Promise<ReadonlyMap<string, VerifyReport>> {
  const { reports } = await verifyBackups(verifyServices(plainTransport(storage)), { backups, resume: false });
  return reports;
}

/** Every finding as `object: file: what`. */
function findings(report: VerifyReport | undefined): readonly string[] {
  return report?.problems.map(({ key, file, what }) => `${key}: ${file ?? ''}: ${what}`) ?? ['no report'];
}

function edit(storage: Storage, key: string, change: (text: string) => string): Promise<void> {
  return damage(storage, key, (bytes) => Buffer.from(change(bytes.toString())));
}

function flip(bytes: Buffer, at: number): Buffer {
  bytes.writeUInt8(bytes.readUInt8(at) ^ 0x10, at);
  return bytes;
}

describe('verifying a full backup and a delta', () => {
  it('proves both when nothing is wrong, and leaves reports beside them', async () => {
    const storage = createMemoryStorage();
    await makeVerifiable(storage);
    const reports = await verify(storage);
    for (const name of all) {
      expect(reports.get(name)).toMatchObject({ status: 'proven', problems: [], problemCount: 0, round: undefined });
      expect(reports.get(name)?.provenAt).toBeDefined();
    }
    expect(reports.get(deltaName)?.bases).toEqual([fullName]);
    // Three parts, control file, label, one segment.
    expect(reports.get(fullName)?.objects).toEqual({ read: 6, total: 6 });
    expect(await readVerifyReports(storage)).toEqual(reports);
  });

  type Damage = (storage: Storage) => Promise<void>;
  const cases: readonly (readonly [string, Damage, string, RegExp])[] = [
    [
      'a bit of a page',
      (s) => damage(s, `${full}/part_001.tar`, (bytes) => flip(bytes, 1024 + 8192 + 5000)),
      fullName,
      /part_001\.tar: base\/5\/16384: page 1 fails its checksum/,
    ],
    [
      'a bit of a tar header',
      (s) => damage(s, `${full}/part_002.tar`, (bytes) => flip(bytes, 3)),
      fullName,
      /part_002\.tar: : tar header fails its checksum/,
    ],
    [
      'a part that is cut off',
      (s) => damage(s, `${full}/part_001.tar`, (bytes) => bytes.subarray(0, 9000)),
      fullName,
      /part_001\.tar: : /,
    ],
    [
      'a part that is missing',
      (s) => s.delete([`${full}/part_003.tar`]),
      fullName,
      /part_003\.tar: : is missing, with 1 files .* "\/postgresql\.auto\.conf"/,
    ],
    [
      'another member',
      (s) => putTar(s, `${full}/part_003.tar`, [{ name: '/postgresql.conf', content: '' }]),
      fullName,
      /part_003\.tar: postgresql\.conf: is not in the list of files/,
    ],
    [
      'a member that is missing',
      (s) => putTar(s, `${full}/part_003.tar`, []),
      fullName,
      /part_003\.tar: postgresql\.auto\.conf: is missing in the part/,
    ],
    [
      'a member that leads out',
      (s) => putTar(s, `${full}/part_003.tar`, [{ name: '/../etc/passwd', content: '' }]),
      fullName,
      /leads out of the data directory/,
    ],
    [
      'a member of another part',
      (s) =>
        putTar(s, `${full}/part_003.tar`, [
          { name: '/postgresql.auto.conf', content: '' },
          { name: '/base/5/PG_VERSION', content: '' },
        ]),
      fullName,
      /PG_VERSION: (is in another part|comes twice)/,
    ],
    [
      'the control file of another cluster',
      (s) => putTar(s, `${full}/pg_control.tar`, [{ name: '/global/pg_control', content: controlAt(0x2000028n, 8n) }]),
      fullName,
      /is of cluster 8, the backup is of cluster 7/,
    ],
    [
      'an old control file',
      (s) => putTar(s, `${full}/pg_control.tar`, [{ name: '/global/pg_control', content: controlAt(0x1000028n) }]),
      fullName,
      /pg_control\.tar: : is older than the backup/,
    ],
    [
      'a damaged control file',
      (s) =>
        putTar(s, `${full}/pg_control.tar`, [
          { name: '/global/pg_control', content: flip(Buffer.from(madeControl), 100) },
        ]),
      fullName,
      /pg_control fails its checksum/,
    ],
    ['no control file', (s) => s.delete([`${full}/pg_control.tar`]), fullName, /pg_control\.tar: : is missing/],
    [
      'the label of another backup',
      (s) =>
        putTar(s, `${full}/backup_label.tar`, [
          { name: 'backup_label', content: 'START WAL LOCATION: 0/9000028 (file 000000010000000000000009)\n' },
        ]),
      fullName,
      /is of another backup/,
    ],
    ['no label', (s) => s.delete([`${full}/backup_label.tar`]), fullName, /no part has the backup label/],
    [
      'a WAL segment that is missing',
      (s) => s.delete([firstWal]),
      fullName,
      /wal_005\/000000010000000000000020: : is missing/,
    ],
    [
      'a WAL segment that is cut off',
      (s) => damage(s, firstWal, (bytes) => bytes.subarray(0, 500_000)),
      fullName,
      /is cut off/,
    ],
    ['a WAL record', (s) => damage(s, firstWal, (bytes) => flip(bytes, 100)), fullName, /a record is damaged/],
    [
      'another WAL segment',
      async (s) => {
        await s.copy(walKey('000000010000000000000040'), firstWal);
      },
      fullName,
      /is of position 0\/4000000, and its name of 0\/2000000/,
    ],
    [
      'WAL of another timeline',
      (s) =>
        damage(s, firstWal, (bytes) => {
          bytes.writeUInt32LE(3, 4);
          return bytes;
        }),
      fullName,
      /has pages of timeline 3/,
    ],
    [
      'WAL of another cluster',
      (s) => damage(s, firstWal, (bytes) => flip(bytes, 24)),
      fullName,
      /is of cluster 23, the backup is of cluster 7/,
    ],
    [
      'the sentinel',
      (s) => edit(s, sentinelKey(fullName), (text) => text.slice(0, 20)),
      fullName,
      /backup_stop_sentinel\.json: : sentinel of/,
    ],
    [
      'the list of files',
      (s) => edit(s, filesMetadataKey(fullName), (text) => text.slice(0, -40)),
      fullName,
      /files_metadata\.json/,
    ],
    [
      'metadata of another backup',
      (s) =>
        edit(
          s,
          metadataKey(fullName),
          () =>
            '{"start_time":"2026-11-21T00:00:00Z","finish_time":"2026-11-21T00:00:00Z","start_lsn":1,"finish_lsn":2}',
        ),
      fullName,
      /metadata\.json: : contradicts the sentinel: start_lsn, finish_lsn/,
    ],
    [
      'the head of an increment',
      (s) => damage(s, `${delta}/part_001.tar`, (bytes) => flip(bytes, 1024 + 2)),
      deltaName,
      /16384: an increment is of an unknown version/,
    ],
    [
      'a block behind the end',
      (s) =>
        damage(s, `${delta}/part_001.tar`, (bytes) => {
          bytes.writeUInt32LE(9, 1024 + 16 + 8);
          return bytes;
        }),
      deltaName,
      /16384: an increment has block 9 of 6/,
    ],
    [
      'a page of an increment',
      (s) => damage(s, `${delta}/part_001.tar`, (bytes) => flip(bytes, 1024 + 28 + 8192 + 3000)),
      deltaName,
      /16384: page 4 fails its checksum/,
    ],
    [
      'another base',
      async (s) => {
        const sentinel = await readSentinel(s, deltaName);
        await put(
          s,
          sentinelKey(deltaName),
          Buffer.from(formatSentinel({ ...sentinel, parentLsn: toLsn(0x1000028n) } as typeof sentinel)),
        );
      },
      deltaName,
      /builds on a backup that began at 0\/1000028, and .* began at 0\/2000028/,
    ],
    [
      'no base',
      (s) => s.delete([sentinelKey(fullName)]),
      deltaName,
      /builds on "base_000000010000000000000002", which is not there/,
    ],
  ];

  it.each(cases)('finds %s, and names it', async (_what, harm, backup, expected) => {
    const storage = createMemoryStorage();
    await makeVerifiable(storage);
    await put(
      storage,
      metadataKey(fullName),
      Buffer.from(
        '{"start_time":"2026-11-21T00:00:00Z","finish_time":"2026-11-21T00:00:00Z","start_lsn":33554472,"finish_lsn":33554672,"pg_version":170010}',
      ),
    );
    await harm(storage);
    const reports = await verify(storage, backup === fullName ? [fullName] : all);
    expect(findings(reports.get(backup)).join('\n')).toMatch(expected);
    expect(reports.get(backup)).toMatchObject({ status: 'damaged', provenAt: undefined });
  });

  it('calls a delta damaged when its base is', async () => {
    const storage = createMemoryStorage();
    await makeVerifiable(storage);
    await storage.delete([`${full}/part_001.tar`]);
    const reports = await verify(storage);
    expect((await readOwnReport(storage, deltaName))?.status).toBe('proven');
    expect(reports.get(deltaName)?.status).toBe('damaged');
    expect(findings(reports.get(deltaName))).toEqual([
      `${sentinelKey(fullName)}: : "${fullName}", on which it builds, is damaged`,
    ]);
  });

  it('finds pages that neither an increment nor its base has, also when the base was read in another run', async () => {
    const storage = createMemoryStorage();
    const blocks = [1, 5].map((block) => [block, tablePage(block)] as const);
    await makeVerifiable(storage, { increment: madeIncrement(6, blocks) });
    const reports = await verify(storage);
    const expected = `${filesMetadataKey(deltaName)}: base/5/16384: neither the increment nor "${fullName}" has page 4`;
    expect(findings(reports.get(deltaName))).toEqual([expected]);
    expect(reports.get(fullName)?.status).toBe('proven');

    const alone = await verify(storage, [deltaName]);
    expect(alone.get(deltaName)?.notes.join()).toContain('does not record how long its files are');
    await edit(storage, filesMetadataKey(fullName), (text) =>
      text.replace(/("\/base\/5\/16384":\{[^}]*)\}/, '$1,"Size":32768}'),
    );
    expect(findings((await verify(storage, [deltaName])).get(deltaName))).toEqual([expected]);
  });

  it('believes the WAL of the backup about a page that was torn', async () => {
    const torn = [0, 1, 2, 3].map((block) => tablePage(block === 2 ? 7 : block));
    const broken = createMemoryStorage();
    await makeVerifiable(broken, { fullPages: torn });
    expect(findings((await verify(broken, [fullName])).get(fullName))).toEqual([
      `${full}/part_001.tar: base/5/16384: page 2 fails its checksum, and no WAL of the backup replaces it`,
    ]);

    const mended = createMemoryStorage();
    const blocks = [{ relation: [1663, 5, 16384] as const, block: 2, image: { bytes: 8192, info: 2 } }];
    await makeVerifiable(mended, { fullPages: torn, records: [{ blocks }] });
    expect((await verify(mended, [fullName])).get(fullName)).toMatchObject({ status: 'proven', problems: [] });
  });

  it('compares files with the hashes that the backup keeps', async () => {
    const storage = createMemoryStorage();
    await makeVerifiable(storage);
    const sentinel = parseSentinel(formatSentinel(await readSentinel(storage, fullName)));
    const sum = { type: 'file', mode: 0o600, sizeBytes: 9, hash: 12345n } as const;
    await storage.write(checksumsKey(fullName), formatChecksums(sentinel, [['/postgresql.auto.conf', sum]]));
    expect(findings((await verify(storage, [fullName])).get(fullName))).toEqual([
      `${full}/part_003.tar: postgresql.auto.conf: is not what was backed up: another hash`,
    ]);
    await damage(storage, checksumsKey(fullName), (bytes) => bytes.subarray(0, bytes.length - 5));
    expect(findings((await verify(storage, [fullName])).get(fullName)).join()).toContain('walvault_checksums');
  });

  it('tells of all damage in one run, and counts what it does not tell', async () => {
    const storage = createMemoryStorage();
    const pages = Array.from({ length: 300 }, () => plainPage(9));
    await makeVerifiable(storage, { fullPages: pages });
    await storage.delete([firstWal, `${full}/part_003.tar`]);
    const report = (await verify(storage, [fullName])).get(fullName);
    expect(report?.problemCount).toBe(302);
    expect(report?.problems.length).toBeLessThanOrEqual(100);
  });

  /** As backups over the replication protocol are: nobody recorded which part holds what, and the label is in one of them. */
  async function makeUnlisted(storage: Storage): Promise<void> {
    await makeVerifiable(storage);
    await edit(storage, filesMetadataKey(fullName), (text) => text.replace(/,"TarFileSets":\{.*\}\}$/, '}'));
    await storage.delete([`${full}/backup_label.tar`]);
    await putTar(storage, `${full}/part_003.tar`, [
      { name: 'backup_label', content: 'START WAL LOCATION: 0/2000028 (file 000000010000000000000002)\n' },
      { name: 'postgresql.auto.conf', content: '# by hand' },
    ]);
  }

  it('misses files also where nobody recorded which part holds them, in one run or several', async () => {
    const storage = createMemoryStorage();
    await makeUnlisted(storage);
    expect((await verify(storage, [fullName])).get(fullName)).toMatchObject({ status: 'proven', problems: [] });
    await putTar(storage, `${full}/part_002.tar`, []);
    const once = (await verify(storage, [fullName])).get(fullName);
    expect(findings(once)).toEqual([`${full}: base/5/PG_VERSION: is in no part`]);
    let last: VerifyReport | undefined;
    for (let run = 1; run <= 4; run += 1) {
      const services = verifyServices(plainTransport(storage), { budgetBytes: 1 });
      last = (await verifyBackups(services, { backups: [fullName], resume: true })).reports.get(fullName);
    }
    expect(last?.round).toBeUndefined();
    expect(findings(last)).toEqual([`${full}: : lacks files of the backup`]);
  });

  it('misses bytes of a backup without a list of its files', async () => {
    const storage = createMemoryStorage();
    await makeUnlisted(storage);
    await storage.delete([filesMetadataKey(fullName)]);
    const text = (bytes: number) => (sentinel: string) =>
      sentinel.replace(
        /"UncompressedSize":\d+/,
        `"UncompressedSize":${bytes},"DataCatalogSize":1,"FilesMetadataDisabled":true`,
      );
    await edit(storage, sentinelKey(fullName), text(4 * 8192));
    const report = (await verify(storage, [fullName])).get(fullName);
    expect(report).toMatchObject({ status: 'proven', problems: [] });
    expect(report?.notes.join()).toContain('has no list of its files');
    await edit(storage, sentinelKey(fullName), text(1_000_000));
    expect(findings((await verify(storage, [fullName])).get(fullName)).join()).toMatch(
      /holds \d+ bytes of 1000000: parts are missing/,
    );
  });

  it('does not call a backup damaged that is deleted meanwhile', async () => {
    const storage = createMemoryStorage();
    await makeVerifiable(storage);
    const deleting = faultyStorage(storage, ({ verb, key }) => {
      if (verb === 'read' && key.endsWith('backup_label.tar')) {
        void storage.delete([sentinelKey(fullName), `${full}/part_001.tar`, firstWal]);
      }
      return undefined;
    });
    expect([...(await verify(deleting, [fullName])).keys()]).toEqual([]);
    expect(await storage.stat(verifyReportKey(fullName))).toBeUndefined();
  });
});

describe('a budget', () => {
  async function runs(storage: Storage, budgetBytes: number) {
    const reading = faultyStorage(storage, () => undefined);
    const services = verifyServices(plainTransport(reading), { budgetBytes });
    const { reports } = await verifyBackups(services, { backups: all, resume: true });
    const read = reading.calls.filter(({ verb, key }) => verb === 'read' && /part_|^wal_005/.test(key));
    return { reports, read: read.map(({ key }) => key) };
  }

  it('is spent run by run until all is proven, each object read once, and then begins anew', async () => {
    const storage = createMemoryStorage();
    await makeVerifiable(storage);
    const read: string[] = [];
    for (let run = 1; run <= 7; run += 1) {
      const { reports, read: now } = await runs(storage, 1);
      expect(now).toHaveLength(1);
      read.push(...now);
      if (run < 4)
        expect(reports.get(fullName)).toMatchObject({ status: 'partial', objects: { read: run + 2, total: 6 } });
      if (run === 4) expect(reports.get(fullName)?.status).toBe('proven');
      if (run > 4 && run < 7) expect(reports.get(deltaName)?.status).toBe('partial');
      if (run === 7) expect(reports.get(deltaName)?.status).toBe('proven');
    }
    expect(new Set(read).size).toBe(7);

    const { reports } = await runs(storage, 1);
    expect(reports.get(fullName)?.status).toBe('proven');
    expect([...reports.values()].filter(({ round }) => round !== undefined)).toHaveLength(1);
  });

  it('keeps what is damaged called so until all of it has been read anew', async () => {
    const storage = createMemoryStorage();
    await makeVerifiable(storage);
    const segment = `${full}/part_002.tar`;
    await damage(storage, segment, (bytes) => flip(bytes, 3));
    await runs(storage, 1 << 30);
    await putTar(storage, segment, [{ name: '/base/5/PG_VERSION', content: '17\n' }]);
    for (let run = 1; run <= 3; run += 1) {
      const { reports } = await runs(storage, 1);
      expect(reports.get(fullName)?.status).toBe('damaged');
    }
    const { reports } = await runs(storage, 1);
    expect(reports.get(fullName)?.status).toBe('proven');
  });

  it('reads again what was replaced meanwhile', async () => {
    const storage = createMemoryStorage();
    await makeVerifiable(storage);
    await runs(storage, 1);
    await putTar(storage, `${full}/part_001.tar`, [{ name: tableName, content: tablePage(0) }]);
    const { reports } = await runs(storage, 1 << 30);
    expect(reports.get(fullName)?.objects).toEqual({ read: 6, total: 6 });
  });

  it('remembers what was read when a run is called off', async () => {
    const storage = createMemoryStorage();
    await makeVerifiable(storage);
    const controller = new AbortController();
    const stopping = faultyStorage(storage, ({ verb, key }) => {
      if (verb === 'read' && key === firstWal) controller.abort(new InterruptedError());
      return undefined;
    });
    const services = verifyServices(plainTransport(stopping), { signal: controller.signal });
    await expect(verifyBackups(services, { backups: all, resume: false })).rejects.toThrow('interrupted');
    expect((await readOwnReport(storage, fullName))?.round?.done.size).toBe(3);
    const { read } = await runs(storage, 1 << 30);
    expect(read).not.toContain(`${full}/part_001.tar`);
  });
});

describe('keys that do not decrypt', () => {
  it('say nothing about the backup', async () => {
    const storage = createMemoryStorage();
    await makeVerifiable(storage);
    const refusing = {
      ...plainTransport(storage),
      crypter: {
        encrypt: (source: AsyncIterable<Uint8Array>) => source,
        // eslint-disable-next-line @typescript-eslint/require-await -- fails at once
        async *decrypt(): AsyncGenerator<Uint8Array> {
          throw new ArchiverError('forbidden', 'the key does not open this object');
        },
      },
    } as never;
    const run = verifyBackups(verifyServices(refusing), { backups: [fullName], resume: false });
    await expect(run).rejects.toMatchObject({ kind: 'forbidden' });
    expect(await readOwnReport(storage, fullName)).toBeUndefined();
  });
});

describe('what is verified with a backup', () => {
  it('is its chain, oldest first, as far as it is there', async () => {
    const storage = createMemoryStorage();
    await makeVerifiable(storage);
    expect(await chainNames(storage, deltaName, {})).toEqual(all);
    expect(await chainNames(storage, fullName, {})).toEqual([fullName]);
    await put(storage, sentinelKey(fullName), Buffer.from('{'));
    expect(await chainNames(storage, deltaName, {})).toEqual(all);
    await storage.delete([sentinelKey(fullName)]);
    expect(await chainNames(storage, deltaName, {})).toEqual([deltaName]);
  });

  it('leaves no reports of backups that are gone', async () => {
    const storage = createMemoryStorage();
    await makeVerifiable(storage);
    await verify(storage);
    await removeOrphanedReports(storage, { kind: 'postgres', backups: new Set([deltaName]) }, {});
    expect([...(await readVerifyReports(storage)).keys()]).toEqual([deltaName]);
  });
});
