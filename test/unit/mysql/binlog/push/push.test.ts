import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { collect, fromBytes } from '../../../../../src/bytes/stage.ts';
import { noneCodec } from '../../../../../src/codecs/none.ts';
import { openCodec } from '../../../../../src/codecs/open.ts';
import { binlogKey, listBinlogs } from '../../../../../src/mysql/binlog/archive.ts';
import { binlogNamed, binlogNameOf } from '../../../../../src/mysql/binlog/binlog-name.ts';
import { BinlogConflictError } from '../../../../../src/mysql/binlog/push/archive-binlog.ts';
import { BinlogGapError, BinlogResetError } from '../../../../../src/mysql/binlog/push/errors.ts';
import { gtidNoteKey } from '../../../../../src/mysql/binlog/push/gtid-note.ts';
import { BinlogSequenceError } from '../../../../../src/mysql/binlog/push/neighbours.ts';
import { pushBinlogs, type BinlogPushOptions } from '../../../../../src/mysql/binlog/push/push.ts';
import { createMemoryStorage } from '../../../../../src/storage/memory/memory-storage.ts';
import type { Storage } from '../../../../../src/storage/storage.ts';
import {
  madeBinlog,
  mariadbGtidListEvent,
  mariadbTransaction,
  mysqlGtidEvent,
  previousGtidsEvent,
  queryEvent,
  rotateEvent,
  type MadeBinlog,
} from '../../../../../testtools/binlog-events.ts';
import { faultyStorage } from '../../../../../testtools/faulty-storage.ts';
import { recordingLogger } from '../../../../../testtools/recording-logger.ts';
import { temporaryDirectory } from '../../../../../testtools/temp.ts';

const uuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562';

/** A server's directory; each file has one transaction, the last one is open. */
class Rig implements AsyncDisposable {
  readonly storage = createMemoryStorage();
  readonly logger = recordingLogger();
  readonly directory: string;
  readonly #temp: AsyncDisposable;
  first = 1;
  last = 0;

  constructor(temp: AsyncDisposable & { readonly path: string }) {
    this.#temp = temp;
    this.directory = temp.path;
  }

  /** Writes files up to number `last`. */
  write(last: number, { server = 1, ...made }: Partial<MadeBinlog> & { readonly server?: number } = {}): void {
    for (let number = this.last + 1; number <= last; number += 1) {
      const previous = number === 1 ? '' : `0-${server}-${number - 1}`;
      const events = [mariadbGtidListEvent(previous), ...mariadbTransaction(`0-${server}-${number}`)];
      this.put(number, { serverId: server, events: [...events, rotateEvent(nameOf(number + 1))], ...made });
    }
    this.last = last;
  }

  put(number: number, made: MadeBinlog): void {
    writeFileSync(join(this.directory, nameOf(number)), madeBinlog(made));
  }

  /** As the server does: the first that is left is number `first`. */
  purge(first: number): void {
    for (let number = this.first; number < first; number += 1) rmSync(join(this.directory, nameOf(number)));
    this.first = first;
  }

  async push(options: Partial<BinlogPushOptions> & { readonly storage?: Storage } = {}): Promise<readonly string[]> {
    const { storage = this.storage } = options;
    const names = Array.from({ length: this.last - this.first + 1 }, (_none, index) =>
      binlogNameOf('b', this.first + index),
    );
    const { pushed } = await pushBinlogs({
      transport: { storage, codec: noneCodec, crypter: undefined },
      find: () => Promise.resolve({ directory: this.directory, names }),
      until: undefined,
      acceptGap: false,
      checkGtids: false,
      concurrency: 4,
      cachePath: join(this.directory, 'cache'),
      logger: this.logger,
      signal: new AbortController().signal,
      ...options,
    });
    return pushed.map(({ name }) => name);
  }

  async archived(): Promise<readonly number[]> {
    return (await listBinlogs(this.storage)).map(({ number }) => number);
  }

  warnings(): readonly string[] {
    return this.logger.records.filter(({ level }) => level === 'warn').map(({ message }) => message);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#temp[Symbol.asyncDispose]();
  }
}

