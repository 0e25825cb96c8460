/** `wal-push` and `wal-fetch` of one segment against the programs that do the same work. */
import { cpSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchCluster } from './cluster.ts';
import { compare, table, type Contender } from './measure.ts';
import { atMost, cpu, emptied, node, print, walvault } from './report.ts';

/** One 16 MB segment of ordinary transactions, whole processes. */
export function benchWal(cluster: BenchCluster): void {
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
  atMost('wal-push CPU against node -e 0 + lz4 -1', cpu(pushed, 0) / (cpu(pushed, 1) + cpu(pushed, 2)), 1.6);
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
  atMost('wal-fetch CPU against node -e 0 + lz4 -1', cpu(received, 0) / (cpu(received, 1) + cpu(received, 2)), 1.6);
}
