import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromBytes } from '../../src/bytes/stage.ts';
import { noneCodec } from '../../src/codecs/none.ts';
import { rawSettings } from '../../src/config/setting.ts';
import type { Check } from '../../src/doctor/check.ts';
import { examine } from '../../src/doctor/doctor.ts';
import { status } from '../../src/commands/status.ts';
import type { Transport } from '../../src/pipeline/transport.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { silentLogger } from '../../src/platform/logger.ts';
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { runCommand } from '../../testtools/command-run.ts';
import { hasMariadb, whyNoMariadb } from '../../testtools/mariadb/programs.ts';
import { startMariadb, type MariadbServer } from '../../testtools/mariadb/server.ts';

async function doctored(
  storage: Storage,
  settings: Readonly<Record<string, string>>,
): Promise<ReadonlyMap<string, Check>> {
  const checks = new Map<string, Check>();
  const options = {
    configuration: { settings: rawSettings({ PATH: '/usr/bin:/bin', ...settings }), path: undefined, warnings: [] },
    ...{ openStorage: () => Promise.resolve(storage), programPath: '/walvault', database: 'mysql' as const },
    ...{ only: undefined, write: false, turbo: false, logger: silentLogger, clock: systemClock },
    signal: new AbortController().signal,
  };
  for await (const check of examine(options)) checks.set(check.name, check);
  return checks;
}

async function shown(transport: Transport, datasource: string): Promise<Readonly<Record<string, unknown>>> {
  const settings = { WALG_MYSQL_DATASOURCE_NAME: datasource };
  const { stdout } = await runCommand(status, ['--json'], { transport, settings, clock: systemClock });
  return JSON.parse(stdout) as Readonly<Record<string, unknown>>;
}

describe.skipIf(!hasMariadb)(`doctor and status with a server of MariaDB${whyNoMariadb}`, { timeout: 120_000 }, () => {
  let server: MariadbServer;
  const storage = createMemoryStorage();
  const transport: Transport = { storage, codec: noneCodec, crypter: undefined };

  async function archive(name: string): Promise<void> {
    await storage.write(`binlog_005/${name}`, fromBytes(readFileSync(join(server.dataDirectory, name))));
  }

  beforeAll(async () => {
    server = await startMariadb();
    await server.query('create database test; create table test.t (a int); insert into test.t values (1)');
    await server.query("create user 'poor'@'%' identified by 'secret'");
    for (let index = 0; index < 3; index++) await server.rotate();
    const now = new Date().toISOString();
    const sentinel = { BinLogStart: 'mysql-bin.000001', StartLocalTime: now, StopLocalTime: now };
    await storage.write('basebackups_005/stream_20261121T000001Z/stream', fromBytes(Buffer.from('bytes')));
    await storage.write(
      'basebackups_005/stream_20261121T000001Z_backup_stop_sentinel.json',
      fromBytes(Buffer.from(JSON.stringify(sentinel))),
    );
  }, 120_000);
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  it('finds what is set up, and that nothing was pushed yet', async () => {
    const checks = await doctored(storage, { WALG_MYSQL_DATASOURCE_NAME: server.datasource });
    const outcomes = Object.fromEntries([...checks].map(([name, { outcome }]) => [name, outcome]));
    expect(outcomes).toMatchObject({
      ...{ reachable: 'ok', version: 'ok', rights: 'ok', durability: 'warn', create_command: 'skip' },
      ...{ log_bin: 'ok', format: 'ok', encryption: 'ok', gtids: 'ok', replay_programs: 'ok', archived: 'warn' },
    });
    expect(checks.get('reachable')?.text).not.toContain('secret');
  });

  it('tells of a user without rights, of a wrong password, and of commands that are not there', async () => {
    const poor = await doctored(storage, {
      WALG_MYSQL_DATASOURCE_NAME: `poor:secret@tcp(127.0.0.1:${server.port})/`,
      WALG_STREAM_CREATE_COMMAND: 'no-such-backup-tool --stream=xbstream --xtrabackup',
    });
    expect(poor.get('rights')).toMatchObject({ outcome: 'fail', kind: 'forbidden' });
    expect(poor.get('create_command')?.text).toContain('no-such-backup-tool');
    expect(poor.get('prepare_command')?.outcome).toBe('warn');
    const wrong = await doctored(storage, {
      WALG_MYSQL_DATASOURCE_NAME: `poor:mistaken@tcp(127.0.0.1:${server.port})/`,
    });
    expect(wrong.get('reachable')?.outcome).toBe('fail');
    expect(JSON.stringify([...wrong.values()])).not.toContain('mistaken');
  });

  it('shows how far the archive is behind the server, and what the server has removed', async () => {
    await archive('mysql-bin.000001');
    const behind = await shown(transport, server.datasource);
    expect(behind).toMatchObject({
      ok: true,
      server: { state: 'answered', flavor: 'mariadb', active: { binlog: 'mysql-bin.000004' }, binlogs: 4 },
      binlogs: { last: { name: 'mysql-bin.000001' }, lag_binlogs: 2, lost: 0 },
      current_window: { from: { binlog: 'mysql-bin.000001' }, to: { binlog: 'mysql-bin.000001' }, broken: false },
      problems: [],
    });
    expect((await doctored(storage, { WALG_MYSQL_DATASOURCE_NAME: server.datasource })).get('archived')).toMatchObject({
      outcome: 'ok',
      figures: { behind: 2 },
    });

    await server.query("purge binary logs to 'mysql-bin.000004'");
    const lost = await shown(transport, server.datasource);
    expect(lost).toMatchObject({
      ok: false,
      binlogs: { lost: 2 },
      problems: [{ name: 'binlogs_lost', kind: 'missing' }],
    });
    expect((await doctored(storage, { WALG_MYSQL_DATASOURCE_NAME: server.datasource })).get('archived')?.outcome).toBe(
      'fail',
    );
  });
});
