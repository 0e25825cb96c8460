import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { fromBytes } from '../../src/bytes/stage.ts';
import { openCodec } from '../../src/codecs/open.ts';
import { rawSettings } from '../../src/config/setting.ts';
import { binlogKey } from '../../src/mysql/binlog/archive.ts';
import { planRange } from '../../src/mysql/binlog/range/plan.ts';
import { parseStart } from '../../src/mysql/binlog/range/start.ts';
import { parseTarget } from '../../src/mysql/binlog/range/target.ts';
import { serveBinlogs } from '../../src/mysql/binlog/server/binlog-server.ts';
import { connectServer } from '../../src/mysql/server/connect.ts';
import { pushObject } from '../../src/pipeline/push-object.ts';
import type { Transport } from '../../src/pipeline/transport.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts';
import { hasMariadb, mariadbProgram, whyNoMariadb } from '../../testtools/mariadb/programs.ts';
import { runProgram } from '../../testtools/mariadb/client.ts';
import { startMariadb, type MariadbServer } from '../../testtools/mariadb/server.ts';
import { recordingLogger } from '../../testtools/recording-logger.ts';

describe.skipIf(!hasMariadb)(`binlog-server${whyNoMariadb}`, () => {
  let source: MariadbServer;
  let replica: MariadbServer;
  let transport: Transport;
  /** What the source had when a transaction was executed. */
  let middle: { readonly gtid: string; readonly facts: unknown };
  const stops: AbortController[] = [];

  beforeAll(async () => {
    [source, replica] = await Promise.all([
      startMariadb(),
      startMariadb({ settings: { server_id: 2, log_slave_updates: true } }),
    ]);
    await source.query('CREATE DATABASE d; CREATE TABLE d.t (id int PRIMARY KEY AUTO_INCREMENT, v longtext)');
    for (let row = 0; row < 10; row++) await source.query(`INSERT INTO d.t (v) VALUES (REPEAT('é${row}', 20000))`);
    await source.rotate();
    await source.query("INSERT INTO d.t (v) VALUES ('second log')");
    middle = { gtid: (await source.value('SELECT @@gtid_current_pos')) ?? '', facts: await source.facts('d') };
    await source.query("UPDATE d.t SET v = 'behind the target' WHERE id < 5");
    await source.rotate();
    await source.query("DELETE FROM d.t WHERE id = 7; INSERT INTO d.t (v) VALUES ('third log')");
    await source.rotate();
    transport = { storage: createMemoryStorage(), codec: await openCodec('lz4'), crypter: undefined };
    for (const name of (await source.binlogs()).slice(0, -1)) {
      const bytes = readFileSync(join(source.dataDirectory, name));
      await pushObject(transport, binlogKey(name), () => fromBytes(bytes));
    }
  });
  afterAll(async () => {
    await Promise.all([source[Symbol.asyncDispose](), replica[Symbol.asyncDispose]()]);
  });
  afterEach(() => {
    for (const stop of stops) stop.abort(new Error('the test is over'));
  });

  async function serve({ since = 'mysql-bin.000001:4', until = '' } = {}) {
    const logger = recordingLogger();
    const stop = new AbortController();
    stops.push(stop);
    const range = await planRange({
      ...{ transport, since: parseStart(since), until: until === '' ? { by: 'end' } : parseTarget(until) },
      ...{ concurrency: 4, clock: systemClock, logger, signal: stop.signal },
    });
    const listening = Promise.withResolvers<number>();
    const served = serveBinlogs({
      ...{ range, clock: systemClock, logger, signal: stop.signal, folder: undefined },
      address: { host: '127.0.0.1', port: 0, user: 'repl', password: 'sécret', serverId: 99, replicaSource: '' },
      connectReplica: () => connectServer(rawSettings({ WALG_MYSQL_DATASOURCE_NAME: replica.datasource }), { logger }),
      onListening: listening.resolve,
    });
    served.catch(listening.reject);
    return { served, port: await listening.promise, logger };
  }

  async function replicateFrom(port: number, more: string): Promise<void> {
    await replica.query(
      `STOP SLAVE; CHANGE MASTER TO master_host='127.0.0.1', master_port=${port}, master_user='repl', master_password='sécret',
       master_connect_retry=1, ${more}; START SLAVE`,
    );
  }

  async function empty(): Promise<void> {
    await replica.query(
      "STOP SLAVE; RESET SLAVE ALL; DROP DATABASE IF EXISTS d; RESET MASTER; SET GLOBAL gtid_slave_pos = ''",
    );
  }

  it('brings a replica to a transaction, by GTID, and then to the end', async () => {
    await empty();
    const first = await serve({ until: middle.gtid });
    await replicateFrom(first.port, 'master_use_gtid=slave_pos');
    expect((await first.served).transactions).toBe(13);
    expect(await replica.facts('d')).toEqual(middle.facts);
    expect(await replica.value('SELECT @@gtid_slave_pos')).toBe(middle.gtid);

    // The replica says what it has: nothing is sent twice.
    const second = await serve();
    await replicateFrom(second.port, 'master_use_gtid=slave_pos');
    expect((await second.served).transactions).toBe(3);
    expect(await replica.facts('d')).toEqual(await source.facts('d'));

    const third = await serve();
    await replicateFrom(third.port, 'master_use_gtid=slave_pos');
    expect(await third.served).toEqual({ events: 0, transactions: 0 });
  });

  it('brings a replica to a transaction by file and position', async () => {
    await empty();
    const first = await serve({ until: middle.gtid });
    await replicateFrom(first.port, "master_use_gtid=no, master_log_file='mysql-bin.000001', master_log_pos=4");
    await first.served;
    expect(await replica.facts('d')).toEqual(middle.facts);
    const [status] = await replica.query('SHOW SLAVE STATUS');
    const position = Number(status?.[21]);
    expect(status?.[9]).toBe('mysql-bin.000002');

    // The server of the archive has the same positions, and so a later one goes on there.
    const second = await serve({ since: `mysql-bin.000002:${position}` });
    await replicateFrom(
      second.port,
      `master_use_gtid=no, master_log_file='mysql-bin.000002', master_log_pos=${position}`,
    );
    await second.served;
    expect(await replica.facts('d')).toEqual(await source.facts('d'));
  });

  it('is read by client programs, refuses strangers, and tells of files that it does not serve', async () => {
    const { port, served } = await serve();
    const args = (password: string, file: string) => [
      ...['--no-defaults', '--read-from-remote-server', '-h127.0.0.1', `-P${port}`, '-urepl', `-p${password}`],
      ...['--to-last-log', file],
    ];
    const program = mariadbProgram('mariadb-binlog');
    expect((await runProgram(program, args('wrong', 'mysql-bin.000001'))).stderr).toContain('Access denied');
    expect((await runProgram(program, args('sécret', 'nothing.000001'))).stderr).toContain('nothing.000001');
    const { status, stdout, stderr } = await runProgram(program, args('sécret', 'mysql-bin.000001'));
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout.toString()).toContain('CREATE DATABASE d');
    expect(stdout.toString()).toContain('DELETE FROM d.t');
    await served;
  });
});
