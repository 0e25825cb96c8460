import { describe, expect, it } from 'vitest';
import { collect, fromBytes, type ByteSource } from '../../../../src/bytes/stage.ts';
import { zeroTimeNs } from '../../../../src/catalog/time.ts';
import { ArchiverError, CorruptError } from '../../../../src/errors.ts';
import { listBackupRecords, readSentinel, selectBackup } from '../../../../src/mysql/backup/backup-record.ts';
import { addJournal, readJournals, removeJournal } from '../../../../src/mysql/backup/journal.ts';
import { readPositionNote, readStartPosition } from '../../../../src/mysql/backup/position-note.ts';
import { pushMysqlStream, type StreamPushOptions } from '../../../../src/mysql/backup/push.ts';
import { setPermanence } from '../../../../src/mysql/backup/permanence.ts';
import type { ServerFacts } from '../../../../src/mysql/backup/server-facts.ts';
import type { MysqlServer } from '../../../../src/mysql/server/server.ts';
import { silentLogger } from '../../../../src/platform/logger.ts';
import { createMemoryStorage } from '../../../../src/storage/memory/memory-storage.ts';
import type { Storage } from '../../../../src/storage/storage.ts';
import { fakeClock } from '../../../../testtools/fake-clock.ts';
import { plainTransport } from '../../../../testtools/made-backup.ts';
import { madeXbstream, madeXtrabackup } from '../../../../testtools/made-xbstream.ts';
import { recordingLogger } from '../../../../testtools/recording-logger.ts';

const facts: ServerFacts = {
  flavor: 'mariadb',
  version: '10.11.19-MariaDB-log',
  serverUuid: undefined,
  serverId: 7,
  active: { name: 'mysql-bin.000017', position: 900, gtid: '0-7-3' },
};

