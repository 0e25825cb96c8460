/** Finds out which files of a cluster are as a backup has them. */
import type { WorkerPool } from '../../pipeline/worker-pool.ts';
import { localPath, type RestoreLayout } from '../backup/restore-target.ts';
import type { NameSet } from '../restore/name-set.ts';
import type { ComparedFile, CompareFilesJob } from './compare-files.ts';
import type { LocalFiles } from './local-files.ts';
import type { StoredSums } from './stored-sums.ts';

/** What is compared. */
export interface Comparison {
  readonly layout: RestoreLayout;
  readonly names: NameSet;
  readonly sums: StoredSums;
  readonly local: LocalFiles;
  /** The files that are right are on disk then. */
  readonly durable: boolean;
}

/** So much work makes a job. */
const jobBytes = 64 << 20;
const jobFiles = 512;
/** Jobs that wait; their names are in memory. */
const mostQueued = 64;

/** Bytes that {@link compareFiles} reads at most. */
export function comparedBytes({ sums, local }: Pick<Comparison, 'sums' | 'local'>): number {
  return sums.sizes.reduce((sum, size, number) => (size === local.sizes[number] ? sum + Math.max(0, size) : sum), 0);
}

/** @returns 1 for each file that is right, by the numbers of the names */
export async function compareFiles(pool: Pick<WorkerPool, 'run'>, comparison: Comparison): Promise<Uint8Array> {
  const right = new Uint8Array(comparison.names.size);
  const jobs = jobsOf(comparison);
  async function work(): Promise<void> {
    for (const job of jobs) for (const number of await pool.run<readonly number[]>(job)) right[number] = 1;
  }
  await Promise.all(Array.from({ length: mostQueued }, work));
  return right;
}

/** A file of another size is not looked into. */
function* jobsOf({ layout, names, sums, local, durable }: Comparison): Generator<CompareFilesJob> {
  let files: ComparedFile[] = [];
  let bytes = 0;
  for (const [number, path] of names.entries()) {
    const sizeBytes = sums.sizes[number] ?? -1;
    if (sizeBytes < 0 || sizeBytes !== local.sizes[number]) continue;
    files.push({ number, local: localPath(layout, path), sizeBytes, hash: sums.hashes[number] ?? 0n });
    bytes += sizeBytes;
    if (files.length < jobFiles && bytes < jobBytes) continue;
    yield { kind: 'compareFiles', files, durable };
    files = [];
    bytes = 0;
  }
  if (files.length > 0) yield { kind: 'compareFiles', files, durable };
}
