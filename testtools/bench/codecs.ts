/** Every codec against the program of its library: whole processes, the same file, output thrown away. */
import { execFileSync } from 'node:child_process';
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchCluster } from './cluster.ts';
import { writePages } from './data.ts';
import { compare, table, type Contender } from './measure.ts';
import { atLeast, cpu, emptied, print } from './report.ts';
import type { StageCommand } from './stage-program.ts';

interface Peer {
  readonly method: string;
  readonly extension: string;
  /** Speed per CPU second against the program: to compress, to decompress. */
  readonly goals: readonly [number, number];
  /** Writes to standard output; the file's name is appended. */
  readonly compress: string;
  readonly decompress: string;
}

// One thread each: the CPU seconds of the programs are lowest that way.
const peers: readonly Peer[] = [
  { method: 'lz4', extension: 'lz4', goals: [0.6, 0.8], compress: 'lz4 -1 -q -c', decompress: 'lz4 -d -q -c' },
  {
    method: 'zstd',
    extension: 'zst',
    goals: [0.9, 0.9],
    compress: 'zstd -3 -T1 -q -c',
    decompress: 'zstd -d -q -c',
  },
  {
    method: 'brotli',
    extension: 'br',
    goals: [0.9, 0.9],
    compress: 'brotli -q 3 --lgwin=22 -c',
    decompress: 'brotli -d -c',
  },
  {
    method: 'lzma',
    extension: 'lzma',
    goals: [0.8, 0.8],
    compress: 'xz --format=lzma -0 -q -c',
    decompress: 'xz --format=lzma -d -q -c',
  },
];

/** Both directions of each codec. The decompressors of both sides read the same file, ours. */
export function benchCodecs(cluster: BenchCluster, stage: StageCommand): void {
  const work = join(cluster.folder, 'work', 'codecs');
  emptied(work, undefined);
  const plain = join(work, 'plain');
  const megabytes = Math.round(writePages(cluster, plain) / 1e6);
  for (const { method, extension, goals, compress, decompress } of peers) {
    // A round of lzma takes as long as those of all others.
    const rounds = method === 'lzma' ? 1 : 3;
    const packed = join(work, `packed.${extension}`);
    run(stage('compress', method, plain, packed));
    const theirs = join(work, `theirs.${extension}`);
    run(thrownAway(compress, plain, theirs));
    const sizes = [packed, theirs].map((path) => (statSync(path).size / 1e6).toFixed(1)).join(' and ');
    const packing = compare(
      [
        ours(`walvault ${method}`, stage('compress', method, plain, '/dev/null')),
        { name: compress, command: thrownAway(compress, plain) },
      ],
      rounds,
    );
    print(table(`${compress}: ${megabytes} MB of pages and WAL become ${sizes} MB`, packing, `walvault ${method}`));
    atLeast(
      `${method}, compress: speed per CPU second against ${compress}`,
      cpu(packing, 1) / cpu(packing, 0),
      goals[0],
    );
    const unpacking = compare(
      [
        ours(`walvault ${method}, reading`, stage('decompress', extension, packed, '/dev/null')),
        { name: decompress, command: thrownAway(decompress, packed) },
      ],
      rounds,
    );
    print(table(`${decompress}: the same back`, unpacking, `walvault ${method}, reading`));
    atLeast(
      `${method}, decompress: speed per CPU second against ${decompress}`,
      cpu(unpacking, 1) / cpu(unpacking, 0),
      goals[1],
    );
  }
  rmSync(work, { recursive: true });
}

function ours(name: string, command: readonly string[]): Contender {
  return { name, command };
}

function thrownAway(command: string, from: string, to = '/dev/null'): readonly string[] {
  return ['sh', '-c', `exec ${command} "$0" > "$1"`, from, to];
}

function run([file = '', ...words]: readonly string[]): void {
  execFileSync(file, words, { stdio: ['ignore', 'ignore', 'inherit'] });
}
