/** The cluster that the benchmarks back up: Debian's Postgres 15 with pgbench data. Runs as `postgres` when started by root. */
import { execFileSync, spawnSync } from 'node:child_process';
import { appendFileSync, chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { asUser } from './measure.ts';

const binaries = '/usr/lib/postgresql/15/bin';

/** A running server with data, below a folder of its own. */
export interface BenchCluster {
  /** Everything, also what contenders write. */
  readonly folder: string;
  readonly dataDirectory: string;
  readonly socketDirectory: string;
  /** User that server and contenders run as; undefined = the caller. */
  readonly user: string | undefined;
  postmasterPid(): number;
  grow(scale: number): void;
  query(sql: string): string;
  /** Name of a full segment of ordinary transactions, still in `pg_wal`. */
  fullSegment(): string;
  remove(): void;
}

/** Creates and starts it. @param scale of pgbench, about 15 MB each */
export function startCluster(scale: number): BenchCluster {
  const asRoot = userInfo().uid === 0;
  const user = asRoot ? 'postgres' : undefined;
  const folder = mkdtempSync(join(tmpdir(), 'walvault-bench-'));
  chmodSync(folder, 0o755);
  const dataDirectory = join(folder, 'data');
  const socketDirectory = folder;
  if (user !== undefined) execFileSync('chown', [user, folder]);
  const run = (program: string, ...args: readonly string[]): string => {
    const [file = '', ...rest] = asUser(user, [join(binaries, program), ...args]);
    const done = spawnSync(file, rest, {
      encoding: 'utf8',
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      maxBuffer: 64 << 20,
    });
    if (done.status !== 0) throw new Error(`${program}: ${done.stdout}${done.stderr}`);
    return done.stdout;
  };
  run(
    'initdb',
    '-D',
    dataDirectory,
    '-U',
    'postgres',
    '-A',
    'trust',
    '--locale=C',
    '-E',
    'UTF8',
    '-N',
    '--data-checksums',
  );
  appendFileSync(
    join(dataDirectory, 'postgresql.conf'),
    `unix_socket_directories='${folder}'\nlisten_addresses=''\nport=5432\nfsync=off\nmax_wal_size=8GB\ncheckpoint_timeout=1h\nshared_buffers=256MB\nlogging_collector=off\nautovacuum=off\n`,
  );
  run('pg_ctl', '-D', dataDirectory, '-w', '-s', '-l', join(folder, 'log'), 'start');
  const connection = ['-h', folder, '-U', 'postgres'];
  const cluster: BenchCluster = {
    folder,
    dataDirectory,
    socketDirectory,
    user,
    postmasterPid: () => Number(readFileSync(join(dataDirectory, 'postmaster.pid'), 'utf8').split('\n')[0]),
    grow(newScale) {
      run('pgbench', ...connection, '-i', '-I', 'dtGvp', '-q', '-s', String(newScale), 'postgres');
      run('pgbench', ...connection, '-n', '-c', '2', '-t', '5000', 'postgres');
      run('psql', ...connection, '-qc', 'CHECKPOINT', 'postgres');
    },
    query: (sql) => run('psql', ...connection, '-XAtc', sql, 'postgres').trim(),
    fullSegment() {
      const current = (): string => cluster.query('SELECT pg_walfile_name(pg_current_wal_lsn())');
      const busyUntilNext = (): string => {
        const before = current();
        while (current() === before) run('pgbench', ...connection, '-n', '-c', '2', '-t', '500', 'postgres');
        return current();
      };
      const full = busyUntilNext();
      busyUntilNext();
      return full;
    },
    remove() {
      const pidFile = join(dataDirectory, 'postmaster.pid');
      spawnSync('kill', ['-INT', String(cluster.postmasterPid())]);
      for (let tries = 0; tries < 300 && existsSync(pidFile); tries += 1) spawnSync('sleep', ['0.1']);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  mkdirSync(join(folder, 'work'));
  if (user !== undefined) execFileSync('chown', [user, join(folder, 'work')]);
  if (scale > 0) cluster.grow(scale);
  return cluster;
}
