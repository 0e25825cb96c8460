/** Streams of 4 GB against `lz4 -1`, both behind a pipe: pushed, with blocks compressed side by side, and fetched. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchCluster } from './cluster.ts';
import { writePages, writeRepeated } from './data.ts';
import { compare, table } from './measure.ts';
import { atMost, emptied, print, walvault, wall } from './report.ts';

const bytes = 4e9;
const memoryMegabytes = 250;

/** Both directions, file storage; `stream-push` has its object on the disk when it ends, `lz4` leaves that to the system. */
export function benchStreams(cluster: BenchCluster, rounds = 3): void {
  const work = join(cluster.folder, 'work', 'streams');
  emptied(work, undefined);
  const plain = join(work, 'plain');
  const packed = join(work, 'plain.lz4');
  const storage = join(work, 'storage');
  writePages(cluster, join(work, 'pages'));
  const gigabytes = (writeRepeated(join(work, 'pages'), plain, bytes) / 1e9).toFixed(1);
  rmSync(join(work, 'pages'));
  const environment = { WALG_FILE_PREFIX: storage, WALG_COMPRESSION_METHOD: 'lz4' };
  const push = `cat "$0" | "$1" stream-push 2> /dev/null`;
  const results = compare(
    [
      {
        name: 'walvault stream-push',
        command: ['sh', '-c', push, plain, walvault],
        environment,
        prepare: () => {
          rmSync(storage, { recursive: true, force: true });
          mkdirSync(storage);
        },
      },
      {
        name: 'walvault stream-fetch',
        command: ['sh', '-c', '"$0" stream-fetch LATEST 2> /dev/null | cat > /dev/null', walvault],
        environment,
      },
      {
        name: 'lz4 -1',
        command: ['sh', '-c', 'cat "$0" | lz4 -1 -q -f > "$1"', plain, packed],
        prepare: () => {
          rmSync(packed, { force: true });
        },
      },
      { name: 'lz4 -d', command: ['sh', '-c', 'lz4 -d -q -c "$0" | cat > /dev/null', packed] },
    ],
    rounds,
  );
  print(table(`a stream of ${gigabytes} GB through a pipe, lz4`, results, 'walvault stream-push'));
  atMost('stream-push: wall clock against lz4 -1', wall(results, 0) / wall(results, 2), 0.8);
  atMost('stream-fetch: wall clock against lz4 -1', wall(results, 1) / wall(results, 2), 0.8);
  for (const { name, peakBytes } of results.slice(0, 2)) {
    atMost(`${name}: peak memory in MB`, peakBytes / 1e6, memoryMegabytes);
  }
  rmSync(work, { recursive: true });
}
