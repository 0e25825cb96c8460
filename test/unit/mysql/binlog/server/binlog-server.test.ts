import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { EventStream } from '../../../../../src/mysql/binlog/follow/event-stream.ts';
import { eventTypes } from '../../../../../src/mysql/binlog/events/event.ts';
import { planRange } from '../../../../../src/mysql/binlog/range/plan.ts';
import { parseTarget } from '../../../../../src/mysql/binlog/range/target.ts';
import { serveBinlogs } from '../../../../../src/mysql/binlog/server/binlog-server.ts';
import { reachServer } from '../../../../../src/mysql/server/connect.ts';
import { parseDatasource } from '../../../../../src/mysql/server/datasource.ts';
import { isEndPacket, PacketLine, parseErrorPacket } from '../../../../../src/mysql/server/packets.ts';
import type { MysqlServer } from '../../../../../src/mysql/server/server.ts';
import { systemClock } from '../../../../../src/platform/clock.ts';
import { silentLogger } from '../../../../../src/platform/logger.ts';
import { makeBinlogArchive, type MadeBinlogArchive } from '../../../../../testtools/made-binlog-archive.ts';

const uuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const logger = silentLogger;
const stops: AbortController[] = [];

/** What a replica of MySQL is served by; a real one could not be had. */
async function serve(archive: MadeBinlogArchive, { until = '', executed = `${uuid}:1-5` } = {}) {
  const stop = new AbortController();
  stops.push(stop);
  const range = await planRange({
    ...archive.request,
    since: { by: 'position', binlog: 'b.000001', position: 4 },
    until: until === '' ? { by: 'end' } : parseTarget(until),
  });
  const listening = Promise.withResolvers<number>();
  const replica = { flavor: 'mysql', executedGtids: () => Promise.resolve(executed), query: () => Promise.resolve([]) };
  const served = serveBinlogs({
    ...{ range, folder: undefined, clock: systemClock, logger, signal: stop.signal },
    address: { host: '127.0.0.1', port: 0, user: 'repl', password: 'pä', serverId: 99, replicaSource: '' },
    connectReplica: () =>
      Promise.resolve({ ...replica, [Symbol.asyncDispose]: () => Promise.resolve() } as unknown as MysqlServer),
    onListening: listening.resolve,
  });
  served.catch(listening.reject);
  const port = await listening.promise;
  return {
    served,
    connect: (password = 'pä') => reachServer(parseDatasource(`repl:${password}@127.0.0.1:${port}/`), { logger }),
  };
}

/** COM_BINLOG_DUMP_GTID that asks to be told of the end. */
function dumpByGtids(first: number, last: number): Buffer {
  const set = Buffer.alloc(8 + 16 + 8 + 16);
  set.writeBigUInt64LE(1n, 0);
  Buffer.from(uuid.replaceAll('-', ''), 'hex').copy(set, 8);
  set.writeBigUInt64LE(1n, 24);
  set.writeBigUInt64LE(BigInt(first), 32);
  set.writeBigUInt64LE(BigInt(last + 1), 40);
  const head = Buffer.alloc(11 + 8 + 4);
  head.writeUInt8(0x1e, 0);
  head.writeUInt16LE(1, 1);
  head.writeUInt32LE(7, 3);
  head.writeBigUInt64LE(4n, 11);
  head.writeUInt32LE(set.length, 19);
  return Buffer.concat([head, set]);
}

