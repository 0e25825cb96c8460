/** From runs to a complete binary log of the archive. */
import { openObject } from '../../../pipeline/find-object.ts';
import { pushObject } from '../../../pipeline/push-object.ts';
import type { Transport } from '../../../pipeline/transport.ts';
import { ByteReader } from '../../../bytes/reader.ts';
import type { ByteSource } from '../../../bytes/stage.ts';
import type { Logger } from '../../../platform/logger.ts';
import { ObjectExistsError } from '../../../storage/errors.ts';
import { binlogKey } from '../archive.ts';
import { binlogMagic, inUseFlag } from '../events/event.ts';
import { ForeignBinlogsError } from './errors.ts';
import { readRuns, type StoredTail } from './tail.ts';

/** What completing needs. */
export interface CompleteOptions {
  readonly transport: Transport;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * Stores a binary log whose runs are all there as `binlog_005/<name>`, like `binlog-push`, and removes the runs. One that is
 * there already has to begin with what the runs hold.
 *
 * @throws ForeignBinlogsError, the storage's errors, CorruptError
 */
export async function completeBinlog({ binlog, chain, keys }: StoredTail, options: CompleteOptions): Promise<void> {
  const { transport, logger, signal } = options;
  const read = (): ByteSource => readRuns(transport, chain, { signal });
  if (!(await isArchived(binlog.name, read, options))) {
    try {
      const { rawBytes, storedBytes } = await pushObject(transport, binlogKey(binlog.name), read, {
        ifAbsent: true,
        logger,
        signal,
      });
      logger.info('binary log archived', { name: binlog.name, rawBytes, storedBytes });
    } catch (error) {
      // Another push was faster, or it was ours and the answer was lost.
      if (!(error instanceof ObjectExistsError) || !(await isArchived(binlog.name, read, options))) throw error;
    }
  }
  await transport.storage.delete(keys, { signal });
}

async function isArchived(name: string, read: () => ByteSource, options: CompleteOptions): Promise<boolean> {
  const { transport, signal, logger } = options;
  const archived = await openObject(transport, binlogKey(name), { signal });
  if (archived === undefined) return false;
  if (!(await beginsWith(archived.bytes, read()))) {
    throw new ForeignBinlogsError(`"${name}" of the archive has other content`);
  }
  logger.debug('binary log was in the archive already', { name });
  return true;
}

const flagsAt = binlogMagic.length + 17;
const pieceBytes = 1 << 16;

/** Whether a file is another one, or goes on behind it; whether one was open when it was read does not count. Reads as far as needed. */
export async function beginsWith(file: ByteSource, beginning: ByteSource): Promise<boolean> {
  const readers = [new ByteReader(file), new ByteReader(beginning)] as const;
  try {
    for (let at = 0; ; at += pieceBytes) {
      const [all, some] = await Promise.all([readers[0].read(pieceBytes), readers[1].read(pieceBytes)]);
      const same = all.subarray(0, some.length);
      if (Buffer.compare(at === 0 ? closed(same) : same, at === 0 ? closed(some) : some) !== 0) return false;
      if (some.length < pieceBytes) return true;
    }
  } finally {
    await Promise.all(readers.map((reader) => reader.close()));
  }
}

function closed(beginning: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(beginning);
  copy[flagsAt] = (copy[flagsAt] ?? 0) & ~inUseFlag;
  return copy;
}
