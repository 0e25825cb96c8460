/**
 * `make demo`: a database is backed up, destroyed and brought back to the second, on a throwaway Postgres and file
 * storage. Exits with 1 when what came back is not what was there.
 */
import { readdirSync, rmSync, statSync } from 'node:fs';
import { mkdir, chown } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { mebibytes, openStory } from './story.ts';
import { prepareStage, runProgram, throwawayPostgres, type ThrowawayPostgres } from './throwaway-postgres.ts';

const root = resolve(import.meta.dirname, '..', '..');
const accounts = 400_000;
const tables = ['accounts', 'branches', 'tellers', 'history'] as const;

const load = `
  CREATE TABLE branches AS SELECT id, 0 AS balance, repeat(' ', 80) AS filler FROM generate_series(1, 4) AS id;
  CREATE TABLE tellers AS SELECT id, 1 + id % 4 AS branch, 0 AS balance, repeat(' ', 80) AS filler FROM generate_series(1, 40) AS id;
  CREATE TABLE accounts AS SELECT id, 1 + id % 4 AS branch, 0 AS balance, md5(id::text) || repeat(' ', 50) AS filler
    FROM generate_series(1, ${accounts}) AS id;
  ALTER TABLE accounts ADD PRIMARY KEY (id);
  CREATE TABLE history (account int, teller int, branch int, delta int, at timestamptz DEFAULT clock_timestamp());
  ANALYZE`;

function payments(count: number, seed: number): string {
  return `
  DO $$ DECLARE n int; account int; amount int; BEGIN
    PERFORM setseed(${seed});
    FOR n IN 1..${count} LOOP
      account := 1 + floor(random() * ${accounts})::int; amount := floor(random() * 1000)::int - 500;
      UPDATE accounts SET balance = balance + amount WHERE id = account;
      UPDATE tellers SET balance = balance + amount WHERE id = 1 + n % 40;
      INSERT INTO history (account, teller, branch, delta) VALUES (account, 1 + n % 40, 1 + account % 4, amount);
      IF n % 100 = 0 THEN COMMIT; END IF;
    END LOOP;
  END $$`;
}

/** Row count and checksum of every table. */
async function facts(postgres: ThrowawayPostgres): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const table of tables) {
    const [row] = await postgres.query(
      `SELECT count(*) || ' rows, md5 ' || md5(string_agg(t::text, ',' ORDER BY t::text)) AS fact FROM ${table} AS t`,
    );
    found.set(table, String(row?.['fact']));
  }
  return found;
}

async function waitUntil(what: string, done: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await done())) {
    if (performance.now() > deadline) throw new Error(`waited a minute in vain: ${what}`);
    await delay(100);
  }
}

async function value(postgres: ThrowawayPostgres, expression: string): Promise<string> {
  const [row] = await postgres.query(`SELECT (${expression})::text AS value`);
  return String(row?.['value']);
}

function sizeOf(folder: string): { bytes: number; files: number } {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const bytes = entries.reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
  return { bytes, files: entries.length };
}

async function main(): Promise<boolean> {
  const story = openStory((line) => process.stdout.write(`${line}\n`));
  const started = performance.now();
  const stage = prepareStage(root);
  process.on('exit', () => {
    stage.remove();
  });
  const archive = join(stage.folder, 'archive');
  await mkdir(archive);
  if (stage.identity !== undefined) await chown(archive, stage.identity.uid, stage.identity.gid);
  const archiving = { WALG_FILE_PREFIX: archive };
  const postgres = throwawayPostgres(stage, archiving);
  const walvault = (...args: readonly string[]): Promise<{ stdout: string; stderr: string }> =>
    runProgram(stage, stage.walvault, args, { ...archiving, ...postgres.environment });

  story.chapter('A database at work');
  await story.step('Postgres 17 started; every WAL segment goes to the archive by: walvault wal-push %p', () => {
    postgres.initialize([
      'wal_level = replica',
      'archive_mode = on',
      `archive_command = '"${stage.walvault}" wal-push "%p"'`,
      'max_wal_size = 512MB',
      'shared_buffers = 64MB',
      'fsync = off',
    ]);
    postgres.start();
    return Promise.resolve();
  });
  await story.step(`${accounts.toLocaleString('en')} bank accounts opened`, () => postgres.query(load));
  await postgres.query(payments(2_000, 0.1));
  story.tell(`the cluster holds ${mebibytes(sizeOf(postgres.dataDirectory).bytes)}`);

  story.chapter('The nightly backup');
  await story.step('walvault backup-push', () => walvault('backup-push', postgres.dataDirectory));
  const list = await walvault('backup-list');
  for (const line of list.stdout.trimEnd().split('\n')) story.tell(`  ${line}`);
  const stored = sizeOf(archive);
  story.tell(`the archive holds ${mebibytes(stored.bytes)} in ${stored.files} objects`);

  story.chapter('The day goes on');
  await story.step('6,000 payments booked after the backup', () => postgres.query(payments(6_000, 0.2)));
  const before = await facts(postgres);
  await delay(1_100);
  const moment = await value(
    postgres,
    `to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00'`,
  );
  await delay(1_100);
  story.tell(`it is ${moment}: all is well`);
  for (const [table, fact] of before) story.tell(`  ${table.padEnd(9)} ${fact}`);

  story.chapter('The disaster');
  await postgres.query(payments(500, 0.3));
  await postgres.query('DROP TABLE accounts');
  story.tell('somebody runs: DROP TABLE accounts');
  const last = await value(postgres, 'pg_walfile_name(pg_switch_wal())');
  await waitUntil('the last segment to be archived', async () => {
    return (
      (await value(postgres, `coalesce((SELECT last_archived_wal >= '${last}' FROM pg_stat_archiver), false)`)) ===
      'true'
    );
  });
  postgres.stop('immediate');
  rmSync(postgres.dataDirectory, { recursive: true });
  story.tell('then the server dies, and its data directory with it');

  story.chapter(`Back to ${moment}`);
  const fetched = await story.step(`walvault backup-fetch … --target-time '${moment}'`, () =>
    walvault('backup-fetch', postgres.dataDirectory, '--target-time', moment, '--target-action', 'promote'),
  );
  if (process.env['DEMO_VERBOSE'] !== undefined) process.stdout.write(fetched.stderr);
  await story.step('Postgres replayed the archive by: walvault wal-fetch %f %p', async () => {
    postgres.start();
    await waitUntil('the end of recovery', async () => (await value(postgres, 'pg_is_in_recovery()')) === 'false');
  });
  const after = await facts(postgres);
  let same = true;
  for (const [table, fact] of before) {
    const equal = after.get(table) === fact;
    same &&= equal;
    story.tell(`  ${table.padEnd(9)} ${after.get(table) ?? 'missing'} ${equal ? '= as it was' : `≠ ${fact}`}`);
  }
  await postgres.query(payments(100, 0.4));
  postgres.stop('fast');
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  process.stdout.write(
    same ? `\nEvery row is back. (${seconds} s in all)\n` : '\nThe restored tables differ: this is a bug.\n',
  );
  return same;
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));
try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  process.stderr.write(
    `\nThe demo failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exitCode = 1;
}
