/** `wal-push` of one segment to S3 against the same to a folder: what requests and signatures add to a short process. */
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchCluster } from './cluster.ts';
import { compare, table } from './measure.ts';
import { atMost, cpu, emptied, print, walvault } from './report.ts';

/** Whole processes. @param bucket settings of a bucket that takes everything */
export function benchWalToS3(cluster: BenchCluster, bucket: Readonly<Record<string, string>>): void {
  const name = cluster.fullSegment();
  const work = join(cluster.folder, 'work', 'wal-s3');
  const storage = join(work, 'storage');
  const cwd = join(work, 'cluster');
  emptied(join(cwd, 'pg_wal', 'archive_status'), undefined);
  mkdirSync(join(cwd, 'global'));
  cpSync(join(cluster.dataDirectory, 'global', 'pg_control'), join(cwd, 'global', 'pg_control'));
  cpSync(join(cluster.dataDirectory, 'pg_wal', name), join(cwd, 'pg_wal', name));
  emptied(storage, undefined);
  const command = [walvault, 'wal-push', `pg_wal/${name}`];
  const results = compare(
    [
      { name: 'wal-push to S3', command, environment: bucket, cwd },
      {
        name: 'wal-push to a folder',
        command,
        environment: { WALG_FILE_PREFIX: storage },
        cwd,
        prepare: () => {
          emptied(storage, undefined);
        },
      },
    ],
    11,
  );
  print(table('wal-push of one 16 MB segment to S3 (http) and to a folder', results, 'wal-push to a folder'));
  atMost('wal-push: CPU with S3 against a folder', cpu(results, 0) / cpu(results, 1), 1.3);
}
