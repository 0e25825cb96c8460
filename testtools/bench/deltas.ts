/** Delta backups: the loop over the pages, a delta against a full backup, the restore of a chain against that of one backup. */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { pageBytes } from '../../src/postgres/pages/page-scan.ts';
import { madePage } from '../pages.ts';
import type { BenchCluster } from './cluster.ts';
import { asUser, compare, table } from './measure.ts';
import {
  asClusterUser,
  atLeast,
  atMost,
  cpu,
  dataBytes,
  emptied,
  node,
  print,
  root,
  wall,
  walvault,
} from './report.ts';

const scannedBytes = 2 * 2 ** 30;
const deltasInChain = 5;
const rounds = 3;

/** All of it; the cluster must have some size. */
export function benchDeltas(cluster: BenchCluster): void {
  benchScan(cluster);
  const work = join(cluster.folder, 'work', 'deltas');
  emptied(work, cluster.user);
  const environment = {
    PGHOST: cluster.socketDirectory,
    PGUSER: 'postgres',
    WALG_FILE_PREFIX: join(work, 'storage'),
    WALG_WAL_WAIT_TIMEOUT: '0s',
    HOME: work,
  };
  emptied(environment.WALG_FILE_PREFIX, cluster.user);
  const push = [walvault, 'backup-push', cluster.dataDirectory];

  function pushOnce(...args: readonly string[]): string {
    const [file = '', ...rest] = asUser(cluster.user, ['sh', '-c', '"$@" 2>&1', 'sh', ...push, ...args]);
    const log = execFileSync(file, rest, { encoding: 'utf8', env: { ...process.env, ...environment } });
    return /Wrote backup with name (\S+)/.exec(log)?.[1] ?? '';
  }

  const base = pushOnce();
  changePages(cluster);
  const pushed = compare(
    [
      { name: 'full backup', command: [...push, '--full'] },
      {
        name: 'delta of 1 % of the pages',
        command: [...push, '--walg-delta-max-steps=99', `--delta-from-name=${base}`],
      },
    ].map((contender) => asClusterUser(cluster, { ...contender, environment })),
    rounds,
    cluster.postmasterPid(),
  );
  print(table(`backup-push of ${(dataBytes(cluster) / 1e9).toFixed(2)} GB, full and delta`, pushed, 'full backup'));
  atMost('delta of 1 % changed pages: wall against a full backup', wall(pushed, 1) / wall(pushed, 0), 0.35);

  let newest = base;
  for (let step = 0; step < deltasInChain; step += 1) {
    changePages(cluster);
    newest = pushOnce('--walg-delta-max-steps=99', `--delta-from-name=${newest}`);
  }
  const whole = pushOnce('--full');
  const target = join(work, 'restored');
  const prepare = (): void => {
    emptied(target, cluster.user);
    execFileSync('chmod', ['700', target]);
  };
  const fetched = compare(
    [
      { name: 'one full backup', command: [walvault, 'backup-fetch', target, whole], prepare },
      { name: `full backup and ${deltasInChain} deltas`, command: [walvault, 'backup-fetch', target, newest], prepare },
    ].map((contender) => asClusterUser(cluster, { ...contender, environment })),
    rounds,
  );
  print(table('backup-fetch of a chain', fetched, 'one full backup'));
  atMost('restore of a chain: wall against one full backup of the same size', wall(fetched, 1) / wall(fetched, 0), 1.3);
  rmSync(work, { recursive: true });
}

/** Touches one row in each hundredth page of the largest table. */
function changePages(cluster: BenchCluster): void {
  cluster.query('UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid % 6100 = 7');
  cluster.query('CHECKPOINT');
}

function benchScan(cluster: BenchCluster): void {
  const path = join(cluster.folder, 'pages');
  const fd = openSync(path, 'w');
  for (let block = 0; block < scannedBytes / pageBytes; block += 1) writeSync(fd, madePage({ lsn: 5n, block }));
  closeSync(fd);
  const program = join(root, 'testtools', 'bench', 'page-scan-main.ts');
  const results = compare(
    [
      { name: 'read and do nothing', command: [node, program, 'read', path] },
      { name: 'LSN and checksum of all pages', command: [node, program, 'scan', path] },
    ],
    rounds,
  );
  print(table('2 GiB of pages in the page cache', results, 'read and do nothing'));
  atLeast('page scan: bytes per CPU second against reading', cpu(results, 0) / cpu(results, 1), 0.5);
  rmSync(path);
}
