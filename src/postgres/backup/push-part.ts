/** Writes one tar part of a backup, in a worker thread: read, header, compress and store in one loop. */
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { rateLimited } from '../../bytes/rate-limiter.ts';
import { compose, counted, type ByteSource, type Stage } from '../../bytes/stage.ts';
import { writeTar, type TarContent, type TarMember } from '../../archive/writer.ts';
import { ArchiverError, codeOf, messageOf } from '../../errors.ts';
import { pushObject } from '../../pipeline/push-object.ts';
import type { WorkerJob } from '../../pipeline/worker-protocol.ts';
import type { WorkerContext } from '../../pipeline/worker-thread.ts';
import { headerOf, type Owners } from '../cluster/member.ts';
import type { ClusterEntry } from '../cluster/walk.ts';

/** One part to write. */
export interface PushPartJob extends WorkerJob {
  readonly kind: 'pushPart';
  /** Absolute path of the data directory; an entry is at this path followed by its name. */
  readonly dataDirectory: string;
  /** Key of the object without the codec's suffix. */
  readonly logicalKey: string;
  readonly entries: readonly ClusterEntry[];
  readonly owners: Owners;
}

/** What became of it. */
export interface PushedPart {
  readonly key: string;
  /** Sum of the sizes of its members, headers not counted. */
  readonly memberBytes: number;
  /** Size of the object. */
  readonly storedBytes: number;
  /** Names of files that were gone when their turn came. */
  readonly vanished: readonly string[];
}

/** @throws whatever storage and file system fail with; a file that vanished is no failure */
export async function runPushPart(context: WorkerContext, job: PushPartJob): Promise<PushedPart> {
  let vanished: string[] = [];
  let memberBytes = 0;
  let reported = 0;
  const report: Stage = counted((bytes) => {
    context.progress(bytes);
    reported += bytes;
  });
  const limit = context.diskLimiter === undefined ? [] : [rateLimited(context.diskLimiter, context.signal)];

  /** Also called again after a failure that may pass. */
  function open(): ByteSource {
    context.progress(-reported);
    reported = 0;
    memberBytes = 0;
    vanished = [];
    return compose(...limit, report)(writeTar(members()));
  }

  function* members(): Generator<TarMember> {
    for (const entry of job.entries) {
      const header = headerOf(entry, job.owners);
      if (entry.sizeBytes === 0) {
        yield { header };
        continue;
      }
      yield {
        header,
        open() {
          const content = openContent(job.dataDirectory + entry.name);
          if (content === undefined) vanished.push(entry.name);
          else memberBytes += entry.sizeBytes;
          return content;
        },
      };
    }
  }

  const { key, storedBytes } = await pushObject(context.transport, job.logicalKey, open, { signal: context.signal });
  return { key, memberBytes, storedBytes, vanished };
}

/** Undefined when there is no such file any more, or something else took its place. */
function openContent(path: string): TarContent | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return undefined;
    throw readError(path, error);
  }
  return {
    read(target) {
      try {
        return readSync(fd, target);
      } catch (error) {
        throw readError(path, error);
      }
    },
    close: () => {
      closeSync(fd);
    },
  };
}

function readError(path: string, error: unknown): ArchiverError {
  const code = codeOf(error);
  const isDenied = code === 'EACCES' || code === 'EPERM';
  return new ArchiverError(isDenied ? 'forbidden' : 'corrupt', `cannot read "${path}": ${messageOf(error)}`, {
    cause: error,
    hint: isDenied
      ? 'Run the backup as the operating system user that owns the data directory (usually postgres).'
      : 'Look into the log of the kernel: the disk of the data directory may be failing.',
  });
}
