import { describe, expect, it } from 'vitest';
import { tarPartitionsFolder, walKey } from '../../../../src/catalog/layout.ts';
import { silentLogger } from '../../../../src/platform/logger.ts';
import { createBudget } from '../../../../src/catalog/verify/budget.ts';
import { followedBackups } from '../../../../src/postgres/verify/followed-backups.ts';
import { verifyWal } from '../../../../src/postgres/verify/verify-wal.ts';
import { readWalReport } from '../../../../src/postgres/verify/wal-report.ts';
import { segmentName } from '../../../../src/postgres/wal-segment.ts';
import { createMemoryStorage } from '../../../../src/storage/memory/memory-storage.ts';
import type { Storage } from '../../../../src/storage/storage.ts';
import { faultyStorage } from '../../../../testtools/faulty-storage.ts';
import { plainTransport } from '../../../../testtools/made-backup.ts';
import { MadeWal, switchRecord } from '../../../../testtools/made-wal.ts';
import { damage, fullName, makeVerifiable, put } from '../../../../testtools/made-verifiable.ts';
import { verifiableSegmentBytes as segmentBytes, verifyServices } from '../../../../testtools/made-verifiable.ts';

const first = 0x20n;

function keyOf(number: bigint, timeline = 1): string {
  return walKey(segmentName({ timeline, number }, segmentBytes));
}

/** A full backup, and `count` segments from its start on, with records that go from one into the next. */
async function makeArchive(count: number): Promise<Storage> {
  const storage = createMemoryStorage();
  await makeVerifiable(storage);
  await storage.delete([keyOf(0x40n)]);
  const wal = new MadeWal({ segmentBytes, first: Number(first) });
  while (wal.count < count) wal.add({ data: new Uint8Array(300_000) });
  wal.add(switchRecord);
  for (const [index, segment] of wal.segments().slice(0, count).entries()) {
    await put(storage, keyOf(first + BigInt(index)), segment);
  }
  return storage;
}

async function verify(storage: Storage, budgetBytes?: number, starts: readonly string[] = []) {
  const services = {
    ...verifyServices(plainTransport(storage)),
    budget: createBudget(budgetBytes),
    logger: silentLogger,
  };
  const backups = await followedBackups(storage, [fullName], {});
  return verifyWal(services, { backups, starts: new Set(starts), resume: budgetBytes !== undefined });
}

describe('verifying WAL', () => {
  it('proves all of it when nothing is wrong', async () => {
    const storage = await makeArchive(5);
    const report = await verify(storage);
    expect(report).toMatchObject({ status: 'proven', segments: { read: 5, total: 5 }, problems: [], round: undefined });
    expect(await readWalReport(storage)).toEqual(report);
  });

  it('finds a gap, a damaged record, and a segment that does not follow', async () => {
    const storage = await makeArchive(8);
    await storage.delete([keyOf(first + 6n)]);
    await damage(storage, keyOf(first + 1n), (bytes) => {
      bytes.writeUInt8(bytes.readUInt8(400_000) ^ 4, 400_000);
      return bytes;
    });
    const other = new MadeWal({ segmentBytes, first: Number(first + 4n) });
    other.add(switchRecord);
    await put(storage, keyOf(first + 4n), other.segments()[0] ?? new Uint8Array());
    const report = await verify(storage);
    const told = report?.problems.map(({ key, what }) => `${key}: ${what}`) ?? [];
    expect(report?.status).toBe('damaged');
    expect(told[0]).toMatch(/21: WAL cannot be read at 0\/21[0-9A-F]+: a record is damaged/);
    expect(told[1]).toMatch(/24: WAL segment does not continue the one before/);
    expect(told.at(-1)).toMatch(/26: is missing, and there is WAL behind it/);
  });

  it('takes the end of WAL that a retention left of an old backup for no damage', async () => {
    const storage = await makeArchive(8);
    await storage.delete([keyOf(first + 2n), keyOf(first + 3n)]);
    const next = segmentName({ timeline: 1, number: first + 4n }, segmentBytes);
    const report = await verify(storage, undefined, [next]);
    expect(report).toMatchObject({ status: 'proven', segments: { read: 2, total: 2 } });
    expect(report?.notes.join()).toContain('ends before "000000010000000000000022", and begins anew with a backup');
    expect((await verify(storage))?.status).toBe('damaged');
  });

  it('spends a budget run by run', async () => {
    const storage = await makeArchive(5);
    const read: string[] = [];
    for (let run = 1; run <= 3; run += 1) {
      const reading = faultyStorage(storage, () => undefined);
      const report = await verify(reading, 2 * segmentBytes);
      expect(report).toMatchObject({
        status: run < 3 ? 'partial' : 'proven',
        segments: { read: Math.min(2 * run, 5) },
      });
      for (const { verb, key } of reading.calls) if (verb === 'read' && /\/[0-9A-F]{24}$/.test(key)) read.push(key);
    }
    expect(read).toHaveLength(5);
    expect(new Set(read).size).toBe(5);
  });

  it('follows a switch to another timeline', async () => {
    const storage = await makeArchive(4);
    const onNext = new MadeWal({ segmentBytes, first: Number(first + 4n), timeline: 2 });
    onNext.add(switchRecord);
    await put(storage, keyOf(first + 4n, 2), onNext.segments()[0] ?? new Uint8Array());
    await put(storage, walKey('00000002.history'), Buffer.from('1\t0/2400000\tno recovery target specified\n'));
    expect(await verify(storage)).toMatchObject({ segments: { read: 5, total: 5 } });
  });

  it('does not call WAL damaged that is deleted together with its backup', async () => {
    const storage = await makeArchive(3);
    const deleting = faultyStorage(storage, ({ verb, key }) => {
      if (verb === 'read' && key === keyOf(first)) {
        void storage.delete([`basebackups_005/${fullName}_backup_stop_sentinel.json`, keyOf(first + 1n)]);
        void storage.delete([`${tarPartitionsFolder(fullName)}/part_001.tar`]);
      }
      return undefined;
    });
    expect(await verify(deleting)).toBeUndefined();
    expect(await readWalReport(storage)).toBeUndefined();
  });
});
