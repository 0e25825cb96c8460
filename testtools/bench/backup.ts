/** `backup-push` and `backup-fetch` against pgBackRest and pg_basebackup. */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchCluster } from './cluster.ts';
import { asUser, compare, table } from './measure.ts';
import { asClusterUser, atMost, cpu, dataBytes, emptied, print, wall, walvault } from './report.ts';

/** The whole data directory, codec lz4 on all sides. */
export function benchBackup(cluster: BenchCluster): void {
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
    ].map((contender) => asClusterUser(cluster, { ...contender, environment })),
    3,
    cluster.postmasterPid(),
  );
  print(
    table(
      `backup-push of ${(dataBytes(cluster) / 1e9).toFixed(2)} GB (CPU includes what the server did for it)`,
      pushed,
      'walvault backup-push',
    ),
  );
  atMost('backup-push wall against pgbackrest', wall(pushed, 0) / wall(pushed, 1), 0.7);
  atMost('backup-push CPU against pgbackrest', cpu(pushed, 0) / cpu(pushed, 1), 0.7);
  atMost('backup-push wall against pg_basebackup | lz4', wall(pushed, 0) / wall(pushed, 2), 0.7);
  atMost('backup-push CPU against pg_basebackup | lz4', cpu(pushed, 0) / cpu(pushed, 2), 0.7);

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
    ].map((contender) => asClusterUser(cluster, { ...contender, environment })),
    3,
  );
  print(table('backup-fetch of the same', fetched, 'walvault backup-fetch'));
  atMost('backup-fetch wall against pgbackrest', wall(fetched, 0) / wall(fetched, 1), 0.7);
  atMost('backup-fetch CPU against pgbackrest', cpu(fetched, 0) / cpu(fetched, 1), 0.7);
  atMost('backup-fetch wall against lz4 -d | tar x', wall(fetched, 0) / wall(fetched, 2), 0.7);
  atMost('backup-fetch CPU against lz4 -d | tar x', cpu(fetched, 0) / cpu(fetched, 2), 0.7);
  rmSync(work, { recursive: true });
}
