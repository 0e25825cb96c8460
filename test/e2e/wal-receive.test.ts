import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type CliRun } from '../../testtools/cli.ts';
import { testedMajors } from '../../testtools/postgres/installations.ts';
import type { TestServer } from '../../testtools/postgres/server.ts';
import { startStandby } from '../../testtools/postgres/standby.ts';
import { factOf, openRig, type Rig } from '../../testtools/rig.ts';

const majors = testedMajors();
const few = [...new Set([majors.includes(15) ? 15 : majors[0], majors.at(-1)])].filter((major) => major !== undefined);

const settings = { wal_level: 'replica', wal_keep_size: '64MB', wal_sender_timeout: '20s' };
const receiving = { WALG_RECEIVE_PARTIAL_INTERVAL: '100ms', PGAPPNAME: 'receiver' };

function archived(rig: Rig): readonly string[] {
  const folder = join(rig.storage, 'wal_005');
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}

/** Waits, for long enough on any machine. */
async function until(condition: () => boolean | Promise<boolean>, what: () => string): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`still not: ${what()}`);
    await delay(50);
  }
}

/** Waits until the receiver has stored all that the server has written. */
async function untilStored(server: TestServer): Promise<void> {
  const lsn = await server.value('SELECT pg_current_wal_lsn()');
  await server.waitFor(
    `SELECT coalesce(bool_or(flush_lsn >= '${lsn}'), false) FROM pg_stat_replication WHERE application_name = 'receiver'`,
    { timeoutMs: 60_000 },
  );
}

/** Writes rows one by one until told to stop; knows which ones the server has acknowledged. */
function keepLedger(server: TestServer): { readonly acknowledged: number[]; stop(): Promise<void> } {
  const acknowledged: number[] = [];
  const end = new AbortController();
  const writing = (async () => {
    for (let id = 1; !end.signal.aborted; id += 1) {
      try {
        await server.query(`INSERT INTO ledger VALUES (${id}, repeat('x', 2000))`);
        acknowledged.push(id);
      } catch {
        // It is being killed; what it has not acknowledged does not count.
        await delay(50);
      }
    }
  })();
  return {
    acknowledged,
    async stop() {
      end.abort();
      await writing;
    },
  };
}

async function kill(run: CliRun): Promise<void> {
  run.child.kill('SIGKILL');
  await run.ended;
}

