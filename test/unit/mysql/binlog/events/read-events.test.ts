import { describe, expect, it } from 'vitest';
import { collect, fromBytes, type ByteSource } from '../../../../../src/bytes/stage.ts';
import { BinlogEndsEarlyError, EncryptedBinlogError } from '../../../../../src/mysql/binlog/events/errors.ts';
import { eventTypes } from '../../../../../src/mysql/binlog/events/event.ts';
import { readEvents } from '../../../../../src/mysql/binlog/events/read-events.ts';
import { summarize, summarizing, type BinlogSummary } from '../../../../../src/mysql/binlog/events/summarize.ts';
import { readTransactions } from '../../../../../src/mysql/binlog/events/transactions.ts';
import {
  anonymousGtidEvent,
  madeBinlog,
  mariadbGtidEvent,
  mariadbGtidListEvent,
  mariadbTransaction,
  mysqlGtidEvent,
  previousGtidsEvent,
  queryEvent,
  rotateEvent,
  stopEvent,
  taggedGtidEvent,
  xidEvent,
  type MadeEvent,
} from '../../../../../testtools/binlog-events.ts';

const uuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const other = '4e11fa47-71ca-11e1-9e33-c80aa9429562';
const name = 'mysql-bin.000001';

// eslint-disable-next-line @typescript-eslint/require-await -- a source is asynchronous
async function* chunked(bytes: Uint8Array, size: number): ByteSource {
  // Lent, as storages do: one buffer for all chunks.
  const lent = new Uint8Array(size);
  for (let at = 0; at < bytes.length; at += size) {
    const piece = bytes.subarray(at, at + size);
    lent.set(piece);
    yield lent.subarray(0, piece.length);
  }
}

async function typesOf(bytes: Uint8Array, chunkBytes = bytes.length): Promise<[number, number, number][]> {
  const found: [number, number, number][] = [];
  for await (const { type, start, end } of readEvents(chunked(bytes, chunkBytes), { name }))
    found.push([type, start, end]);
  return found;
}

async function transactionsOf(events: readonly MadeEvent[], version = '8.0.35'): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const one of readTransactions(fromBytes(madeBinlog({ version, events })), { name })) {
    found.push([one.gtid, one.isComplete, one.end - one.start]);
  }
  return found;
}

const small = madeBinlog({
  events: [mariadbGtidListEvent('0-1-6'), ...mariadbTransaction('0-1-7'), rotateEvent('mysql-bin.000002')],
});

