import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasMariadb, whyNoMariadb } from '../../testtools/mariadb/programs.ts';
import { catchUp, startMariadb, startReplica, type MariadbServer } from '../../testtools/mariadb/server.ts';

describe.skipIf(!hasMariadb)(`servers of MariaDB for tests${whyNoMariadb}`, () => {
  let source: MariadbServer;
  beforeAll(async () => {
    source = await startMariadb();
    await source.query(
      `CREATE DATABASE shop; CREATE TABLE shop.t (id int PRIMARY KEY, v varchar(20)); INSERT INTO shop.t VALUES (1, 'é'), (2, NULL)`,
    );
  });
  afterAll(() => source[Symbol.asyncDispose]());

  it('have a binlog that can be closed', async () => {
    const before = (await source.binlogs()).length;
    expect(await source.rotate()).toMatch(/^mysql-bin\.00000\d$/);
    expect(await source.binlogs()).toHaveLength(before + 1);
  });

  it('keep what was committed over a crash', async () => {
    const facts = await source.facts('shop');
    await source.crash();
    expect(source.running).toBe(false);
    await source.start();
    expect(await source.facts('shop')).toEqual(facts);
    expect(facts['shop.t']?.count).toBe(2);
  });

  it('have replicas with a server id of their own', async () => {
    await using replica = await startReplica(source);
    await catchUp(replica, source);
    expect(await replica.facts('shop')).toEqual(await source.facts('shop'));
    expect(await replica.value('SELECT @@server_id')).toBe('2');
  });
});
