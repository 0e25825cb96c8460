/** Encodes one object of an archive anew for another one, in a worker thread: read, decode, encode and write in one loop. */
import type { Transport } from '../../pipeline/transport.ts';
import type { WorkerJob } from '../../pipeline/worker-protocol.ts';
import type { WorkerContext } from '../../pipeline/worker-thread.ts';
import { systemClock } from '../../platform/clock.ts';
import type { ObjectInfo } from '../../storage/storage.ts';
import { ObjectCopier, type CopyResult } from './object-copier.ts';
import type { CopiedObject } from './copied-object.ts';

/** One object to be written by a thread whose transport is that of the target. */
export interface ReencodeObjectJob extends WorkerJob {
  readonly kind: 'reencodeObject';
  readonly object: ObjectInfo;
  readonly to: CopiedObject['to'];
  /** Settings of the source. */
  readonly source: Readonly<Record<string, string>>;
  /** Which of several storages of the source it is in. */
  readonly sourceStorage: string | undefined;
}

/** @throws as {@link ObjectCopier.copy} */
export async function runReencodeObject(
  context: WorkerContext,
  { object, to }: ReencodeObjectJob,
  source: Transport,
): Promise<CopyResult> {
  const { transport, signal, logger } = context;
  let doneBytes = 0;
  const copier = new ObjectCopier({
    sources: [source],
    target: transport,
    reencode: true,
    concurrency: 1,
    limiter: undefined,
    clock: systemClock,
    logger,
    signal,
    onProgress: (bytes) => {
      context.progress(bytes - doneBytes);
      doneBytes = bytes;
    },
  });
  await copier.copy({ object, source: 0, to, state: 'absent' });
  return copier.result();
}