describe('readEvents', () => {
  it('finds the same events whatever the chunks', async () => {
    const whole = await typesOf(small);
    expect(whole.map(([type]) => type)).toEqual([15, 163, 162, 2, 16, 4]);
    expect(whole.at(0)?.[1]).toBe(4);
    expect(whole.at(-1)?.[2]).toBe(small.length);
    for (const size of [1, 2, 3, 7, 18, 19, 20, 64, 200]) expect(await typesOf(small, size)).toEqual(whole);
  });

  it('reads files without checksums, of old servers, and of one that is open', async () => {
    const events = [...mariadbTransaction('0-1-1'), stopEvent];
    for (const made of [
      { checksums: false },
      { version: '5.5.62', checksums: false },
      { inUse: true },
      { version: '8.4.0' },
    ]) {
      expect((await typesOf(madeBinlog({ ...made, events }), 31)).length).toBe(5);
    }
  });

  it('finds every flipped bit of a file with checksums', async () => {
    for (let at = 4; at < small.length; at += 1) {
      const damaged = Buffer.from(small);
      damaged.writeUInt8((damaged[at] ?? 0) ^ 0x10, at);
      await expect(typesOf(damaged, 50), `byte ${at}`).rejects.toThrow();
    }
  });

  it('names file and position', async () => {
    const damaged = Buffer.from(small);
    const [, , , query] = await typesOf(small);
    damaged.writeUInt8(1, (query?.[1] ?? 0) + 25);
    await expect(typesOf(damaged)).rejects.toThrow(`the event at ${query?.[1]} of "${name}" fails its checksum`);
    const wrongPlace = madeBinlog({ checksums: false, events: [queryEvent('BEGIN')] });
    wrongPlace.writeUInt32LE(99, wrongPlace.length - 19 - 6);
    await expect(typesOf(wrongPlace)).rejects.toThrow(/the event at \d+ of/);
  });

  it('tells a file that was cut off, and up to where it is whole', async () => {
    const ends = (await typesOf(small)).map(([, , end]) => end);
    for (let length = 0; length < small.length; length += 1) {
      const reading = typesOf(small.subarray(0, length), 40);
      if (ends.includes(length)) await expect(reading).resolves.toBeDefined();
      else await expect(reading).rejects.toThrow(BinlogEndsEarlyError);
    }
    const error: unknown = await typesOf(small.subarray(0, (ends.at(1) ?? 0) + 5)).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ position: ends.at(1) });
    const seen: number[] = [];
    const cut = { name, mayBeCut: true };
    for await (const { type } of readEvents(fromBytes(small.subarray(0, -1)), cut)) seen.push(type);
    expect(seen).toEqual([15, 163, 162, 2, 16]);
  });

  it('refuses what is no binary log, or encrypted', async () => {
    await expect(typesOf(Buffer.from('hello, world'))).rejects.toThrow(/is not a binary log/);
    await expect(typesOf(Buffer.from('\xfdbin…', 'latin1'))).rejects.toThrow(EncryptedBinlogError);
    const events = [{ type: eventTypes.mariadbStartEncryption, body: Buffer.alloc(17) }];
    await expect(typesOf(madeBinlog({ events }))).rejects.toThrow(EncryptedBinlogError);
    const headless = small.subarray((await typesOf(small)).at(0)?.[2]);
    await expect(typesOf(Buffer.concat([small.subarray(0, 4), headless]))).rejects.toThrow(/format description/);
  });

  it('keeps of a huge event only its beginning, and checks all of it', async () => {
    const huge = { type: eventTypes.appendBlock, body: Buffer.alloc(300_000, 'x') };
    const bytes = madeBinlog({ events: [huge, xidEvent()] });
    const lengths: [number, boolean][] = [];
    for await (const event of readEvents(chunked(bytes, 1000), { name, keptBytes: 100 })) {
      if (event.type === eventTypes.appendBlock) lengths.push([event.bytes.length, event.isWhole]);
    }
    expect(lengths).toEqual([[100, false]]);
    bytes.writeUInt8(1, 200_000);
    await expect(typesOf(bytes, 1000)).rejects.toThrow(/fails its checksum/);
  });

  it('goes on in the middle of a file', async () => {
    const [format, list, gtid] = await typesOf(small);
    const found: number[] = [];
    const from = {
      position: gtid?.[1] ?? 0,
      format: { serverVersion: '10.11.19-MariaDB', created: 0, hasChecksums: true, isInUse: false },
    };
    for await (const { start } of readEvents(fromBytes(small.subarray(from.position)), { name, from }))
      found.push(start);
    expect([format?.[1], list?.[1], ...found]).toEqual((await typesOf(small)).map(([, start]) => start));
  });
});

describe('readTransactions', () => {
  it('finds those of MariaDB, standalone ones and a cut one', async () => {
    const ddl = [mariadbGtidEvent('0-1-2', { standalone: true }), queryEvent('CREATE TABLE t (a INT)')];
    const cut = [mariadbGtidEvent('0-1-4'), queryEvent('INSERT INTO t VALUES (4)')];
    const rolledBack = [
      mariadbGtidEvent('0-1-3'),
      queryEvent('INSERT'),
      queryEvent('ROLLBACK TO `s`'),
      queryEvent('COMMIT'),
    ];
    const found = await transactionsOf(
      [...mariadbTransaction('0-1-1'), ...ddl, ...rolledBack, ...cut],
      '10.11.1-MariaDB',
    );
    expect(found.map((one) => (one as unknown[]).slice(0, 2))).toEqual([
      ['0-1-1', true],
      ['0-1-2', true],
      ['0-1-3', true],
      ['0-1-4', false],
    ]);
  });

  it('finds those of MySQL: rows, DDL, XA, compressed, tagged, without GTIDs', async () => {
    const begun = [queryEvent('BEGIN'), { type: eventTypes.tableMap, body: Buffer.alloc(20) }, xidEvent()];
    const payload = { type: eventTypes.transactionPayload, body: Buffer.alloc(100) };
    const prepare = { type: eventTypes.xaPrepare, body: Buffer.alloc(20) };
    const found = await transactionsOf([
      ...[mysqlGtidEvent(uuid, 1n, 5n), ...begun],
      ...[mysqlGtidEvent(uuid, 2n), queryEvent('CREATE TABLE t (a INT)')],
      ...[
        mysqlGtidEvent(uuid, 3n),
        queryEvent("XA START 'x'"),
        queryEvent('INSERT'),
        queryEvent("XA END 'x'"),
        prepare,
      ],
      ...[mysqlGtidEvent(uuid, 4n), queryEvent("XA COMMIT 'x'")],
      ...[mysqlGtidEvent(uuid, 5n), payload],
      ...[taggedGtidEvent(uuid, 'tag', 6n, 1_700_000_000_123_456n), ...begun],
      ...[anonymousGtidEvent(), ...begun],
      ...[
        queryEvent('BEGIN'),
        { type: eventTypes.intvar, body: Buffer.alloc(9) },
        queryEvent('INSERT'),
        queryEvent('COMMIT'),
      ],
      ...[{ type: eventTypes.intvar, body: Buffer.alloc(9) }, queryEvent('INSERT INTO myisam')],
    ]);
    expect(found.map((one) => (one as unknown[]).slice(0, 2))).toEqual([
      ...[1, 2, 3, 4, 5].map((number) => [`${uuid}:${number}`, true]),
      [`${uuid}:tag:6`, true],
      [undefined, true],
      [undefined, true],
      [undefined, true],
    ]);
  });

  it('gives the time of the commit where MySQL writes it', async () => {
    const micros = 1_700_000_000_123_456n;
    const large = 2n ** 40n + 5n;
    const events = [
      mysqlGtidEvent(uuid, 7n, micros),
      queryEvent('A'),
      taggedGtidEvent(uuid, 't', large, micros),
      queryEvent('B'),
    ];
    const found: unknown[] = [];
    for await (const one of readTransactions(fromBytes(madeBinlog({ version: '8.4.0', events })), { name })) {
      found.push([one.gtid, one.committedMicros, one.timestamp]);
    }
    expect(found).toEqual([
      [`${uuid}:7`, micros, 1_700_000_000],
      [`${uuid}:t:${large}`, micros, 1_700_000_000],
    ]);
  });
});

