/** The push of one binary log, in this thread or as the job of another one. */
import { join } from 'node:path';
import type { ByteSource } from '../../../bytes/stage.ts';
import { findObject } from '../../../pipeline/find-object.ts';
import { openLocalFile, type LocalFile } from '../../../pipeline/local-file.ts';
import type { Transport } from '../../../pipeline/transport.ts';
import type { WorkerJob } from '../../../pipeline/worker-protocol.ts';
import type { WorkerContext } from '../../../pipeline/worker-thread.ts';
import type { Logger } from '../../../platform/logger.ts';
import { binlogKey } from '../archive.ts';
import { archiveBinlog, requireSame, type ArchivedResult } from './archive-binlog.ts';
import { readBinlogHead } from './binlog-head.ts';
import { checkPassing, type KnownBinlog } from './check-passing.ts';
import { SharedTurns } from './turns.ts';

/** Which one, and how. */
export interface OneBinlog {
  readonly directory: string;
  readonly name: string;
  /** The one that follows it on the server. */
  readonly next: string;
  /** `same`: it is archived, is compared and stored anew; `newer`: this run has stored it, and does so again. */
  readonly again: 'no' | 'same' | 'newer';
  readonly acceptGap: boolean;
}

/** The same for a worker thread. */
export interface PushBinlogJob extends WorkerJob, OneBinlog {
  readonly kind: 'pushBinlog';
  /** Memory of `SharedTurns`, and its turn there. */
  readonly turns: SharedArrayBuffer;
  readonly index: number;
}

/** What a push needs. */
export interface PushOneOptions {
  readonly transport: Transport;
  /** Its end waits for this; called when it has been checked. */
  readonly turn: () => Promise<unknown>;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Checks and archives one. @throws as `archiveBinlog`, `checkPassing`, `openLocalFile` */
export async function pushOne(one: OneBinlog, options: PushOneOptions): Promise<ArchivedResult> {
  const { directory, name, again, acceptGap } = one;
  const { transport, turn, logger, signal } = options;
  const [self, next] = [await headOf(directory, name), await headOf(directory, one.next)];
  if (self.head.isEncrypted && again === 'no') {
    logger.warn('binary log is encrypted by its server: only a server with the same keys can apply it', { name });
  }
  const file = openLocalFile(join(directory, name));
  try {
    if (again === 'same') {
      const archived = await findObject(transport, binlogKey(name), { signal });
      if (archived !== undefined) await requireSame(file, archived.key, { transport, logger, signal });
    }
    const binlog = { ...self, sizeBytes: file.sizeBytes };
    const passing = checkPassing({ binlog, next, turn, acceptGap, logger });
    const result = await archiveBinlog(file, { transport, passing, again: again !== 'no', logger, signal });
    logger.debug('binary log archived', { name, ...result });
    return result;
  } finally {
    file.close();
  }
}

/** The job. */
export async function runPushBinlog(context: WorkerContext, job: PushBinlogJob): Promise<ArchivedResult> {
  const { transport, logger, signal } = context;
  const turns = new SharedTurns(job.turns);
  const turn = async (): Promise<void> => {
    await turns.come(job.index);
    turns.pass(job.index);
  };
  try {
    return await pushOne(job, { transport, turn, logger, signal });
  } catch (error) {
    turns.open();
    throw error;
  }
}

/** The beginning of one of the server's files. @throws CorruptError; ArchiverError of files */
export async function headOf(directory: string, name: string): Promise<KnownBinlog> {
  const file = openLocalFile(join(directory, name));
  try {
    return { name, head: await readBinlogHead(beginningOf(file), name) };
  } finally {
    file.close();
  }
}

/** In small pieces: mostly the first one is enough. */
// eslint-disable-next-line @typescript-eslint/require-await -- the reads are synchronous
async function* beginningOf(file: LocalFile): ByteSource {
  const buffer = Buffer.alloc(8 << 10);
  for (let position = 0; ;) {
    const length = file.read(buffer, position);
    if (length === 0) return;
    position += length;
    yield buffer.subarray(0, length);
  }
}
