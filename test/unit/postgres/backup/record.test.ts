import { beforeEach, describe, expect, it } from 'vitest';
import { collect, fromBytes } from '../../../../src/bytes/stage.ts';
import { checkStoredParts } from '../../../../src/postgres/backup/complete-backup.ts';
import { recordBackup, sentinelOf, type FinishedBackup } from '../../../../src/postgres/backup/record.ts';
import type { ClusterEntry } from '../../../../src/postgres/cluster/walk.ts';
import { parseLsn } from '../../../../src/postgres/lsn.ts';
import { StorageUnavailableError } from '../../../../src/storage/errors.ts';
import { createMemoryStorage } from '../../../../src/storage/memory/memory-storage.ts';
import type { Storage } from '../../../../src/storage/storage.ts';
import { faultyStorage } from '../../../../testtools/faulty-storage.ts';

const name = 'base_000000010000000000000002';
const parts = `basebackups_005/${name}/tar_partitions`;
const sentinel = `basebackups_005/${name}_backup_stop_sentinel.json`;

function file(path: string, sizeBytes: number): ClusterEntry {
  return { name: path, type: 'file', mode: 0o600, uid: 1, gid: 1, sizeBytes, mtimeNs: 5n, linkTarget: '' };
}

const files = [file('/PG_VERSION', 3), file('/base/5/1', 100), file('/base/5/t1_2', 50)];

const finished: FinishedBackup = {
  session: { name, startLsn: parseLsn('0/2000028'), startTime: new Date('2026-11-21T03:00:00.120Z') },
  end: { lsn: parseLsn('0/2000100'), label: 'LABEL', tablespaceMap: '', time: new Date('2026-11-21T03:01:00Z') },
  walk: {
    entries: files,
    controlFile: undefined,
    tablespaces: [{ oid: '16384', location: '/mnt/ts1' }],
    catalogBytes: 9000,
    fileBytes: 153,
  },
  parts: [
    [
      { name: 'part_001.tar', entries: files, fileBytes: 153 },
      {
        key: `${parts}/part_001.tar.lz4`,
        memberBytes: 103,
        storedBytes: 40,
        vanished: ['/base/5/t1_2'],
        incremented: [],
        corrupt: [],
        hashes: new BigUint64Array(),
      },
    ],
  ],
  controlPart: { key: `${parts}/pg_control.tar.lz4`, memberBytes: 8192, storedBytes: 20 },
  labelPart: { key: `${parts}/backup_label.tar.lz4`, memberBytes: 5, storedBytes: 10 },
  delta: undefined,
  pgVersion: 170010,
  systemIdentifier: 7710462313664340823n,
  dataDirectory: '/pg/data',
  hostname: 'db1',
  userData: { team: 'alpha' },
  isPermanent: true,
  filesMetadataDisabled: false,
};

const [[, part]] = finished.parts as [FinishedBackup['parts'][number]];
const stored = { name, parts: [part, finished.controlPart, finished.labelPart] };