describe('binlog-server for a replica of MySQL', () => {
  let archive: MadeBinlogArchive;
  beforeAll(async () => {
    const common = { flavor: 'mysql', closed: 'rotate' } as const;
    archive = await makeBinlogArchive({
      'b.000001': {
        ...{ ...common, timestamp: 1000, previous: [] },
        transactions: [1, 2, 3].map((number) => ({ gtid: `${uuid}:${number}`, timestamp: 1000 + number })),
      },
      'b.000002': {
        ...{ ...common, timestamp: 1010, previous: [`${uuid}:1-3`] },
        transactions: [4, 5].map((number) => ({ gtid: `${uuid}:${number}`, timestamp: 1010 + number })),
      },
    });
  });
  afterEach(() => {
    for (const stop of stops) stop.abort(new Error('the test is over'));
  });

  it('lets in who knows the password, and answers as a server of 5.7 does', async () => {
    const { connect } = await serve(archive);
    await expect(connect('wrong')).rejects.toThrow("Access denied for user 'repl' (using password: YES)");
    const { session } = await connect();
    expect(session.greetedVersion).toBe('5.7.42');
    for (const [statement, value] of [
      ['SELECT @master_binlog_checksum', 'CRC32'],
      ['select @@GLOBAL.server_id', '99'],
      ['SELECT @@GLOBAL.GTID_MODE', 'ON'],
      ['SELECT @@GLOBAL.SERVER_UUID', '0'],
      ['SELECT @@global.rpl_semi_sync_source_enabled', '0'],
    ] as const) {
      const [row] = await session.query(statement);
      expect([statement, Object.values(row ?? {})]).toEqual([statement, [value]]);
    }
    const [row] = await session.query("SHOW GLOBAL VARIABLES LIKE 'BINLOG_CHECKSUM'");
    expect(row).toEqual({ Variable_name: 'binlog_checksum', Value: 'CRC32' });
    expect(await session.query('SET @slave_uuid = 1')).toEqual([]);
    await session[Symbol.asyncDispose]();
  });

  it('sends what a replica lacks of its GTIDs, up to the target, and then tells of the end', async () => {
    const { connect, served } = await serve(archive, { until: `${uuid}:4` });
    const { session } = await connect();
    const line = new PacketLine(session.takeOver());
    await line.write(dumpByGtids(1, 2), 0);
    const types: number[] = [];
    const names: string[] = [];
    for (let sequence = 1; ; sequence = (sequence + 1) % 256) {
      const packet = await line.read();
      if (packet === undefined) throw new Error('the server has gone');
      expect(packet.sequence).toBe(sequence);
      if (isEndPacket(packet.payload)) break;
      const type = packet.payload[5] ?? 0;
      types.push(type);
      if (type === eventTypes.rotate) names.push(Buffer.from(packet.payload.subarray(28, -4)).toString());
    }
    expect(types.filter((type) => type === eventTypes.gtid)).toHaveLength(2);
    expect(types.slice(0, 4)).toEqual([
      ...[eventTypes.rotate, eventTypes.rotate, eventTypes.formatDescription, eventTypes.previousGtids],
    ]);
    expect(names.slice(0, 2)).toEqual(['host-binlog-file', 'b.000001']);
    expect(await served).toMatchObject({ transactions: 2 });
    await session[Symbol.asyncDispose]();
  });

  it('sends the files from a position on as they are, and ends when the replica has them', async () => {
    const { connect, served } = await serve(archive);
    const second = archive.files['b.000001']?.transactions[1];
    const reached = await connect();
    const request = { reached, flavor: 'mysql', serverId: 7, clock: systemClock } as const;
    const stream = await EventStream.open({ ...request, binlog: 'b.000001', position: second?.start ?? 0 });
    const rotation = await stream.next();
    expect(Buffer.from(rotation.bytes).readBigUInt64LE(19)).toBe(BigInt(second?.start ?? 0));
    expect(await stream.next()).toMatchObject({ type: eventTypes.formatDescription, nextPosition: 0 });
    const first = await stream.next();
    expect(first.type).toBe(eventTypes.gtid);
    const bytes = archive.files['b.000001']?.bytes.subarray(second?.start ?? 0);
    expect(Buffer.compare(first.bytes, bytes?.subarray(0, first.bytes.length) ?? Buffer.alloc(0))).toBe(0);
    expect(await served).toMatchObject({ transactions: 4 });
    await stream[Symbol.asyncDispose]();
  });

  it('refuses a file that it does not serve', async () => {
    const { connect } = await serve(archive);
    const request = { reached: await connect(), flavor: 'mysql', serverId: 7, clock: systemClock } as const;
    await using stream = await EventStream.open({ ...request, binlog: 'other.000001', position: 4 });
    await expect(stream.next()).rejects.toMatchObject({ kind: 'missing' });
    await using again = await EventStream.open({
      ...request,
      reached: await connect(),
      binlog: 'b.000003',
      position: 4,
    });
    await expect(again.next()).rejects.toThrow('is lost');
    expect(parseErrorPacket(Buffer.from([0xfe]))).toBeUndefined();
  });
});
