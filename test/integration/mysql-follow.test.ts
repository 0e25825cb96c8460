import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collect, fromBytes } from '../../src/bytes/stage.ts';
import { openCodec } from '../../src/codecs/open.ts';
import { rawSettings } from '../../src/config/setting.ts';
import { listBinlogs } from '../../src/mysql/binlog/archive.ts';
import { beginsWith } from '../../src/mysql/binlog/follow/complete.ts';
import { followBinlogs } from '../../src/mysql/binlog/follow/follow.ts';
import { listTails, openTail } from '../../src/mysql/binlog/follow/tail.ts';
import { datasourceOf, reachServer } from '../../src/mysql/server/connect.ts';
import { readDecoded, type Transport } from '../../src/pipeline/transport.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts';
import { faultyStorage, type Fault, type StorageCall } from '../../testtools/faulty-storage.ts';
import { hasMariadb, whyNoMariadb } from '../../testtools/mariadb/programs.ts';
import { startMariadb, type MariadbServer } from '../../testtools/mariadb/server.ts';
import { recordingLogger } from '../../testtools/recording-logger.ts';

const patienceMs = 60_000;

async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await delay(50);
  }
}

async function newTransport(plan: (call: StorageCall) => Fault | undefined = () => undefined): Promise<Transport> {
  return { storage: faultyStorage(createMemoryStorage(), plan), codec: await openCodec('lz4'), crypter: undefined };
}

function follow(server: MariadbServer, transport: Transport, { acceptGap = false } = {}) {
  const logger = recordingLogger();
  const stop = new AbortController();
  const uploads = new AbortController();
  const settings = rawSettings({ WALG_MYSQL_DATASOURCE_NAME: server.datasource });
  const running = followBinlogs({
    reach: () => reachServer(datasourceOf(settings), { logger, signal: stop.signal }),
    ...{ transport, intervalMs: 100, serverId: undefined, acceptGap, clock: systemClock, logger },
    ...{ stop: stop.signal, uploads: uploads.signal },
  });
  running.catch(() => undefined);
  return {
    logger,
    running,
    async stop() {
      stop.abort(new Error('stopped by the test'));
      await running;
    },
  };
}

/** Everything the server has, or had, and the archive: complete logs and the tail, in order. */
async function archived(transport: Transport): Promise<readonly (readonly [string, Buffer])[]> {
  const complete = await listBinlogs(transport.storage);
  const found: (readonly [string, Buffer])[] = [];
  for (const { name, key } of complete) found.push([name, await collect(await readDecoded(transport, key))]);
  for (const tail of await openTail(transport)) found.push([tail.name, await collect(tail.open())]);
  return found;
}

/** The archive has all that the server's files hold, byte for byte. */
async function hasEverything(server: MariadbServer, transport: Transport): Promise<boolean> {
  const names = await server.binlogs();
  const stored = new Map(await archived(transport));
  for (const name of names) {
    const file = readFileSync(join(server.dataDirectory, name));
    const bytes = stored.get(name);
    // The server makes files of equal length different only by the mark that they are open.
    if (bytes?.length !== file.length || !(await beginsWith(fromBytes(bytes), fromBytes(file)))) return false;
  }
  return true;
}

