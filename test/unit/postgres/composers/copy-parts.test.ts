import { beforeEach, describe, expect, it } from 'vitest';
import { collect, fromBytes } from '../../../../src/bytes/stage.ts';
import type { Transport } from '../../../../src/pipeline/transport.ts';
import { silentLogger } from '../../../../src/platform/logger.ts';
import { copyParts } from '../../../../src/postgres/composers/copy-parts.ts';
import type { UnchangedPart } from '../../../../src/postgres/composers/unchanged-parts.ts';
import { clusterEntry } from '../../../../testtools/cluster-entries.ts';
import { faultyStorage } from '../../../../testtools/faulty-storage.ts';
import { plainTransport, putTar } from '../../../../testtools/made-backup.ts';

const from = 'basebackups_005/base_000000010000000000000002/tar_partitions';
const to = 'basebackups_005/base_000000010000000000000004/tar_partitions';
const backup = 'base_000000010000000000000004';

let transport: Transport;

beforeEach(() => {
  transport = plainTransport();
});

function unchanged(name: string, members: readonly string[] = [`/${name}`]): UnchangedPart {
  return {
    part: { key: `${from}/${name}.tar`, sizeBytes: 2048, members },
    entries: members.map((member) => clusterEntry(member)),
  };
}

async function store(...names: readonly string[]): Promise<void> {
  for (const name of names)
    await putTar(transport.storage, `${from}/${name}.tar`, [{ name: `/${name}`, content: 'x' }]);
}

describe('copying parts of an earlier backup', () => {
  it('has the storage copy them, and tells of them like of parts that were written', async () => {
    await store('part_001', 'part_002');
    const copied = await copyParts(transport, backup, [unchanged('part_001'), unchanged('part_002')], {
      logger: silentLogger,
    });
    expect(copied.map(([planned]) => planned.name)).toEqual(['copy_0.tar', 'copy_1.tar']);
    expect(copied.map(([, part]) => part)).toEqual([
      expect.objectContaining({ key: `${to}/copy_0.tar`, storedBytes: 2048, memberBytes: 8192 }),
      expect.objectContaining({ key: `${to}/copy_1.tar`, storedBytes: 2048, memberBytes: 8192 }),
    ]);
    const bytes = await collect(await transport.storage.read(`${to}/copy_0.tar`));
    expect(bytes).toEqual(await collect(await transport.storage.read(`${from}/part_001.tar`)));
  });

  it('leaves out what cannot be decoded now, what is something else, and what is gone', async () => {
    await store('part_001', 'part_003');
    await transport.storage.write(`${from}/part_002.tar`, fromBytes(Buffer.alloc(2048, 0x5a)));
    await transport.storage.write(`${from}/part_005.tar.lz4`, fromBytes(Buffer.alloc(2048, 0x5a)));
    const encrypted = unchanged('part_005.tar.lz4');
    const parts = [
      unchanged('part_001', ['/other']),
      unchanged('part_002'),
      unchanged('part_003'),
      unchanged('part_004'),
      { ...encrypted, part: { ...encrypted.part, key: `${from}/part_005.tar.lz4` } },
    ];
    const copied = await copyParts(transport, backup, parts, { logger: silentLogger });
    expect(copied.map(([planned]) => planned.entries[0]?.name)).toEqual(['/part_003']);
  });

  it('fails when the storage does', async () => {
    await store('part_001');
    const faulty = faultyStorage(transport.storage, ({ verb }) => (verb === 'copy' ? {} : undefined));
    const attempt = copyParts({ ...transport, storage: faulty }, backup, [unchanged('part_001')], {
      logger: silentLogger,
    });
    await expect(attempt).rejects.toMatchObject({ kind: 'unavailable' });
  });
});
