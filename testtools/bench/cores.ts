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
export function benchCores(cluster: BenchCluster, rounds = 5): void {
  if (availableParallelism() < 2) {
    print('\nCores: not measured, there is only one here.');
    return;
  }
  const work = join(cluster.folder, 'work', 'cores');
  const storage = join(work, 'storage');
  const restored = join(work, 'restored');
  emptied(work, cluster.user);
  for (const method of ['lz4', 'zstd']) {
    const environment = {
      PGHOST: cluster.socketDirectory,
      PGUSER: 'postgres',
      WALG_FILE_PREFIX: storage,
      WALG_COMPRESSION_METHOD: method,
      HOME: work,
    };
    const contenders = (name: string, words: readonly string[], prepare: () => void) =>
      [
        [`${name}, 1 core`, '0'],
        [`${name}, 2 cores`, '0,1'],
      ].map(([label = '', cores = '']) =>
        asClusterUser(cluster, {
          name: label,
          command: ['taskset', '-c', cores, walvault, ...words],
          environment,
          prepare,
        }),
      );
    const pushed = compare(
      contenders('backup-push', ['backup-push', cluster.dataDirectory], () => emptied(storage, cluster.user)),
      rounds,
    );
    const size = `${(dataBytes(cluster) / 1e9).toFixed(2)} GB`;
    print(table(`backup-push of ${size} with ${method} on one core and on two`, pushed, 'backup-push, 1 core'));
    atMost(`backup-push with ${method}: wall of 2 cores against 1`, best(pushed[1]) / best(pushed[0]), 0.6);
    const fetched = compare(
      contenders('backup-fetch', ['backup-fetch', restored, 'LATEST'], () =>
        rmSync(restored, { recursive: true, force: true }),
      ),
      rounds,
    );
    print(table(`backup-fetch of the same, ${method}`, fetched, 'backup-fetch, 1 core'));
    atMost(`backup-fetch with ${method}: wall of 2 cores against 1`, best(fetched[1]) / best(fetched[0]), 0.6);
  }
  rmSync(work, { recursive: true });
}

function best(result: Result | undefined): number {
  return Math.min(...(result?.runs ?? []).map((run) => run.wallSeconds));
}