describe.skipIf(majors.length === 0)('wal-receive', () => {
  it.each(few)(
    'from PostgreSQL %i loses nothing that was acknowledged, whoever is killed, and not with the server either',
    { timeout: 180_000 },
    async (major) => {
      await using rig = await openRig({ major, archiving: false, settings, initdbArgs: ['--wal-segsize=1'] });
      const { server } = rig;
      const environment = { ...receiving, WALG_PG_WAL_SIZE: '1' };
      let receiver = rig.start(['wal-receive'], environment);
      await receiver.logged(/receiving WAL slot=walg timeline=1/);
      await server.query('CREATE TABLE ledger (id int, filler text)');
      await rig.succeed(['backup-push', server.dataDirectory], environment);
      // From here on a commit is acknowledged when it is in the storage.
      await server.query(`ALTER SYSTEM SET synchronous_standby_names = 'receiver'`);
      await server.reload();
      const ledger = keepLedger(server);
      const written = (more: number) => {
        const goal = ledger.acknowledged.length + more;
        return until(
          () => ledger.acknowledged.length >= goal,
          () => `${goal} rows, only ${ledger.acknowledged.length}`,
        );
      };
      await written(5);
      await kill(receiver);
      receiver = rig.start(['wal-receive'], environment);
      await written(5);
      await server.crash();
      await server.start();
      await written(5);
      await server.stop('fast');
      await server.start();
      await written(5);
      await kill(receiver);
      await server.crash();
      await ledger.stop();
      rmSync(server.dataDirectory, { recursive: true });
      expect(archived(rig).filter((name) => name.includes('.partial'))).toHaveLength(1);

      const target = join(rig.folder, 'restored');
      await rig.succeed(['backup-fetch', target, '--target', 'end'], environment);
      const restored = await rig.startRestored(target, { settings: { synchronous_standby_names: '' } });
      await restored.waitFor('SELECT NOT pg_is_in_recovery()', { timeoutMs: 60_000 });
      const rows = await restored.query('SELECT id FROM ledger ORDER BY id');
      const ids = new Set(rows.map(({ id }) => Number(id)));
      expect(ledger.acknowledged.length).toBeGreaterThanOrEqual(20);
      expect(ledger.acknowledged.filter((id) => !ids.has(id))).toEqual([]);
    },
  );

  it.each(few)('from a standby of PostgreSQL %i goes over to the timeline that it is promoted to', async (major) => {
    await using rig = await openRig({ major, archiving: false, settings, initdbArgs: ['--wal-segsize=1'] });
    const { server } = rig;
    const environment = { ...receiving, WALG_PG_WAL_SIZE: '1' };
    await server.query('CREATE TABLE ledger AS SELECT n, md5(n::text) AS m FROM generate_series(1, 100) AS n');
    await using standby = await startStandby(server, { wal_sender_timeout: '20s' });
    const receiver = rig.start(['wal-receive'], {
      ...environment,
      ...standby.environment,
      WALG_UPLOAD_WAL_METADATA: 'INDIVIDUAL',
      WALG_USE_WAL_DELTA: 'true',
    });
    await receiver.logged(/receiving WAL slot=walg timeline=1/);
    await rig.succeed(['backup-push', server.dataDirectory], environment);
    await server.query(`INSERT INTO ledger SELECT n, 'before' FROM generate_series(101, 20000) AS n`);
    const lsn = await server.value('SELECT pg_current_wal_lsn()');
    await standby.waitFor(`SELECT pg_last_wal_replay_lsn() >= '${lsn}'`);
    await server.crash();
    await standby.query('SELECT pg_promote()');
    await receiver.logged(/receiving WAL slot=walg timeline=2/);
    await standby.query(`INSERT INTO ledger SELECT n, 'after' FROM generate_series(20001, 21000) AS n`);
    await untilStored(standby);
    const fact = await factOf(standby, 'ledger');
    receiver.child.kill('SIGTERM');
    expect(await receiver.ended).toMatchObject({ status: 0 });
    await standby.crash();
    const names = archived(rig);
    expect(names).toContain('00000002.history.lz4');
    expect(names.filter((name) => /^[0-9A-F]{24}\.json$/.test(name))).not.toEqual([]);
    expect(names.filter((name) => /^00000001[0-9A-F]{16}\.partial\.lz4$/.test(name))).toHaveLength(1);
    expect(names.filter((name) => /^00000002[0-9A-F]{16}\.partial\.lz4$/.test(name))).toHaveLength(1);

    const target = join(rig.folder, 'restored');
    await rig.succeed(['backup-fetch', target, '--target', 'end'], environment);
    const restored = await rig.startRestored(target);
    await restored.waitFor('SELECT NOT pg_is_in_recovery()', { timeoutMs: 60_000 });
    expect(await factOf(restored, 'ledger')).toBe(fact);
    expect(await restored.value('SELECT timeline_id FROM pg_control_checkpoint()')).toBe('3');
  });

  it('follows a failover to the server that is the primary now', async () => {
    const major = majors.at(-1) ?? 0;
    await using rig = await openRig({ major, archiving: false, settings, initdbArgs: ['--wal-segsize=1'] });
    const { server } = rig;
    await server.query('CREATE TABLE ledger (n int, m text)');
    await using standby = await startStandby(server, { wal_keep_size: '64MB' });
    const receiver = rig.start(['wal-receive'], {
      ...receiving,
      PGHOST: `${server.socketDirectory},${standby.socketDirectory}`,
      PGPORT: `${server.port},${standby.port}`,
      PGTARGETSESSIONATTRS: 'read-write',
    });
    await receiver.logged(/receiving WAL slot=walg timeline=1/);
    await server.query(`INSERT INTO ledger SELECT n, md5(n::text) FROM generate_series(1, 20000) AS n`);
    await untilStored(server);
    const lsn = await server.value('SELECT pg_current_wal_lsn()');
    await standby.waitFor(`SELECT pg_last_wal_replay_lsn() >= '${lsn}'`);
    await server.crash();
    await standby.query('SELECT pg_promote()');
    await receiver.logged(/receiving WAL slot=walg timeline=2/);
    await standby.query(`INSERT INTO ledger SELECT n, 'after' FROM generate_series(1, 20000) AS n`);
    await untilStored(standby);
    receiver.child.kill('SIGTERM');
    expect(await receiver.ended).toMatchObject({ status: 0 });
    const names = archived(rig);
    const numbers = names
      .filter((name) => /^[0-9A-F]{24}\.lz4$/.test(name))
      .map((name) => parseInt(name.slice(16, 24), 16));
    // Every number once: nothing is missing where the one server ended and the other one began.
    expect(numbers.toSorted((a, b) => a - b)).toEqual(numbers.map((_, index) => Math.min(...numbers) + index));
    expect(names.filter((name) => name.startsWith('00000002') && name.endsWith('.lz4')).length).toBeGreaterThan(2);
  });

  it('says when the server has removed WAL, and of the gap that a new slot begins with', async () => {
    const limits = { max_slot_wal_keep_size: '1MB', wal_keep_size: 0, max_wal_size: '2MB', min_wal_size: '2MB' };
    await using rig = await openRig({
      major: majors.at(-1) ?? 0,
      archiving: false,
      settings: { ...settings, ...limits },
      initdbArgs: ['--wal-segsize=1'],
    });
    const { server } = rig;
    const first = rig.start(['wal-receive'], receiving);
    await first.logged(/receiving WAL slot=walg timeline=1/);
    await untilStored(server);
    await kill(first);
    const isLost = async () => (await server.value('SELECT wal_status FROM pg_replication_slots')) === 'lost';
    await until(
      async () => {
        await server.query('CREATE TABLE filler AS SELECT repeat(md5(n::text), 5) FROM generate_series(1, 20000) AS n');
        await server.query('CHECKPOINT');
        await server.query('DROP TABLE filler');
        return await isLost();
      },
      () => 'the slot is lost',
    );
    const refused = await rig.cli(['wal-receive'], receiving);
    expect(refused).toMatchObject({ status: 66 });
    expect(refused.stderr).toContain('pg_drop_replication_slot');

    await server.query(`SELECT pg_drop_replication_slot('walg')`);
    const next = rig.start(['wal-receive'], receiving);
    await next.logged(/the archive has a gap that this server cannot fill/);
    await untilStored(server);
    next.child.kill('SIGTERM');
    expect(await next.ended).toMatchObject({ status: 0 });
  });
});
