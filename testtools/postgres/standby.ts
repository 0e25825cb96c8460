import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { preparePostgres } from './server.ts';
import type { ServerSettings, TestServer } from './server.ts';
import { makeServerTemp } from './server-user.ts';

/** Copies a running primary and starts the copy as a standby that streams from it and accepts read-only queries. */
export async function startStandby(primary: TestServer, settings: ServerSettings = {}): Promise<TestServer> {
  const home = makeServerTemp();
  const directory = join(home, 'data');
  const { label } = await backUp(primary, directory);
  rmSync(join(directory, 'postmaster.pid'), { force: true });
  writeFileSync(join(directory, 'backup_label'), label);
  writeFileSync(join(directory, 'standby.signal'), '');
  const standby = await preparePostgres({
    major: primary.major,
    directory,
    settings: {
      primary_conninfo: `host=${primary.socketDirectory} port=${primary.port} user=postgres`,
      hot_standby: true,
      ...settings,
    },
  });
  const disposeServer = standby[Symbol.asyncDispose].bind(standby);
  standby[Symbol.asyncDispose] = async () => {
    await disposeServer();
    rmSync(home, { recursive: true, force: true });
  };
  try {
    await standby.start();
  } catch (error) {
    await standby[Symbol.asyncDispose]();
    throw error;
  }
  return standby;
}

/** Takes a backup by the server's functions and `cp`, apart from everything that is under test. */
async function backUp(primary: TestServer, directory: string): Promise<{ readonly label: string }> {
  const client = new pg.Client({ host: primary.socketDirectory, port: primary.port, user: 'postgres' });
  await client.connect();
  const isNew = primary.major >= 15;
  try {
    await client.query(isNew ? `select pg_backup_start('copy', true)` : `select pg_start_backup('copy', true, false)`);
    // Files may vanish under way: the WAL since the start makes up for them.
    spawnSync('cp', ['-a', primary.dataDirectory, directory]);
    const { rows } = await client.query<{ labelfile: string }>(
      isNew ? 'select labelfile from pg_backup_stop(false)' : 'select labelfile from pg_stop_backup(false, false)',
    );
    return { label: rows[0]?.labelfile ?? '' };
  } finally {
    await client.end();
  }
}
