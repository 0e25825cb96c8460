import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { crc32c } from '../../../../src/bytes/crc32c.ts';
import { fromBytes } from '../../../../src/bytes/stage.ts';
import { noneCodec } from '../../../../src/codecs/none.ts';
import { systemClock } from '../../../../src/platform/clock.ts';
import { restoreWal } from '../../../../src/postgres/wal-restore/restore-wal.ts';
import { createMemoryStorage } from '../../../../src/storage/memory/memory-storage.ts';
import type { Storage } from '../../../../src/storage/storage.ts';
import { recordingLogger } from '../../../../testtools/recording-logger.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../../../testtools/temp.ts';
import { madeControlFile, makeDataDirectory, makeSegment } from '../../../../testtools/wal.ts';

let directory: TemporaryDirectory;
let memory: Storage;
let sourceWal: string;
const name = (timeline: number, number: number): string =>
  `0000000${timeline}00000000${number.toString(16).toUpperCase().padStart(8, '0')}`;

function writeControl(dataDirectory: string, timeline: number, system?: bigint): void {
  const control = Buffer.from(madeControlFile);
  control.writeUInt32LE(timeline, 48);
  // The redo position, in segment 6.
  control.writeBigUInt64LE(0x600028n, 40);
  if (system !== undefined) control.writeBigUInt64LE(system, 0);
  control.writeUInt32LE(crc32c(control.subarray(0, 288)), 288);
  writeFileSync(join(dataDirectory, 'global/pg_control'), control);
}

beforeEach(async () => {
  directory = await temporaryDirectory();
  memory = createMemoryStorage();
  makeDataDirectory(join(directory.path, 'old'));
  sourceWal = makeDataDirectory(join(directory.path, 'new'));
  writeControl(join(directory.path, 'old'), 1);
  writeControl(join(directory.path, 'new'), 2);
  writeFileSync(join(sourceWal, '00000002.history'), '1\t0/300100\tno recovery target specified\n');
});
afterEach(() => directory[Symbol.asyncDispose]());

async function restore(logger = recordingLogger()) {
  return restoreWal({
    target: 'old',
    source: 'new',
    transport: { storage: memory, codec: noneCodec, crypter: undefined },
    concurrency: 2,
    retryBudgetMs: 0,
    cwd: directory.path,
    clock: systemClock,
    logger,
    signal: new AbortController().signal,
  });
}

describe('wal-restore', () => {
  it('brings back what the new primary has removed since the old one parted from it', async () => {
    writeFileSync(join(sourceWal, name(2, 5)), 'own');
    for (const number of [3, 4, 5, 6]) {
      await memory.write(`wal_005/${name(2, number)}`, fromBytes(makeSegment(name(2, number))));
    }
    await memory.delete([`wal_005/${name(2, 4)}`]);
    const logger = recordingLogger();
    expect(await restore(logger)).toEqual({ restored: [name(2, 6), name(2, 3)], absent: [name(2, 4)] });
    expect(readFileSync(join(sourceWal, name(2, 3))).equals(makeSegment(name(2, 3)))).toBe(true);
    expect(readFileSync(join(sourceWal, name(2, 5)), 'utf8')).toBe('own');
    expect(existsSync(join(sourceWal, name(2, 4)))).toBe(false);
    expect(logger.records.some(({ message }) => message.includes('not in the archive either'))).toBe(true);
    expect((await restore()).restored).toEqual([]);
  });

  it('refuses clusters that did not part from each other', async () => {
    writeControl(join(directory.path, 'old'), 1, 7n);
    await expect(restore()).rejects.toMatchObject({ kind: 'config' });
    writeControl(join(directory.path, 'old'), 2);
    writeFileSync(join(directory.path, 'old/pg_wal/00000002.history'), '1\t0/300100\tx\n');
    await expect(restore()).rejects.toThrow('both clusters are on timeline 2');
  });

  it('says which file is missing', async () => {
    rmSync(join(sourceWal, '00000002.history'));
    await expect(restore()).rejects.toThrow('has no file "00000002.history"');
    rmSync(join(directory.path, 'new/global/pg_control'));
    await expect(restore()).rejects.toThrow('new/global/pg_control"');
    rmSync(sourceWal, { recursive: true });
    await expect(restore()).rejects.toMatchObject({ kind: 'missing' });
  });
});
