/** `binlog-push` of 200 binary logs of 5 MB, side by side against one after another; and with nothing to do, twice. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { madeBinlog, mariadbGtidListEvent, mariadbGtidEvent, rotateEvent, xidEvent } from '../binlog-events.ts';
import { eventTypes } from '../../src/mysql/binlog/events/event.ts';
import { hasMariadb } from '../mariadb/programs.ts';
import { startMariadb } from '../mariadb/server.ts';
import { seededRandom } from '../seeded-random.ts';
import { buildProgram } from './build-program.ts';
import { compare, table } from './measure.ts';
import { atLeast, atMost, emptied, print, root, wall, walvault } from './report.ts';

const count = 200;
const bytesOfEach = 5_000_000;
const rowBytes = 1000;

/** What a bucket of the same region takes for an object of some megabytes, all told. */
const latencyMs = 100;

/** @param folder for the logs and a storage: 2 GB */
export async function benchBinlogs(folder: string): Promise<void> {
  const source = join(folder, 'binlogs');
  const storage = join(folder, 'binlog-storage');
  makeBinlogs(source);
  const programs = join(root, '.cache', 'bench-binlogs');
  await buildProgram('binlog-sink-main', programs);
  const sink = spawn(process.execPath, [join(programs, 'binlog-sink-main.mjs'), String(latencyMs)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [line] = (await once(sink.stdout, 'data')) as [Buffer];
    const url = line.toString().trim();
    const bucket = {
      WALG_MYSQL_BINLOG_SRC: source,
      WALG_S3_PREFIX: 's3://bucket/bench',
      AWS_ENDPOINT: url,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'key',
      AWS_SECRET_ACCESS_KEY: 'secret',
    };
    const reset = `await fetch(${JSON.stringify(`${url}/reset`)}, { method: 'POST' })`;
    const prepare = (): void => {
      execFileSync(process.execPath, ['--input-type=module', '-e', reset]);
    };
    const command = [walvault, 'binlog-push'];
    const one = { ...bucket, WALG_UPLOAD_CONCURRENCY: '1' };
    const results = compare(
      [
        { name: 'one after another', command, environment: one, prepare },
        { name: 'side by side', command, environment: bucket, prepare },
      ],
      3,
    );
    print(
      table(
        `binlog-push of ${count} binary logs of ${bytesOfEach / 1e6} MB to a bucket that takes ${latencyMs} ms for a request`,
        results,
        'one after another',
      ),
    );
    atLeast('binlog-push: one after another against side by side', wall(results, 0) / wall(results, 1), 3);
  } finally {
    sink.kill('SIGKILL');
  }
  benchNothingNew(source, storage);
  await benchUsualConfiguration(storage);
}

function benchNothingNew(source: string, storage: string): void {
  emptied(storage, undefined);
  const environment = { WALG_MYSQL_BINLOG_SRC: source, WALG_FILE_PREFIX: storage };
  const command = [walvault, 'binlog-push'];
  compare([{ name: 'all', command, environment }], 1);
  const results = compare(
    [
      { name: 'binlog-push, nothing new', command, environment },
      { name: 'bare start', command: [walvault, '--version'], environment },
    ],
    21,
  );
  print(table('binlog-push with nothing new against the bare start of the program', results, 'bare start'));
  atMost('binlog-push: nothing new against the bare start', wall(results, 0) / wall(results, 1), 1.5);
}

/** Where the binary logs are is asked of the server, as by most crontabs. Without MariaDB nothing is printed. */
async function benchUsualConfiguration(storage: string): Promise<void> {
  if (!hasMariadb) return;
  await using server = await startMariadb();
  for (let number = 0; number < 20; number += 1) await server.rotate();
  emptied(storage, undefined);
  const environment = { WALG_MYSQL_DATASOURCE_NAME: server.datasource, WALG_FILE_PREFIX: storage };
  const command = [walvault, 'binlog-push'];
  compare([{ name: 'all', command, environment }], 1);
  const results = compare(
    [
      { name: 'binlog-push, nothing new, connects', command, environment },
      { name: 'bare start', command: [walvault, '--version'], environment },
    ],
    21,
  );
  print(table('binlog-push with nothing new that asks the server against the bare start', results, 'bare start'));
  atMost(
    'binlog-push: nothing new, asking the server, against the bare start',
    wall(results, 0) / wall(results, 1),
    1.5,
  );
}

/** Rows of half-random text, as compressible as most; the last one is the log that the server has open. */
function makeBinlogs(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const random = seededRandom(1);
  const pool = Buffer.from(Array.from({ length: 1 << 20 }, () => 97 + Math.floor(random() * 16)));
  const nameOf = (number: number): string => `mysql-bin.${String(number).padStart(6, '0')}`;
  const perLog = Math.floor(bytesOfEach / (rowBytes + 100));
  let sequence = 0;
  for (let number = 1; number <= count + 1; number += 1) {
    const isOpen = number === count + 1;
    const events = [mariadbGtidListEvent(sequence === 0 ? '' : `0-1-${sequence}`)];
    for (let row = 0; row < perLog && !isOpen; row += 1) {
      sequence += 1;
      const at = Math.floor(random() * (pool.length - rowBytes));
      const rows = { type: eventTypes.beginLoadQuery, body: pool.subarray(at, at + rowBytes) };
      events.push(mariadbGtidEvent(`0-1-${sequence}`), rows, xidEvent());
    }
    if (!isOpen) events.push(rotateEvent(nameOf(number + 1)));
    writeFileSync(join(folder, nameOf(number)), madeBinlog({ events, inUse: isOpen }));
  }
  const names = Array.from({ length: count + 1 }, (_none, index) => `./${nameOf(index + 1)}\n`);
  writeFileSync(join(folder, 'mysql-bin.index'), names.join(''));
}