describe.skipIf(!hasMariadb)(`following the binary log of MariaDB${whyNoMariadb}`, () => {
  let server: MariadbServer;
  beforeAll(async () => {
    server = await startMariadb({ settings: { max_allowed_packet: '64M' } });
    await server.query('CREATE DATABASE d; CREATE TABLE d.t (id int PRIMARY KEY AUTO_INCREMENT, v longblob)');
    await server.rotate();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it('stores what is in the files, over rotations, restarts of either side and a crash', async () => {
    const transport = await newTransport();
    const first = follow(server, transport);
    await until(() => hasEverything(server, transport), 'what was there before');
    for (let row = 0; row < 30; row++)
      await server.query(`INSERT INTO d.t (v) VALUES (REPEAT('${row}', ${row * 500}))`);
    await server.rotate();
    await server.query("INSERT INTO d.t (v) VALUES (REPEAT('x', 17000000))");
    await until(() => hasEverything(server, transport), 'an event of 17 MB behind a rotation');

    await server.stop();
    await server.start();
    await server.query("INSERT INTO d.t (v) VALUES ('after a restart')");
    await until(() => hasEverything(server, transport), 'the log after a restart');
    await first.stop();

    await server.query("INSERT INTO d.t (v) VALUES ('nobody followed')");
    const second = follow(server, transport);
    await until(() => hasEverything(server, transport), 'what was written meanwhile');
    await server.query("INSERT INTO d.t (v) VALUES ('before the crash')");
    await server.crash();
    await server.start();
    await server.query("INSERT INTO d.t (v) VALUES ('after the crash')");
    await until(() => hasEverything(server, transport), 'the log after a crash');
    await second.stop();

    const names = await server.binlogs();
    expect((await listBinlogs(transport.storage)).map(({ name }) => name)).toEqual(names.slice(0, -1));
    expect((await listTails(transport.storage)).map(({ binlog }) => binlog.name)).toEqual(names.slice(-1));
  });

  it('waits for a storage that does not answer, and keeps what came', async () => {
    let isDown = false;
    const transport = await newTransport(({ verb }) => (isDown && verb === 'write' ? {} : undefined));
    const follower = follow(server, transport);
    await until(() => hasEverything(server, transport), 'what was there before');
    isDown = true;
    await server.query("INSERT INTO d.t (v) VALUES ('while it is down')");
    await until(() => follower.logger.records.some(({ message }) => message.includes('cannot store')), 'a warning');
    isDown = false;
    await until(() => hasEverything(server, transport), 'what came meanwhile');
    await follower.stop();
  });

  it('does not go on with another server that uses the same id and the next name', async () => {
    const transport = await newTransport();
    const follower = follow(server, transport);
    await until(() => hasEverything(server, transport), 'all');
    const active = (await server.binlogs()).at(-1) ?? '';
    await server.query("INSERT INTO d.t (v) VALUES ('of the first server')");
    await server.rotate();
    await until(
      async () => (await listBinlogs(transport.storage)).some(({ name }) => name === active),
      'its completion',
    );
    await follower.stop();
    await using other = await startMariadb();
    await other.query('CREATE DATABASE other');
    const number = Number(active.split('.').at(-1));
    for (const { keys } of await listTails(transport.storage)) await transport.storage.delete(keys);
    await other.query(`RESET MASTER TO ${number + 1}; CREATE DATABASE another`);
    await expect(follow(other, transport).running).rejects.toThrow(
      `.${String(number + 1).padStart(6, '0')}" does not follow "${active}"`,
    );
  });

  it('names what the server has removed, and goes on behind it only when told to', async () => {
    const transport = await newTransport();
    const follower = follow(server, transport);
    await until(() => hasEverything(server, transport), 'all');
    await follower.stop();
    const tail = (await server.binlogs()).at(-1) ?? '';
    await server.query("INSERT INTO d.t (v) VALUES ('lost')");
    const next = await server.rotate();
    await until(async () => {
      // The server keeps what it believes to be sending still.
      await server.query(`PURGE BINARY LOGS TO '${next}'`);
      return (await server.binlogs())[0] === next;
    }, 'the removal');
    await expect(follow(server, transport).running).rejects.toThrow(
      `the server has removed what the archive lacks: "${tail}" from`,
    );
    const again = follow(server, transport, { acceptGap: true });
    await until(() => hasEverything(server, transport), 'what is left');
    await again.stop();
  });

  it('refuses logs of the same names that are not those of the archive', async () => {
    const transport = await newTransport();
    const follower = follow(server, transport);
    await until(() => hasEverything(server, transport), 'all');
    await follower.stop();
    await server.query('RESET MASTER');
    // As many logs as before: only what they hold tells them apart.
    const [last] = await listTails(transport.storage);
    for (let log = 1; log < (last?.binlog.number ?? 0); log++) await server.rotate();
    await server.query("INSERT INTO d.t (v) VALUES (REPEAT('x', 100000))");
    await expect(follow(server, transport).running).rejects.toThrow('these are not the binary logs that the archive');
  });
});