const nameOf = (number: number): string => binlogNameOf('b', number).name;

async function rigOf(last: number): Promise<Rig> {
  const rig = new Rig(await temporaryDirectory());
  rig.write(last);
  return rig;
}

describe('pushBinlogs', () => {
  it('pushes what is closed and new, byte for byte, and notes the last one for WAL-G', async () => {
    await using rig = await rigOf(4);
    expect(await rig.push({ until: binlogNamed('b.000003') })).toEqual(['b.000001', 'b.000002']);
    expect(await rig.push()).toEqual(['b.000003']);
    expect(await rig.push()).toEqual([]);
    const stored = await collect(await rig.storage.read(binlogKey('b.000002')));
    expect(stored.equals(readFileSync(join(rig.directory, 'b.000002')))).toBe(true);
    expect(readFileSync(join(rig.directory, 'cache'), 'utf8')).toBe('{"LastArchivedBinlog":"b.000003"}');
  });

  it('refuses a bound of another base name', async () => {
    await using rig = await rigOf(3);
    await expect(rig.push({ until: binlogNamed('other.000003') })).rejects.toThrow(/no binary logs like/);
  });

  it('names what was purged before it was pushed', async () => {
    await using rig = await rigOf(3);
    await rig.push();
    rig.write(7);
    rig.purge(5);
    const error: unknown = await rig.push().catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(BinlogGapError);
    expect(error).toMatchObject({ first: 'b.000003', last: 'b.000004', kind: 'missing' });
    expect(await rig.push({ acceptGap: true })).toEqual(['b.000005', 'b.000006']);
    expect(await rig.push()).toEqual([]);
  });

  it('overwrites nothing when the server was reset', async () => {
    await using rig = await rigOf(6);
    await rig.push();
    rig.last = 0;
    rig.write(3, { timestamp: 1_800_000_000 });
    await expect(rig.push()).rejects.toThrow(BinlogConflictError);
    rig.last = 0;
    rig.write(9, { timestamp: 1_800_000_000 });
    await expect(rig.push()).rejects.toThrow(BinlogConflictError);
    expect(await rig.archived()).toEqual([1, 2, 3, 4, 5]);
  });

  it('tells an archive of a server that has come farther', async () => {
    await using rig = await rigOf(6);
    await rig.push();
    rig.last = 2;
    await expect(rig.push()).rejects.toThrow(BinlogResetError);
  });

  it('keeps what comes before a damaged log, and stores nothing of it or after it', async () => {
    await using rig = await rigOf(6);
    const path = join(rig.directory, nameOf(3));
    const bytes = readFileSync(path);
    bytes.writeUInt8(0xee, bytes.length - 46);
    writeFileSync(path, bytes);
    await expect(rig.push()).rejects.toThrow(/the event at \d+ of "b.000003" fails its checksum/);
    expect(await rig.archived()).toEqual([1, 2]);
    writeFileSync(path, bytes.subarray(0, bytes.length - 10));
    await expect(rig.push()).rejects.toThrow(/"b.000003"/);
    writeFileSync(path, '');
    await expect(rig.push()).rejects.toThrow(/"b.000003" ends early/);
    writeFileSync(path, 'something else');
    await expect(rig.push()).rejects.toThrow(/"b.000003" is not a binary log/);
    expect(await rig.archived()).toEqual([1, 2]);
  });

  it('waits for a log that is not closed, unless its server crashed', async () => {
    await using rig = await rigOf(1);
    const open = [mariadbGtidListEvent(''), ...mariadbTransaction('0-1-1')];
    rig.put(1, { events: open });
    rig.write(2, {});
    await expect(rig.push()).rejects.toThrow(/"b.000001" is not closed/);
    rig.put(2, { created: 1_700_000_100, events: [mariadbGtidListEvent('0-1-1'), rotateEvent(nameOf(3))] });
    writeFileSync(join(rig.directory, nameOf(1)), Buffer.concat([madeBinlog({ events: open }), Buffer.from('torn')]));
    expect(await rig.push()).toEqual(['b.000001']);
    expect(rig.warnings()).toEqual(['binary log ends in the midst of an event, where its server crashed']);
  });

  it('refuses logs that do not follow one another', async () => {
    await using rig = await rigOf(4);
    rig.put(3, { events: [mariadbGtidListEvent('0-1-7'), ...mariadbTransaction('0-1-8'), rotateEvent(nameOf(4))] });
    await expect(rig.push()).rejects.toThrow(BinlogSequenceError);
    expect(await rig.archived()).toEqual([1]);
    rig.put(3, { events: [mariadbGtidListEvent('0-1-2'), ...mariadbTransaction('0-1-3'), rotateEvent('b.000007')] });
    await expect(rig.push()).rejects.toThrow(/says that "b.000007" follows it/);
    expect(await rig.push({ acceptGap: true })).toEqual(['b.000003']);
    expect(rig.warnings().length).toBe(1);
  });

  it('compares with the archive when the server has purged what it pushed', async () => {
    await using rig = await rigOf(3);
    await rig.push();
    rig.write(4);
    rig.purge(3);
    expect(await rig.push()).toEqual(['b.000003']);
    // Another life of the server, which has just come to the same number.
    rig.put(4, {
      serverId: 9,
      events: [mariadbGtidListEvent('0-9-1'), ...mariadbTransaction('0-9-2'), rotateEvent(nameOf(5))],
    });
    rig.last = 4;
    rig.write(5);
    rig.purge(4);
    await expect(rig.push()).rejects.toThrow(/"b.000004" does not follow "b.000003"/);
  });

  it('goes on over a new server id when the GTIDs do', async () => {
    await using rig = await rigOf(2);
    const events = [mariadbGtidListEvent('0-1-1'), ...mariadbTransaction('0-1-2'), rotateEvent(nameOf(3))];
    rig.put(2, { serverId: 2, events });
    rig.put(3, { serverId: 2, events: [mariadbGtidListEvent('0-1-2')] });
    rig.last = 3;
    expect(await rig.push()).toEqual(['b.000001', 'b.000002']);
  });

  it('fills a gap that a killed run left', async () => {
    await using rig = await rigOf(6);
    await rig.push();
    await rig.storage.delete([binlogKey(nameOf(3))]);
    expect(await rig.push()).toEqual(['b.000003']);
    const times = (await listBinlogs(rig.storage)).map(({ modified }) => modified.getTime());
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  it('fills it also when the codec has been changed since', async () => {
    await using rig = await rigOf(6);
    await rig.push();
    await rig.storage.delete([binlogKey(nameOf(3))]);
    const transport = { storage: rig.storage, codec: await openCodec('lz4'), crypter: undefined };
    expect(await rig.push({ transport })).toEqual(['b.000003']);
    expect((await listBinlogs(rig.storage)).map(({ key }) => key.slice(-4))).toEqual([
      ...['0001', '0002'],
      ...['.lz4', '.lz4', '.lz4'],
    ]);
  });

  it('stores nothing after what the storage did not take', async () => {
    await using rig = await rigOf(9);
    const full = new Error('no space');
    const storage = faultyStorage(rig.storage, ({ verb, key }) =>
      verb === 'write' && key === binlogKey(nameOf(4)) ? { error: full } : undefined,
    );
    await expect(rig.push({ storage })).rejects.toThrow(full);
    expect(await rig.archived()).toEqual([1, 2, 3]);
    expect(await rig.push()).toEqual([4, 5, 6, 7, 8].map(nameOf));
  });

  it('sends them in order to a storage where nothing can be held back, and fills what a failure left open', async () => {
    await using rig = await rigOf(12);
    const remote = Object.assign(createMemoryStorage(), { isRemote: true });
    const written: string[] = [];
    let fails = true;
    const storage = faultyStorage(remote, ({ verb, key }) => {
      if (verb === 'write') written.push(key);
      return verb === 'write' && fails && key === binlogKey(nameOf(3)) ? { error: new Error('no space') } : undefined;
    });
    await expect(rig.push({ storage: Object.assign(storage, { isRemote: true }) })).rejects.toThrow('no space');
    expect(written).toEqual(written.toSorted());
    fails = false;
    const left = await rig.push({ storage });
    expect(left[0]).toBe(nameOf(3));
    expect((await listBinlogs(remote)).map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    const times = (await listBinlogs(remote)).map(({ modified }) => modified.getTime());
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  it('takes a log for the same that --follow archived without the mark of a crash', async () => {
    await using rig = await rigOf(3);
    const path = join(rig.directory, nameOf(2));
    const bytes = readFileSync(path);
    await rig.storage.write(binlogKey(nameOf(1)), fromBytes(readFileSync(join(rig.directory, nameOf(1)))));
    await rig.storage.write(binlogKey(nameOf(2)), fromBytes(bytes));
    bytes.writeUInt8(1, 21);
    writeFileSync(path, bytes);
    rig.write(4);
    expect(await rig.push()).toEqual(['b.000003']);
  });

  it('is safe to run several times at once', async () => {
    await using rig = await rigOf(12);
    const runs = await Promise.all([rig.push(), rig.push(), rig.push()]);
    expect(runs.flat().sort()).toEqual(Array.from({ length: 11 }, (_none, index) => nameOf(index + 1)));
  });

  it('archives encrypted logs, which it cannot check, and says so', async () => {
    await using rig = await rigOf(2);
    writeFileSync(join(rig.directory, nameOf(1)), Buffer.from('\xfdbin and then noise', 'latin1'));
    expect(await rig.push()).toEqual(['b.000001']);
    expect(rig.warnings().join()).toMatch(/encrypted by its server/);
  });
});

describe('WALG_MYSQL_CHECK_GTIDS', () => {
  const noteOf = async (rig: Rig): Promise<string> => (await collect(await rig.storage.read(gtidNoteKey))).toString();

  it('notes what is archived of MariaDB, and leaves out what another server has archived', async () => {
    await using rig = await rigOf(4);
    await rig.storage.write(gtidNoteKey, fromBytes(Buffer.from('{"GtidArchived":"0-7-2,1-1-1"}')));
    expect(await rig.push({ checkGtids: true })).toEqual(['b.000003']);
    expect(await noteOf(rig)).toBe('{"GtidArchived":"0-1-3,1-1-1"}');
    rig.write(5);
    expect(await rig.push({ checkGtids: true })).toEqual(['b.000004']);
  });

  it('pushes a log without transactions when its predecessor is archived', async () => {
    await using rig = await rigOf(2);
    rig.put(2, { events: [mariadbGtidListEvent('0-1-1'), rotateEvent(nameOf(3))] });
    rig.put(3, { events: [mariadbGtidListEvent('0-1-1')] });
    await rig.push({ checkGtids: true });
    rig.last = 3;
    expect(await rig.push({ checkGtids: true })).toEqual(['b.000002']);
  });

  it('does the same of MySQL', async () => {
    await using rig = await rigOf(0);
    for (const number of [1, 2, 3, 4]) {
      const before = number === 1 ? [] : [{ uuid, intervals: [[1n, BigInt(number - 1)] as const] }];
      const events = [previousGtidsEvent(before), mysqlGtidEvent(uuid, BigInt(number)), queryEvent('A')];
      rig.put(number, { version: '8.0.35', events: [...events, rotateEvent(nameOf(number + 1))] });
    }
    rig.last = 4;
    await rig.storage.write(gtidNoteKey, fromBytes(Buffer.from(`{"GtidArchived":"${uuid}:1"}`)));
    expect(await rig.push({ checkGtids: true })).toEqual(['b.000002', 'b.000003']);
    expect(await noteOf(rig)).toBe(`{"GtidArchived":"${uuid}:1-3"}`);
  });

  it('begins anew when the note cannot be understood', async () => {
    await using rig = await rigOf(2);
    await rig.storage.write(gtidNoteKey, fromBytes(Buffer.from('{"GtidArchived":"what"}')));
    expect(await rig.push({ checkGtids: true })).toEqual(['b.000001']);
    expect(rig.warnings().join()).toMatch(/cannot understand which GTIDs are archived/);
  });
});
