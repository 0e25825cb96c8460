/** What a second core is worth: the same backup on one core and on two. */
import { availableParallelism } from 'node:os';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchCluster } from './cluster.ts';
import { compare, table, type Result } from './measure.ts';
import { asClusterUser, atMost, dataBytes, emptied, print, walvault } from './report.ts';

/**
 * `backup-push` and `backup-fetch`, held to one core by `taskset`, and to two. The best runs are compared: whatever else
 * happens on the machine makes wall clocks longer, never shorter.
 */
export function benchCores(cluster: BenchCluster, rounds = 3): void {
  if (availableParallelism() < 2) {
    print('\nCores: not measured, there is only one here.');
    return;
  }
  const work = join(cluster.folder, 'work', 'cores');
  const storage = join(work, 'storage');
  const restored = join(work, 'restored');
  emptied(work, cluster.user);
  const size = `${(dataBytes(cluster) / 1e9).toFixed(2)} GB`;
  const compared = (what: string, method: string, words: readonly string[], prepare: () => void): void => {
    const environment = {
      PGHOST: cluster.socketDirectory,
      PGUSER: 'postgres',
      WALG_FILE_PREFIX: storage,
      WALG_COMPRESSION_METHOD: method,
      HOME: work,
    };
    const contenders = [
      ['1 core', '0'],
      ['2 cores', '0,1'],
    ].map(([name = '', cores = '']) =>
      asClusterUser(cluster, {
        name,
        command: ['taskset', '-c', cores, walvault, ...words],
        environment,
        prepare,
      }),
    );
    const results = compare(contenders, rounds);
    print(table(`${what} of ${size} with ${method} on one core and on two`, results, '1 core'));
    atMost(`${what} with ${method}: wall of 2 cores against 1`, best(results[1]) / best(results[0]), 0.6);
  };
  for (const method of ['lz4', 'zstd']) {
    compared('backup-push', method, ['backup-push', cluster.dataDirectory], () => emptied(storage, cluster.user));
  }
  compared('backup-fetch', 'zstd', ['backup-fetch', restored, 'LATEST'], () =>
    rmSync(restored, { recursive: true, force: true }),
  );
  rmSync(work, { recursive: true });
}

function best(result: Result | undefined): number {
  return Math.min(...(result?.runs ?? []).map((run) => run.wallSeconds));
}