describe('summarize', () => {
  it('tells what a log of MariaDB begins after and ends with', async () => {
    const events = [
      mariadbGtidListEvent('1-1-3,0-2-9,0-1-6'),
      ...mariadbTransaction('0-1-7', 'INSERT', 1_700_000_050),
      ...mariadbTransaction('2-5-1'),
      rotateEvent('mysql-bin.000002'),
    ];
    const summary = await summarize(fromBytes(madeBinlog({ serverId: 5, events })), { name });
    expect({
      ...summary,
      previousGtids: summary.previousGtids?.toString(),
      endGtids: summary.endGtids?.toString(),
    }).toEqual({
      flavor: 'mariadb',
      serverId: 5,
      serverVersion: '10.11.19-MariaDB',
      created: 0,
      firstTimestamp: 1_700_000_000,
      lastTimestamp: 1_700_000_050,
      previousGtids: '0-1-6,1-1-3',
      endGtids: '0-1-7,1-1-3,2-5-1',
      closedBy: 'rotate',
      nextName: 'mysql-bin.000002',
      bytes: madeBinlog({ serverId: 5, events }).length,
      transactions: 2,
    });
  });

  it('tells the same of MySQL, with and without tags', async () => {
    const events = [
      previousGtidsEvent([
        {
          uuid,
          intervals: [
            [1n, 5n],
            [8n, 8n],
          ],
        },
        { uuid: other, intervals: [[1n, 2n]] },
      ]),
      ...[mysqlGtidEvent(uuid, 6n), queryEvent('A'), mysqlGtidEvent(uuid, 7n), queryEvent('B')],
      stopEvent,
    ];
    const summary = await summarize(fromBytes(madeBinlog({ version: '8.0.35', events, created: 9 })), { name });
    expect([summary.previousGtids, summary.endGtids].join(' ')).toBe(
      `${uuid}:1-5:8,${other}:1-2 ${uuid}:1-8,${other}:1-2`,
    );
    expect(summary).toMatchObject({
      flavor: 'mysql',
      closedBy: 'stop',
      nextName: undefined,
      created: 9,
      transactions: 2,
    });
    const tagged = [
      previousGtidsEvent([
        { uuid, intervals: [[1n, 5n]] },
        { uuid, tag: 'x', intervals: [[2n, 3n]] },
      ]),
    ];
    const open = await summarize(fromBytes(madeBinlog({ version: '8.4.0', events: tagged, inUse: true })), { name });
    expect(open.endGtids?.toString()).toBe(`${uuid}:1-5:x:2-3`);
    expect(open.closedBy).toBeUndefined();
  });

  it('passes the bytes on, and ends with what is wrong', async () => {
    let told: BinlogSummary | undefined;
    const stage = summarizing(name, (summary) => (told = summary));
    expect((await collect(stage(chunked(small, 33)))).equals(small)).toBe(true);
    expect(told?.transactions).toBe(1);
    await expect(collect(stage(fromBytes(small.subarray(0, -3))))).rejects.toThrow(/ends early/);
    const cut = await summarize(fromBytes(small.subarray(0, -3)), { name, mayBeCut: true });
    expect(cut.endGtids?.toString()).toBe('0-1-7');
    await expect(summarize(fromBytes(new Uint8Array(0)), { name, mayBeCut: true })).rejects.toThrow(/ends early/);
  });
});
