/**
 * `make bench`: walvault against its peers on the same data, codec and disk, in one run. Prints Markdown; whatever comes
 * out is printed. Arguments: any of `wal`, `backup`, `memory` (default: all).
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { startCluster, type BenchCluster } from './cluster.ts';
import { asUser, compare, table, type Contender } from './measure.ts';

const root = resolve(import.meta.dirname, '..', '..');
const walvault = join(root, 'dist', 'walvault');
const node = join(root, 'dist', 'lib', 'node');

function emptied(folder: string, owner: string | undefined): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  if (owner !== undefined) execFileSync('chown', [owner, folder]);
}

function withUser(cluster: BenchCluster, contender: Contender): Contender {
  return cluster.user === undefined ? contender : { ...contender, user: cluster.user };
}

function benchWal(cluster: BenchCluster): void {
  const wal = join(cluster.dataDirectory, 'pg_wal');
  const name = cluster.fullSegment();
  const work = join(cluster.folder, 'work', 'wal');
  const segment = join(work, 'cluster', 'pg_wal', name);
  const storage = join(work, 'storage');
  const fetched = join(work, 'fetched');
  emptied(join(work, 'cluster', 'pg_wal', 'archive_status'), undefined);
  mkdirSync(join(work, 'cluster', 'global'));
  cpSync(join(cluster.dataDirectory, 'global', 'pg_control'), join(work, 'cluster', 'global', 'pg_control'));
  cpSync(join(wal, name), segment);
  const cwd = join(work, 'cluster');
  const environment = { WALG_FILE_PREFIX: storage };
  emptied(storage, undefined);
  const push: Contender = {
    name: 'walvault wal-push',
    command: [walvault, 'wal-push', `pg_wal/${name}`],
    environment,
    cwd,
    prepare: () => emptied(storage, undefined),
  };
  const packed = join(work, 'packed.lz4');
  const pushed = compare(
    [
      push,
      { name: 'node -e 0', command: [node, '-e', '0'] },
      { name: 'lz4 -1', command: ['lz4', '-1', '-q', '-f', segment, packed] },
      { name: 'pgbackrest version (its start alone)', command: ['pgbackrest', 'version'] },
    ],
    11,
  );
  print(
    table(
      `wal-push of one 16 MB segment (stored: ${(statSync(packed).size / 1e6).toFixed(1)} MB)`,
      pushed,
      'walvault wal-push',
    ),
  );
  verdict('wal-push CPU against node -e 0 + lz4 -1', cpu(pushed, 0) / (cpu(pushed, 1) + cpu(pushed, 2)), 1.6);
  const received = compare(
    [
      {
        name: 'walvault wal-fetch',
        command: [walvault, 'wal-fetch', name, fetched],
        environment: { ...environment, WALG_DOWNLOAD_CONCURRENCY: '1' },
        cwd,
        prepare: () => rmSync(fetched, { force: true }),
      },
      { name: 'node -e 0', command: [node, '-e', '0'] },
      { name: 'lz4 -1', command: ['lz4', '-1', '-q', '-f', segment, packed] },
      { name: 'lz4 -d', command: ['lz4', '-d', '-q', '-f', packed, fetched] },
    ],
    11,
  );
  print(table('wal-fetch of one 16 MB segment', received, 'walvault wal-fetch'));
  verdict('wal-fetch CPU against node -e 0 + lz4 -1', cpu(received, 0) / (cpu(received, 1) + cpu(received, 2)), 1.6);
}

function benchBackup(cluster: BenchCluster): void {
  const work = join(cluster.folder, 'work', 'backup');
  emptied(work, cluster.user);
  const folder = (name: string): string => join(work, name);
  const pgbackrest = [
    'pgbackrest',
    '--config=/dev/null',
    '--stanza=main',
    `--repo1-path=${folder('pgbackrest')}`,
    `--log-path=${work}`,
    `--lock-path=${folder('lock')}`,
    `--pg1-path=${cluster.dataDirectory}`,
    '--log-level-console=warn',
    '--log-level-file=off',
    '--compress-type=lz4',
    '--process-max=2',
  ];
  const server = [`--pg1-socket-path=${cluster.socketDirectory}`, '--pg1-user=postgres'];
  const environment = {
    PGHOST: cluster.socketDirectory,
    PGUSER: 'postgres',
    WALG_FILE_PREFIX: folder('walvault'),
    HOME: work,
  };
  const bytes = Number(
    execFileSync('du', ['-sb', join(cluster.dataDirectory, 'base')], { encoding: 'utf8' }).split('\t')[0],
  );
  const basebackup = `/usr/lib/postgresql/15/bin/pg_basebackup -Ft -X none -c fast -D - 2>/dev/null | lz4 -1 -q > ${folder('base')}/base.tar.lz4`;
  const pushed = compare(
    [
      {
        name: 'walvault backup-push',
        command: [walvault, 'backup-push', cluster.dataDirectory],
        prepare: () => emptied(folder('walvault'), cluster.user),
      },
      {
        name: 'pgbackrest backup',
        command: [
          ...pgbackrest,
          ...server,
          '--no-archive-check',
          '--start-fast',
          '--repo1-retention-full=9',
          '--type=full',
          'backup',
        ],
        prepare: () => {
          emptied(folder('pgbackrest'), cluster.user);
          emptied(folder('lock'), cluster.user);
          const words = [
            ...pgbackrest.filter((word) => !/compress-type|process-max/.test(word)),
            ...server,
            '--no-online',
            'stanza-create',
          ];
          const [file = '', ...rest] = asUser(cluster.user, words);
          execFileSync(file, rest, { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, HOME: work } });
        },
      },
      {
        name: 'pg_basebackup -Ft | lz4 -1',
        command: ['bash', '-o', 'pipefail', '-c', basebackup],
        prepare: () => emptied(folder('base'), cluster.user),
      },
    ].map((contender) => withUser(cluster, { ...contender, environment })),
    3,
    cluster.postmasterPid(),
  );
  print(
    table(
      `backup-push of ${(bytes / 1e9).toFixed(2)} GB (CPU includes what the server did for it)`,
      pushed,
      'walvault backup-push',
    ),
  );
  verdict('backup-push wall against pgbackrest', wall(pushed, 0) / wall(pushed, 1), 0.7);
  verdict('backup-push CPU against pgbackrest', cpu(pushed, 0) / cpu(pushed, 1), 0.7);
  verdict('backup-push wall against pg_basebackup | lz4', wall(pushed, 0) / wall(pushed, 2), 0.7);
  verdict('backup-push CPU against pg_basebackup | lz4', cpu(pushed, 0) / cpu(pushed, 2), 0.7);

  const target = folder('restored');
  const prepare = (): void => {
    emptied(target, cluster.user);
    execFileSync('chmod', ['700', target]);
  };
  const fetched = compare(
    [
      { name: 'walvault backup-fetch', command: [walvault, 'backup-fetch', target, 'LATEST'], prepare },
      {
        name: 'pgbackrest restore',
        command: [
          ...pgbackrest.filter((word) => !/compress-type|pg1-path/.test(word)),
          `--pg1-path=${target}`,
          '--type=none',
          'restore',
        ],
        prepare,
      },
      {
        name: 'lz4 -d | tar x (no fsync, no checks)',
        command: ['bash', '-o', 'pipefail', '-c', `lz4 -dcq ${folder('base')}/base.tar.lz4 | tar x -C ${target}`],
        prepare,
      },
    ].map((contender) => withUser(cluster, { ...contender, environment })),
    3,
  );
  print(table('backup-fetch of the same', fetched, 'walvault backup-fetch'));
  verdict('backup-fetch wall against pgbackrest', wall(fetched, 0) / wall(fetched, 1), 0.7);
  verdict('backup-fetch CPU against pgbackrest', cpu(fetched, 0) / cpu(fetched, 1), 0.7);
  verdict('backup-fetch wall against lz4 -d | tar x', wall(fetched, 0) / wall(fetched, 2), 0.7);
  verdict('backup-fetch CPU against lz4 -d | tar x', cpu(fetched, 0) / cpu(fetched, 2), 0.7);
  rmSync(work, { recursive: true });
}

function benchMemory(cluster: BenchCluster, label: string): void {
  const work = join(cluster.folder, 'work', 'memory');
  emptied(work, cluster.user);
  emptied(join(work, 'storage'), cluster.user);
  const environment = {
    PGHOST: cluster.socketDirectory,
    PGUSER: 'postgres',
    WALG_FILE_PREFIX: join(work, 'storage'),
    HOME: work,
  };
  const restored = join(work, 'restored');
  const results = compare(
    [
      { name: `backup-push, ${label}`, command: [walvault, 'backup-push', cluster.dataDirectory] },
      { name: `backup-fetch, ${label}`, command: [walvault, 'backup-fetch', restored, 'LATEST'] },
    ].map((contender) => withUser(cluster, { ...contender, environment })),
    1,
  );
  print(table(`Peak memory at ${label}`, results, results[0]?.name ?? ''));
  for (const result of results) verdict(`peak memory of ${result.name}, MB`, result.peakBytes / 1e6, 250);
  rmSync(work, { recursive: true });
}

const cpu = (results: readonly { cpuSeconds: number }[], index: number): number =>
  results[index]?.cpuSeconds ?? Number.NaN;
const wall = (results: readonly { wallSeconds: number }[], index: number): number =>
  results[index]?.wallSeconds ?? Number.NaN;

const report: string[] = [];
function print(text: string): void {
  report.push(text);
  process.stdout.write(`${text}\n`);
}
function verdict(what: string, figure: number, goal: number): void {
  print(`- ${what}: **${figure.toFixed(2)}** (goal: at most ${goal}) ${figure <= goal ? 'reached' : 'NOT reached'}`);
}

const chosen = process.argv.slice(2);
const wants = (part: string): boolean => chosen.length === 0 || chosen.includes(part);
const cluster = startCluster(65);
process.on('SIGINT', () => process.exit(130));
process.on('exit', () => {
  cluster.remove();
});
if (wants('wal')) benchWal(cluster);
if (wants('memory')) benchMemory(cluster, '1 GB');
if (wants('backup')) {
  cluster.grow(135);
  benchBackup(cluster);
}
if (wants('memory')) {
  cluster.grow(340);
  benchMemory(cluster, '5 GB');
}
mkdirSync(join(root, '.cache'), { recursive: true });
writeFileSync(join(root, '.cache', 'bench.md'), `${report.join('\n')}\n`);