function serverAt(position: number): StreamPushOptions['server'] {
  const server = {
    activeBinlog: () => Promise.resolve({ name: 'mysql-bin.000017', position, gtid: '0-7-3' }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  } as unknown as MysqlServer;
  return { facts, access: () => Promise.resolve(server) };
}

function optionsFor(storage: Storage, bytes: Uint8Array | ByteSource): StreamPushOptions {
  return {
    transport: plainTransport(storage),
    layout: { kind: 'single' },
    source: bytes instanceof Uint8Array ? fromBytes(bytes) : bytes,
    what: 'the create command',
    tool: undefined,
    server: serverAt(900),
    hostname: 'db1',
    userData: undefined,
    isPermanent: false,
    clock: fakeClock(),
    logger: silentLogger,
    signal: new AbortController().signal,
  };
}

async function keysOf(storage: Storage): Promise<string[]> {
  const keys: string[] = [];
  for await (const entry of storage.list('', { recursive: true })) if (entry.kind === 'object') keys.push(entry.key);
  return keys;
}

describe('a stream that is pushed as a backup', () => {
  it('of XtraBackup has its position and LSNs from the stream', async () => {
    const storage = createMemoryStorage();
    const stream = madeXtrabackup({ to: 9007199254740993n });
    const { name, sentinel } = await pushMysqlStream({ ...optionsFor(storage, stream), userData: { b: 1, a: '<' } });
    expect(name).toBe('stream_20261121T030458Z');
    expect(await keysOf(storage)).toEqual([
      `basebackups_005/${name}/stream`,
      `basebackups_005/${name}/walvault_position.json`,
      `basebackups_005/${name}_backup_stop_sentinel.json`,
    ]);
    expect(await readSentinel(storage, name)).toEqual(sentinel);
    expect(sentinel).toMatchObject({
      kind: 'full',
      tool: 'xtrabackup',
      binlogStart: 'mysql-bin.000018',
      toLsn: 9007199254740993n,
      uncompressedBytes: stream.length,
      serverVersion: facts.version,
      serverOs: process.platform,
    });
    expect((await readPositionNote(storage, name))?.position).toEqual({
      flavor: 'mariadb',
      binlog: 'mysql-bin.000018',
      position: 428,
      gtid: '0-11-26',
      serverId: 7,
      source: 'xtrabackup_binlog_info',
      isExact: true,
    });
    expect((await collect(await storage.read(`basebackups_005/${name}/stream`))).equals(stream)).toBe(true);
  });

  it('of nothing that tells has the server’s position, exact only when nothing was written meanwhile', async () => {
    for (const [end, isExact] of [
      [900, true],
      [901, false],
    ] as const) {
      const storage = createMemoryStorage();
      const { name, sentinel } = await pushMysqlStream({
        ...optionsFor(storage, Buffer.from('x')),
        server: serverAt(end),
      });
      expect(sentinel).toMatchObject({ tool: 'unspecified', binlogStart: 'mysql-bin.000017', toLsn: undefined });
      const note = await readPositionNote(storage, name);
      expect(note?.position).toMatchObject({ binlog: 'mysql-bin.000017', position: 900, source: 'server', isExact });
    }
  });

  it('that may have begun before the server was asked has all of its binlog to come', async () => {
    const storage = createMemoryStorage();
    const { name } = await pushMysqlStream({ ...optionsFor(storage, Buffer.from('x')), beganBefore: true });
    const note = await readPositionNote(storage, name);
    expect(note?.position).toMatchObject({ binlog: 'mysql-bin.000017', position: 4, gtid: undefined, isExact: false });
  });

  it('without any server says nothing of one', async () => {
    const storage = createMemoryStorage();
    const { name, sentinel } = await pushMysqlStream({
      ...optionsFor(storage, madeXtrabackup()),
      server: undefined,
      tool: 'unspecified',
    });
    expect(sentinel).toMatchObject({
      tool: 'unspecified',
      serverUuid: undefined,
      toLsn: undefined,
      fromLsn: undefined,
    });
    expect(
      await readStartPosition(plainTransport(storage), { name, sentinel }, { logger: silentLogger }),
    ).toMatchObject({
      binlog: 'mysql-bin.000018',
      serverId: undefined,
    });
  });

  it.each([
    ['cut off', madeXtrabackup().subarray(0, 60_000), 'it ends in the middle of a chunk of "ibdata1"'],
    ['without its end', madeXbstream({ ibdata1: 'x' }), 'it has no xtrabackup_checkpoints'],
    ['damaged', Buffer.from(madeXtrabackup()).fill(1, 200, 201), 'a wrong checksum of "ibdata1"'],
    ['empty', Buffer.alloc(0), 'nothing came from the create command'],
    ['a cut dump', Buffer.from('-- MySQL dump 10.13\nCREATE TABLE t;\n'), 'ends too early'],
  ])('that is %s leaves nothing', async (_, bytes, message) => {
    const storage = createMemoryStorage();
    const pushing = pushMysqlStream(optionsFor(storage, bytes));
    await expect(pushing).rejects.toThrow(message);
    await expect(pushing).rejects.toBeInstanceOf(CorruptError);
    expect(await keysOf(storage)).toEqual([]);
  });

  it('that is cut is kept when that is wanted', async () => {
    const logger = recordingLogger();
    const storage = createMemoryStorage();
    const bytes = madeXtrabackup().subarray(0, 60_000);
    await pushMysqlStream({ ...optionsFor(storage, bytes), allowIncomplete: true, logger });
    expect(logger.records).toContainEqual(
      expect.objectContaining({ level: 'warn', message: 'the stream is not whole' }),
    );
  });

  it('whose producer fails leaves nothing', async () => {
    const storage = createMemoryStorage();
    // eslint-disable-next-line @typescript-eslint/require-await -- a source is what is needed
    async function* failing(): ByteSource {
      yield madeXtrabackup();
      throw new ArchiverError('unavailable', 'command failed');
    }
    await expect(pushMysqlStream(optionsFor(storage, failing()))).rejects.toThrow('command failed');
    expect(await keysOf(storage)).toEqual([]);
  });
});

describe('an increment', () => {
  const parent = 'stream_20261121T030458Z';

  async function pushed(
    from: number,
    more: Partial<StreamPushOptions> = {},
    to = 2000,
  ): Promise<readonly [Storage, string]> {
    const storage = createMemoryStorage();
    await pushMysqlStream(optionsFor(storage, madeXtrabackup({ to: 1000 })));
    const chain = [{ backup: parent, sentinel: await readSentinel(storage, parent) }];
    const base = { name: parent, lsn: 1000n, root: parent, steps: 1, chain };
    const { name } = await pushMysqlStream({
      ...optionsFor(storage, madeXtrabackup({ from, to })),
      ...{ base, ...more },
    });
    return [storage, name];
  }

  it('says what it builds on, and makes that permanent with it', async () => {
    const [storage, name] = await pushed(1000, { isPermanent: true });
    expect(name).toBe('stream_20261121T030459Z');
    expect(await readSentinel(storage, name)).toMatchObject({
      kind: 'increment',
      ...{ parent, root: parent, steps: 1, fromLsn: 1000n, toLsn: 2000n, isPermanent: true },
    });
    expect((await readSentinel(storage, parent)).isPermanent).toBe(true);
  });

  it('that became a full backup is one', async () => {
    const [storage, name] = await pushed(0);
    expect(await readSentinel(storage, name)).toMatchObject({ kind: 'full', toLsn: 2000n });
  });

  it('that lacks pages, or that nobody asked for, is refused', async () => {
    await expect(pushed(1001)).rejects.toThrow('an increment from LSN 1001, and one from LSN 1000 was asked for');
    await expect(pushed(5, { base: undefined })).rejects.toThrow('and a full backup was asked for');
    await expect(pushed(1000, {}, 999)).rejects.toThrow('ends at LSN 999, before LSN 1000');
  });
});

describe('backups of MySQL', () => {
  it('are in order of their completion, whatever is rewritten, and found by user data', async () => {
    const clock = fakeClock();
    const storage = createMemoryStorage(clock);
    const push = async (n: number) => {
      const { name } = await pushMysqlStream({ ...optionsFor(storage, Buffer.from('x')), clock, userData: { n } });
      clock.advance(60_000);
      return name;
    };
    const [first, second] = [await push(1), await push(2)];
    expect(await setPermanence(storage, first, { isPermanent: true })).toBe(true);
    expect(await setPermanence(storage, first, { isPermanent: true })).toBe(false);
    await storage.write('basebackups_005/bad_backup_stop_sentinel.json', fromBytes(Buffer.from('{')));
    const records = await listBackupRecords(storage, { clock });
    expect(records.map(({ name, sentinel }) => [name, sentinel?.isPermanent])).toEqual([
      [first, true],
      [second, false],
      ['bad', undefined],
    ]);
    expect((await selectBackup(storage, { by: 'userData', userData: { n: 1 } }, { clock })).name).toBe(first);
  });

  it('have journals that a removal leaves right', async () => {
    const clock = fakeClock(new Date('2026-01-01T00:00:00Z'));
    const storage = createMemoryStorage(clock);
    const options = { logger: silentLogger };
    const names = ['stream_20260101T000000Z', 'stream_20260101T000100Z', 'stream_20260101T000200Z'];
    for (const [index, backup] of names.entries()) {
      const text = 'x'.repeat(index + 1);
      await storage.write(`binlog_005/mysql-bin.00000${index + 1}.lz4`, fromBytes(Buffer.from(text)));
      await addJournal(storage, { backup, stopTime: BigInt(clock.now().getTime()) * 1_000_000n }, options);
      clock.advance(60_000);
    }
    const state = async () => (await readJournals(storage)).map(({ backup, bytesToNext }) => [backup, bytesToNext]);
    expect(await state()).toEqual([
      [names[0], 2],
      [names[1], 3],
      [names[2], 0],
    ]);
    await removeJournal(storage, names[1] ?? '', options);
    expect(await state()).toEqual([
      [names[0], 5],
      [names[2], 0],
    ]);
    await removeJournal(storage, names[0] ?? '', options);
    expect(await readJournals(storage)).toMatchObject([{ backup: names[2], priorEnd: zeroTimeNs }]);
  });
});

describe('the start position of a backup by WAL-G', () => {
  it('is found in its stream, or is the beginning of the binlog that it names', async () => {
    const storage = createMemoryStorage();
    const transport = plainTransport(storage);
    const logger = recordingLogger();
    await storage.write('basebackups_005/a/stream', fromBytes(madeXtrabackup()));
    const found = await readStartPosition(transport, { name: 'a', sentinel: { binlogStart: 'b.000001' } }, { logger });
    expect(found).toMatchObject({ binlog: 'mysql-bin.000018', position: 428, isExact: true });
    expect(logger.records.map(({ level }) => level)).toEqual(['info']);
    await storage.write('basebackups_005/b/stream', fromBytes(Buffer.from('something else')));
    const named = { name: 'b', sentinel: { binlogStart: 'b.000001' } };
    expect(await readStartPosition(transport, named, { logger })).toMatchObject({
      ...{ binlog: 'b.000001', position: 4, source: 'sentinel', isExact: false },
    });
    const silent = { name: 'b', sentinel: { binlogStart: undefined } };
    expect(await readStartPosition(transport, silent, { logger })).toBeUndefined();
  });

  it('is looked for no longer than it may come', async () => {
    const coordinates = "CHANGE MASTER TO MASTER_LOG_FILE='b.000001', MASTER_LOG_POS=99;\n";
    const gtid = "SET GLOBAL gtid_slave_pos='0-1-6';\n";
    for (const [head, isReadOn] of [
      ['something else', false],
      ['-- MariaDB dump 10.19\nCREATE TABLE t;\n', false],
      [`-- MySQL dump 10.13\n${gtid}${coordinates}CREATE TABLE t;\n`, false],
      [`-- MariaDB dump 10.19\n${coordinates}CREATE TABLE t;\n`, true],
    ] as const) {
      const storage = createMemoryStorage();
      const rows = Buffer.alloc(2_000_000, 'x');
      const dump = Buffer.concat([Buffer.from(head), rows, Buffer.from(`\n${gtid}-- Dump completed`)]);
      await storage.write('basebackups_005/a/stream', fromBytes(dump));
      const transport = plainTransport(slicing(storage));
      const reading = { name: 'a', sentinel: { binlogStart: undefined } };
      const found = await readStartPosition(transport, reading, { logger: silentLogger });
      expect(transport.storage.location, head).toBe(isReadOn ? 'read to its end' : 'memory');
      expect(found?.gtid, head).toBe(head.includes(coordinates) ? '0-1-6' : undefined);
    }
  });
});

/** Reads in pieces, and says in its location when everything was read. */
function slicing(storage: Storage): Storage {
  let location = 'memory';
  return {
    ...storage,
    get location() {
      return location;
    },
    list: (prefix, options) => storage.list(prefix, options),
    stat: (key, options) => storage.stat(key, options),
    async read(key, options) {
      const bytes = await collect(await storage.read(key, options));
      // eslint-disable-next-line @typescript-eslint/require-await -- a source is what is needed
      return (async function* () {
        for (let at = 0; at < bytes.length; at += 65536) yield bytes.subarray(at, at + 65536);
        if (key.endsWith('/stream')) location = 'read to its end';
      })();
    },
  };
}
