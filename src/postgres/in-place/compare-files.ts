/** Compares local files with checksums, in a worker thread. */
import { closeSync, constants, fstatSync, fsyncSync, openSync, readSync } from 'node:fs';
import { codeOf, messageOf } from '../../errors.ts';
import type { WorkerJob } from '../../pipeline/worker-protocol.ts';
import type { WorkerContext } from '../../pipeline/worker-thread.ts';
import { createContentHasher, type ContentHasher } from './content-hash.ts';

/** Files to compare. */
export interface CompareFilesJob extends WorkerJob {
  readonly kind: 'compareFiles';
  readonly files: readonly ComparedFile[];
  /** Those that are right are on disk then: an interrupted restore may have written them. */
  readonly durable: boolean;
}

/** What a file should be. */
export interface ComparedFile {
  /** For the result. */
  readonly number: number;
  /** Absolute path. */
  readonly local: string;
  readonly sizeBytes: number;
  readonly hash: bigint;
}

/** @returns the numbers of the files that are right; one that cannot be read is not, and none is without WebAssembly */
export function runCompareFiles(context: WorkerContext, { files, durable }: CompareFilesJob): readonly number[] {
  const hasher = createContentHasher();
  if (hasher === undefined) return [];
  return files.filter((file) => isRight(context, hasher, file, durable)).map(({ number }) => number);
}

function isRight(
  context: WorkerContext,
  hasher: ContentHasher,
  { local, sizeBytes, hash }: ComparedFile,
  durable: boolean,
): boolean {
  let descriptor: number | undefined;
  let left = sizeBytes;
  try {
    descriptor = openSync(local, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    if (fstatSync(descriptor).size !== sizeBytes) return false;
    hasher.start();
    while (left > 0) {
      const length = readSync(descriptor, hasher.room());
      if (length === 0) return false;
      hasher.take(length);
      left -= length;
      context.progress(length);
    }
    if (hasher.digest() !== hash) return false;
    if (durable) fsyncSync(descriptor);
    return true;
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    context.logger.warn('a file cannot be read, it is restored', { file: local, error: messageOf(error) });
    return false;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
