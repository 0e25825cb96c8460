import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mariadbProgram, hasMariadb, whyNoMariadb } from '../../testtools/mariadb/programs.ts';
import { openMariadbRig, type MariadbRig } from '../../testtools/mariadb/rig.ts';
import type { MariadbServer } from '../../testtools/mariadb/server.ts';
import { giveToServer, makeServerDirectory } from '../../testtools/postgres/server-user.ts';

/** What the source server was like at some moment. */
interface Moment {
  readonly facts: Awaited<ReturnType<MariadbServer['facts']>>;
  /** Seconds since 1970 that begin after it. */
  readonly time: number;
  readonly gtid: string;
  readonly position: string;
}

const strict = { gtid_strict_mode: 1, server_id: 50 };

describe.skipIf(!hasMariadb)(`binlog-replay to a restored MariaDB${whyNoMariadb}`, () => {
  let rig: MariadbRig;
  let restored: string;
  const moments: Moment[] = [];
  const timeOf = ({ time }: Moment): string => new Date(time * 1000).toISOString();

  beforeAll(async () => {
    rig = await openMariadbRig({}, { WALG_COMPRESSION_METHOD: 'none' });
    const { server } = rig;
    await server.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, b LONGBLOB) ENGINE=InnoDB');
    await insert(0, 20);
    // The backup begins in the midst of a binary log, so that replaying all of that one would fail.
    const backup = await rig.backup();
    await insert(20, 30);
    await note();
    await insert(30, 40);
    await note();
    await server.rotate();
    // A temporary table that lives from one binary log to the next.
    await server.query(
      `SET binlog_format = STATEMENT; CREATE TEMPORARY TABLE shop.tmp AS SELECT 41 AS id; FLUSH BINARY LOGS;
       INSERT INTO shop.t SELECT id, 'from a temporary table' FROM shop.tmp;
       INSERT INTO shop.t VALUES (42, X'000D0A1A5C27'); DELETE FROM shop.t WHERE id < 5;`,
      'shop',
    );
    // One transaction here, but two where it is replayed: in strict mode the next one would be out of order.
    await server.query('CREATE TABLE shop.copy AS SELECT id FROM shop.t; INSERT INTO shop.copy VALUES (-1)');
    // Statements that load a file have its content in the binary log.
    const file = join(server.folder, 'loaded.csv');
    writeFileSync(file, '43\tloaded\n44\tloaded\n');
    giveToServer(server.folder);
    await server.query(`SET binlog_format = STATEMENT; LOAD DATA INFILE '${file}' INTO TABLE shop.t`);
    await note();
    await server.query('DROP TABLE shop.t');
    await server.rotate();
    await rig.succeed(['binlog-push']);
    restored = await rig.fetch(backup);
  });
  afterAll(() => rig[Symbol.asyncDispose]());

  async function insert(from: number, to: number): Promise<void> {
    const rows = Array.from({ length: to - from }, (_, index) => `INSERT INTO shop.t VALUES (${from + index}, 'row')`);
    await rig.server.query(rows.join(';'));
  }

  /** Notes the state, and lets the second end: the log of MariaDB tells no more of the time. */
  async function note(): Promise<void> {
    const { server } = rig;
    const facts = await server.facts('shop');
    const [[file, position] = []] = await server.query('SHOW MASTER STATUS');
    const gtid = (await server.value('SELECT @@gtid_binlog_pos')) ?? '';
    const time = Number(await server.value('SELECT UNIX_TIMESTAMP()')) + 1;
    moments.push({ facts, time, gtid, position: `${file ?? ''}:${position ?? ''}` });
    while (Number(await server.value('SELECT UNIX_TIMESTAMP()')) < time) await delay(50);
  }

  function to(server: MariadbServer): Record<string, string> {
    return { WALG_MYSQL_DATASOURCE_NAME: server.datasource };
  }

  it.each([
    ['GTID', (moment: Moment) => moment.gtid],
    ['instant', timeOf],
    ['position', (moment: Moment) => moment.position],
  ])('brings it to any %s, and no further', async (_, target) => {
    // Each begins where the one before has ended: what was applied is not applied again.
    await using copy = await rig.startCopy(restored, strict);
    let since = 'LATEST';
    for (const moment of moments) {
      const { stdout } = await rig.succeed(
        ['binlog-replay', '--since', since, '--until', target(moment), '--json'],
        to(copy),
      );
      expect(await copy.facts('shop')).toEqual(moment.facts);
      const { reached } = JSON.parse(stdout) as { reached: { gtid: string } };
      expect(reached.gtid).toBe(moment.gtid);
      since = moment.gtid;
    }
    expect(await copy.value('SELECT @@gtid_strict_mode')).toBe('1');
  });

  it('brings it to the end of the archive, or tells that it ends before the target', async () => {
    await using copy = await rig.startCopy(restored, strict);
    const late = await rig.cli(['binlog-replay', '--until', '0-1-999999'], to(copy));
    expect(late.status, late.stderr).toBe(74);
    expect(late.stderr).toContain('the archive does not reach 0-1-999999: it ends with "mysql-bin.00000');
    expect(await copy.value('SELECT COUNT(*) FROM shop.t')).toBe('20');
    const { stderr } = await rig.succeed(['binlog-replay'], to(copy));
    expect(stderr).toContain('reached=mysql-bin.00000');
    expect(await copy.query("SHOW TABLES FROM shop LIKE 't'")).toEqual([]);

    const again = await rig.cli(['binlog-replay'], to(copy));
    expect(again.status, again.stderr).toBe(73);
    expect(again.stderr).toMatch(/has executed 0-1-\d+ of "mysql-bin.00000\d" before/);
  });

  it('applies what a command of its own is given, exactly', async () => {
    await using copy = await rig.startCopy(restored, strict);
    const destination = makeServerDirectory(join(copy.folder, 'binlogs'));
    // Not the last one: a session for each log loses temporary tables.
    const [, moment] = moments;
    if (moment === undefined) throw new Error('no moment');
    const command = `${mariadbProgram('mariadb-binlog')} --no-defaults --stop-datetime="$WALG_MYSQL_BINLOG_END_TS" "$WALG_MYSQL_CURRENT_BINLOG" | ${mariadbProgram('mariadb')} ${copy.clientOptions.join(' ')}`;
    const environment = {
      ...to(copy),
      WALG_MYSQL_BINLOG_DST: destination,
      WALG_MYSQL_BINLOG_REPLAY_COMMAND: command,
      WALG_MYSQL_BINLOG_END_TS: timeOf(moment),
    };
    await rig.succeed(['binlog-replay'], environment);
    expect(await copy.facts('shop')).toEqual(moment.facts);
    expect(readdirSync(destination)).toEqual([]);

    const failing = { ...environment, WALG_MYSQL_BINLOG_REPLAY_COMMAND: 'echo no such luck >&2; exit 3' };
    const failed = await rig.cli(['binlog-replay'], failing);
    expect(failed.status, failed.stderr).toBe(69);
    expect(failed.stderr).toMatch(/cannot apply "mysql-bin\.00000\d": .* failed with status 3: no such luck/);
    expect(readdirSync(destination)).toEqual([]);
  });

  it('fetches files that can be applied by hand from the positions that it tells', async () => {
    await using copy = await rig.startCopy(restored, strict);
    const destination = join(copy.folder, 'fetched');
    giveToServer(copy.folder);
    const [, moment] = moments;
    if (moment === undefined) throw new Error('no moment');
    await rig.succeed(['binlog-fetch', '--until', timeOf(moment)], { WALG_MYSQL_BINLOG_DST: destination });
    const positions = JSON.parse(readFileSync(join(destination, 'binlogs_positions.json'), 'utf8')) as {
      start: { binlog: string; position: number };
      stop: { binlog: string; position: number };
    };
    const names = readFileSync(join(destination, 'binlogs_order'), 'utf8').trim().split('\n');
    expect(readdirSync(destination).sort()).toEqual([...names, 'binlogs_order', 'binlogs_positions.json'].sort());
    expect(positions.start.binlog).toBe(positions.stop.binlog);
    for (const name of names) {
      expect(readFileSync(join(destination, name))).toEqual(readFileSync(join(rig.server.dataDirectory, name)));
    }
    const again = await rig.cli(['binlog-fetch'], { WALG_MYSQL_BINLOG_DST: destination });
    expect(again.status, again.stderr).toBe(73);
    expect(readdirSync(destination)).toHaveLength(names.length + 2);
  });

  it('tells of a wrong password and of a server that is not there, and not the password', async () => {
    await using copy = await rig.startCopy(restored, strict);
    await copy.query("CREATE USER restorer@localhost IDENTIFIED BY 'right'; GRANT ALL ON *.* TO restorer@localhost");
    const wrong = `restorer:wr0ng-Secret@unix(${copy.socket})/`;
    const refused = await rig.cli(['binlog-replay'], { WALG_MYSQL_DATASOURCE_NAME: wrong });
    expect(refused.status, refused.stderr).toBe(77);
    expect(refused.stderr).not.toContain('wr0ng-Secret');
    await rig.succeed(['binlog-replay', '--until', moments[0]?.gtid ?? ''], {
      WALG_MYSQL_DATASOURCE_NAME: `restorer:right@unix(${copy.socket})/`,
    });
    await copy.stop();
    const gone = await rig.cli(['binlog-replay'], to(copy));
    expect(gone.status, gone.stderr).toBe(69);
  });

  it('fails when the server goes away in the midst of it', async () => {
    await using copy = await rig.startCopy(restored, strict);
    const [moment] = moments;
    // The replay has to wait for the row: it is in the midst of its first binary log then.
    const holding = copy.query('BEGIN; INSERT INTO shop.t VALUES (20, NULL); SELECT SLEEP(600)').catch(() => undefined);
    await copy.waitFor("SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%'");
    const run = rig.start(['binlog-replay', '--until', moment?.gtid ?? ''], to(copy));
    await copy.waitFor("SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'");
    await copy.crash();
    const { status, stderr } = await run.ended;
    await holding;
    expect(status, stderr).toBe(69);
    expect(stderr).toMatch(/cannot apply "mysql-bin\.00000\d": .*Lost connection|gone away/s);
    await copy.start(strict);
    await rig.succeed(['binlog-replay', '--until', moment?.gtid ?? ''], to(copy));
    expect(await copy.facts('shop')).toEqual(moment?.facts);
  });

  it('applies nothing of a damaged binary log, and all of those before', async () => {
    await using copy = await rig.startCopy(restored, strict);
    const archive = join(rig.storage, 'binlog_005');
    const names = readdirSync(archive).sort();
    const path = join(archive, names.at(-1) ?? '');
    const whole = readFileSync(path);
    const damaged = Buffer.from(whole);
    const place = damaged.length - 60;
    damaged[place] = (damaged[place] ?? 0) ^ 1;
    writeFileSync(path, damaged);
    try {
      const { status, stderr } = await rig.cli(['binlog-replay'], to(copy));
      expect(status, stderr).toBe(65);
      expect(stderr).toMatch(new RegExp(`the event at \\d+ of "${names.at(-1) ?? ''}" fails its checksum`));
      expect(await copy.value('SELECT COUNT(*) FROM shop.t')).toBe('40');
    } finally {
      writeFileSync(path, whole);
    }
  });
});
