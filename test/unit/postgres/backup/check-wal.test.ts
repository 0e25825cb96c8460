import { beforeEach, describe, expect, it } from 'vitest';
import { fromBytes } from '../../../../src/bytes/stage.ts';
import { noneCodec } from '../../../../src/codecs/none.ts';
import type { Transport } from '../../../../src/pipeline/transport.ts';
import { silentLogger, type Logger } from '../../../../src/platform/logger.ts';
import { checkWal, type StoppedBackup } from '../../../../src/postgres/backup/check-wal.ts';
import { segmentsOf } from '../../../../src/postgres/backup/wal-coverage.ts';
import { parseLsn } from '../../../../src/postgres/lsn.ts';
import { createMemoryStorage } from '../../../../src/storage/memory/memory-storage.ts';
import { fakeClock, type FakeClock } from '../../../../testtools/fake-clock.ts';

const mebibyte = 1024 * 1024;
const signal = new AbortController().signal;

describe('the WAL of a backup', () => {
  it('is every segment from the start to the stop', () => {
    const range = { timeline: 2, segmentBytes: 16 * mebibyte };
    const names = segmentsOf({ start: parseLsn('0/FE000028'), end: parseLsn('1/100'), ...range });
    expect(names).toEqual(['0000000200000000000000FE', '0000000200000000000000FF', '000000020000000100000000']);
  });

  it('does not reach into a segment whose first byte is just behind its end', () => {
    const range = { timeline: 1, segmentBytes: 16 * mebibyte };
    const names = segmentsOf({ start: parseLsn('0/2000028'), end: parseLsn('0/3000000'), ...range });
    expect(names).toEqual(['000000010000000000000002']);
  });
});

describe('checking the WAL of a backup', () => {
  let transport: Transport;
  let clock: FakeClock;
  let warned: string[];
  let logger: Logger;

  beforeEach(() => {
    transport = { storage: createMemoryStorage(), codec: noneCodec, crypter: undefined };
    clock = fakeClock();
    warned = [];
    logger = { ...silentLogger, warn: (message) => warned.push(message) };
  });

  function stopped(archiving: boolean, inRecovery = false): StoppedBackup {
    return {
      session: { startLsn: parseLsn('0/2000028'), timeline: 1, signal, inRecovery },
      end: { lsn: parseLsn('0/3000100') },
      server: {
        segmentBytes: 16 * mebibyte,
        archiving: { mode: archiving ? 'on' : 'off', command: 'true', library: '', active: archiving },
      },
    };
  }

  async function archive(...names: readonly string[]): Promise<void> {
    for (const name of names) await transport.storage.write(`wal_005/${name}`, fromBytes(Buffer.from('wal')));
  }

  it('says nothing when all of it is there, whatever codec it was written with', async () => {
    await archive('000000010000000000000002.lz4', '000000010000000000000003');
    await checkWal(transport, stopped(true), { clock, logger, walWaitTimeoutMs: 60_000, requireWal: true });
    expect(warned).toEqual([]);
    expect(clock.sleeps).toEqual([]);
  });

  it('waits for WAL that comes late', async () => {
    await archive('000000010000000000000002');
    const slow: Transport = {
      ...transport,
      storage: {
        ...transport.storage,
        async stat(key, options) {
          if (clock.sleeps.length === 3) await archive('000000010000000000000003');
          return transport.storage.stat(key, options);
        },
      },
    };
    await checkWal(slow, stopped(true), { clock, logger, walWaitTimeoutMs: 60_000, requireWal: false });
    expect(warned).toEqual([]);
    expect(clock.sleeps).toHaveLength(3);
  });

  it('warns, naming what is missing, when the time is up', async () => {
    await archive('000000010000000000000002');
    await checkWal(transport, stopped(true), { clock, logger, walWaitTimeoutMs: 60_000, requireWal: false });
    expect(warned).toHaveLength(1);
    expect(warned[0]).toContain('1 of 2 segments');
    expect(warned[0]).toContain('000000010000000000000003');
    expect(warned[0]).toContain('archive_command');
    expect(clock.sleeps.reduce((sum, ms) => sum + ms, 0)).toBe(60_000);
  });

  it('fails when the WAL is required', async () => {
    const demand = { clock, logger, walWaitTimeoutMs: 1000, requireWal: true };
    await expect(checkWal(transport, stopped(false), demand)).rejects.toMatchObject({ kind: 'missing' });
    expect(clock.sleeps.reduce((sum, ms) => sum + ms, 0)).toBe(1000);
  });

  it('looks once and says that nobody archives where archiving is off', async () => {
    await checkWal(transport, stopped(false), { clock, logger, walWaitTimeoutMs: 60_000, requireWal: false });
    expect(warned[0]).toContain('Nobody archives');
    expect(clock.sleeps).toEqual([]);
  });

  it('tells a standby to look at its primary', async () => {
    await checkWal(transport, stopped(false, true), { clock, logger, walWaitTimeoutMs: 10, requireWal: false });
    expect(warned[0]).toContain('pg_switch_wal()');
  });
});