describe('recording a backup', () => {
  let storage: Storage;

  beforeEach(async () => {
    storage = createMemoryStorage();
    await storage.write(`${parts}/part_001.tar.lz4`, fromBytes(Buffer.alloc(40)));
    await storage.write(`${parts}/pg_control.tar.lz4`, fromBytes(Buffer.alloc(20)));
    await storage.write(`${parts}/backup_label.tar.lz4`, fromBytes(Buffer.alloc(10)));
  });

  async function text(key: string): Promise<string> {
    return (await collect(await storage.read(key))).toString();
  }

  it('writes the sentinel last, with the sums of what was stored', async () => {
    const watched = faultyStorage(storage, () => undefined);
    await recordBackup(watched, finished, [], {});
    const writes = watched.calls.filter((call) => call.verb === 'write').map((call) => call.key);
    expect(writes).toEqual([
      `basebackups_005/${name}/metadata.json`,
      `basebackups_005/${name}/files_metadata.json`,
      sentinel,
    ]);
    expect(await text(sentinel)).toBe(
      '{"LSN":33554472,"PgVersion":170010,"FinishLSN":33554688,"SystemIdentifier":7710462313664340823,' +
        '"UncompressedSize":8300,"CompressedSize":70,"DataCatalogSize":9000,' +
        '"Spec":{"16384":{"loc":"/mnt/ts1","link":"pg_tblspc/16384"},"base_prefix":"/pg/data","tablespaces":["16384"]},' +
        '"UserData":{"team":"alpha"},"ChkpNum":null,"Version":2,"StartTime":"2026-11-21T03:00:00.12Z",' +
        '"FinishTime":"2026-11-21T03:01:00Z","DateFmt":"%Y-%m-%dT%H:%M:%S.%fZ","Hostname":"db1","DataDir":"/pg/data",' +
        '"IsPermanent":true}',
    );
  });

  it('lists files that were read, without those that vanished, and the members of every part but pg_control’s', async () => {
    await recordBackup(storage, finished, [['postgres', { oid: 5, tables: new Map() }]], {});
    const metadata = JSON.parse(await text(`basebackups_005/${name}/files_metadata.json`)) as Record<string, object>;
    expect(Object.keys(metadata)).toEqual(['Files', 'TarFileSets', 'DatabasesByNames']);
    expect(Object.keys(metadata['Files'] ?? {})).toEqual(['/PG_VERSION', '/base/5/1']);
    expect(metadata['TarFileSets']).toEqual({
      'part_001.tar.lz4': ['/PG_VERSION', '/base/5/1'],
      'backup_label.tar.lz4': ['tablespace_map', 'backup_label'],
    });
  });

  it('leaves the files metadata out when it is disabled, and says so in the sentinel', async () => {
    const disabled = { ...finished, filesMetadataDisabled: true };
    await recordBackup(storage, disabled, [], {});
    expect(await storage.stat(`basebackups_005/${name}/files_metadata.json`)).toBeUndefined();
    expect(await text(sentinel)).toContain('"FilesMetadataDisabled":true');
    expect(sentinelOf(disabled).filesMetadataDisabled).toBe(true);
  });

  it('never replaces the sentinel of another run', async () => {
    await storage.write(sentinel, fromBytes(Buffer.from('{"LSN":1}')));
    await expect(recordBackup(storage, finished, [], {})).rejects.toMatchObject({ kind: 'cannotWrite' });
    expect(await text(sentinel)).toBe('{"LSN":1}');
  });

  it('recognises its own sentinel when only the answer was lost', async () => {
    const flaky = faultyStorage(storage, ({ verb, key }) =>
      verb === 'write' && key === sentinel && !wasWritten()
        ? { error: new StorageUnavailableError('timeout'), when: 'after' }
        : undefined,
    );
    let seen = false;
    function wasWritten(): boolean {
      const before = seen;
      seen = true;
      return before;
    }
    await expect(recordBackup(flaky, finished, [], {})).resolves.toMatchObject({ kind: 'full' });
  });

  it('writes no sentinel when another run removes a part at the last moment', async () => {
    const raced: Storage = {
      ...faultyStorage(storage, () => undefined),
      async write(key, body, options) {
        await storage.write(key, body, options);
        if (key.endsWith('files_metadata.json')) await storage.delete([`${parts}/part_001.tar.lz4`]);
      },
    };
    await expect(recordBackup(raced, finished, [], {})).rejects.toMatchObject({ kind: 'busy' });
    expect(await storage.stat(sentinel)).toBeUndefined();
  });

  it('notices parts that are foreign, changed or gone', async () => {
    await checkStoredParts(storage, stored, {});
    await storage.write(`${parts}/part_002.tar.lz4`, fromBytes(Buffer.alloc(1)));
    await expect(checkStoredParts(storage, stored, {})).rejects.toMatchObject({ kind: 'busy' });
    await storage.delete([`${parts}/part_002.tar.lz4`]);
    await storage.write(`${parts}/part_001.tar.lz4`, fromBytes(Buffer.alloc(41)));
    await expect(checkStoredParts(storage, stored, {})).rejects.toThrow('part_001.tar.lz4');
    await storage.delete([`${parts}/part_001.tar.lz4`]);
    await expect(checkStoredParts(storage, stored, {})).rejects.toThrow('no longer holds');
  });
});
