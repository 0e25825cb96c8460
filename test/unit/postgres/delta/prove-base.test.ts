import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fromBytes } from '../../../../src/bytes/stage.ts';
import { tarPartitionsFolder, walKey } from '../../../../src/catalog/layout.ts';
import { silentLogger } from '../../../../src/platform/logger.ts';
import { parseControlFile } from '../../../../src/postgres/control-file.ts';
import type { DeltaBase } from '../../../../src/postgres/delta/base.ts';
import type { Transport } from '../../../../src/pipeline/transport.ts';
import { objectionTo, type BegunBackup, type Evidence } from '../../../../src/postgres/delta/prove-base.ts';
import { toLsn } from '../../../../src/postgres/lsn.ts';
import { madeControl, plainTransport, putTar } from '../../../../testtools/made-backup.ts';

const { systemIdentifier, dataChecksumVersion } = parseControlFile(madeControl);

const base: DeltaBase = {
  name: 'base_000000010000000000000002',
  finishTimeline: 1,
  startLsn: toLsn(0x2000028n),
  finishLsn: toLsn(0x2000100n),
  startTime: 0n,
  systemIdentifier,
  pgVersion: 170000,
  root: 'base_000000010000000000000002',
  steps: 1,
  chain: [],
};

describe('whether a backup can build on a base', () => {
  let folder: string;
  let archive: ReturnType<typeof plainTransport>;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'prove-'));
    mkdirSync(join(folder, 'pg_wal'));
    archive = plainTransport();
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  function objection(
    of: Partial<DeltaBase> = {},
    begun: Partial<BegunBackup> = {},
    server: Partial<Evidence['server']> = {},
  ): Promise<string | undefined> {
    const facts = { systemIdentifier, version: 170_004, blockBytes: 8192, dataChecksums: false, ...server };
    const evidence = { server: facts, dataDirectory: folder, archive, backups: archive, logger: silentLogger };
    return objectionTo({ ...base, ...of }, { startLsn: toLsn(0x3000028n), timeline: 1, ...begun }, evidence, {});
  }

  function inServer(name: string, text: string): void {
    writeFileSync(join(folder, 'pg_wal', name), text);
  }

  async function inArchive(name: string, text: string): Promise<void> {
    await archive.storage.write(walKey(name), fromBytes(Buffer.from(text)));
  }

  it('asks nothing of objects that the key of this machine cannot decrypt', async () => {
    const report = () => Promise.resolve({ canEncrypt: true, canDecrypt: false, keys: [] });
    const crypter = { report } as unknown as NonNullable<Transport['crypter']>;
    archive = { ...archive, crypter };
    inServer('00000002.history', '1\t0/3000000\tno recovery target specified\n');
    await inArchive('00000002.history', 'encrypted');
    expect(await objection({}, { timeline: 2 }, { dataChecksums: true })).toBeUndefined();
  });

  it('is not in doubt on the first timeline', async () => {
    expect(await objection()).toBeUndefined();
  });

  it('is in doubt for other clusters, versions and page sizes', async () => {
    expect(await objection({ systemIdentifier: 1n })).toContain('another cluster');
    expect(await objection({ systemIdentifier: undefined })).toContain('not known');
    expect(await objection({}, {}, { systemIdentifier: undefined })).toContain('not known');
    expect(await objection({ pgVersion: 160_009 })).toContain('another major version');
    expect(await objection({}, {}, { blockBytes: 16_384 })).toContain('16384');
  });

  it('is in doubt for a base that ended after the server', async () => {
    expect(await objection({ finishLsn: toLsn(0x3000029n) })).toContain('0/3000029');
    expect(await objection({ finishLsn: toLsn(0x3000028n) })).toBeUndefined();
  });

  it('depends on where the timeline branched off', async () => {
    inServer('00000002.history', '1\t0/2800000\tno recovery target specified\n');
    expect(await objection({}, { timeline: 2 })).toBeUndefined();
    inServer('00000002.history', '1\t0/2000050\tno recovery target specified\n');
    expect(await objection({}, { timeline: 2 })).toContain('branched off before');
    inServer('00000002.history', 'nonsense');
    expect(await objection({}, { timeline: 2 })).toBeDefined();
  });

  it('is looked up in the archive, too', async () => {
    expect(await objection({}, { timeline: 3 })).toContain('there is no "00000003.history"');
    await inArchive('00000003.history', '1\t0/2800000\tx\n\n2\t0/2900000\ty\n');
    expect(await objection({}, { timeline: 3 })).toBeUndefined();
    expect(await objection({ finishTimeline: 2 }, { timeline: 3 })).toBeUndefined();
    expect(await objection({ finishTimeline: 4 }, { timeline: 3 })).toContain('is of timeline 4');
  });

  it('is in doubt where two servers call different things by one number', async () => {
    inServer('00000002.history', '1\t0/2800000\tone\n');
    await inArchive('00000002.history', '1\t0/2900000\tother\n');
    expect(await objection({ finishTimeline: 2 }, { timeline: 2 })).toContain('another "00000002.history"');
    await inArchive('00000002.history', '1\t0/2800000\tone\n');
    expect(await objection({ finishTimeline: 2 }, { timeline: 2 })).toBeUndefined();
  });

  it('is in doubt for a base without checksums when the cluster has got them', async () => {
    const key = `${tarPartitionsFolder(base.name)}/pg_control.tar`;
    expect(await objection({}, {}, { dataChecksums: true })).toContain('no control file');
    await putTar(archive.storage, key, [{ name: '/global/pg_control', content: madeControl }]);
    const found = await objection({}, {}, { dataChecksums: true });
    if (dataChecksumVersion > 0) expect(found).toBeUndefined();
    else expect(found).toContain('from before the cluster got checksums');
    await putTar(archive.storage, key, [{ name: '/global/pg_control', content: 'damaged' }]);
    expect(await objection({}, {}, { dataChecksums: true })).toBeDefined();
  });
});
