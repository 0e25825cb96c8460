/** Writes one tar part of a backup, in a worker thread: read, header, compress and store in one loop. */
import { rateLimited } from '../../bytes/rate-limiter.ts';
import { compose, counted, type ByteSource, type Stage } from '../../bytes/stage.ts';
import { writeTar, type TarMember } from '../../archive/writer.ts';
import { pushObject } from '../../pipeline/push-object.ts';
import type { WorkerJob } from '../../pipeline/worker-protocol.ts';
import type { WorkerContext } from '../../pipeline/worker-thread.ts';
import type { Owners } from '../cluster/member.ts';
import { openFilePacker } from './file-packer.ts';
import type { CorruptBlocks } from './files-metadata.ts';
import type { PackedEntry } from './plan-parts.ts';

/** What to look for in pages. */
export interface PageOptions {
  /** Of the base: pages of the entries that may be increments go in from this LSN on; undefined in full backups. */
  readonly since: bigint | undefined;
  /** Verify the checksums of pages that the server did not change since this LSN, the start of the backup. */
  readonly verifiedBefore: bigint | undefined;
  /** How many numbers of corrupt pages are kept of a file. */
  readonly corruptBlocksKept: number;
}

/** One part to write. */
export interface PushPartJob extends WorkerJob {
  readonly kind: 'pushPart';
  /** Absolute path of the data directory; an entry is at this path followed by its name. */
  readonly dataDirectory: string;
  /** Key of the object without the codec's suffix. */
  readonly logicalKey: string;
  readonly entries: readonly PackedEntry[];
  readonly owners: Owners;
  readonly pages: PageOptions;
}

/** What was found out about files while they were packed. */
export interface PackedFiles {
  /** Names of files that were gone when their turn came. */
  readonly vanished: readonly string[];
  /** Names of files that are there as increments. */
  readonly incremented: readonly string[];
  /** Files with pages whose checksum is wrong. */
  readonly corrupt: readonly (readonly [string, CorruptBlocks])[];
  /** Hashes of the files that are there whole and not empty, in the order of the entries; 0: none. */
  readonly hashes: BigUint64Array;
}

/** A part that is stored. */
export interface WrittenPart {
  readonly key: string;
  /** Sum of the sizes of its members, headers not counted. */
  readonly memberBytes: number;
  /** Size of the object. */
  readonly storedBytes: number;
}

/** What became of it. */
export interface PushedPart extends WrittenPart, PackedFiles {}

/** @throws whatever storage and file system fail with; a file that vanished is no failure */
export async function runPushPart(context: WorkerContext, job: PushPartJob): Promise<PushedPart> {
  let packer = openFilePacker(context, job);
  let reported = 0;
  const report: Stage = counted((bytes) => {
    progress(bytes);
  });
  const limit = context.diskLimiter === undefined ? [] : [rateLimited(context.diskLimiter, context.signal)];

  function progress(bytes: number): void {
    context.progress(bytes);
    reported += bytes;
  }

  /** Also called again after a failure that may pass. */
  function open(): ByteSource {
    progress(-reported);
    packer = openFilePacker(context, job, progress);
    return compose(...limit, report)(writeTar(members(), { chunk: packer.chunk }));
  }

  function* members(): Generator<TarMember> {
    for (const entry of job.entries) yield packer.memberOf(entry);
  }

  const { key, storedBytes } = await pushObject(context.transport, job.logicalKey, open, { signal: context.signal });
  return { key, storedBytes, ...packer.result() };
}
