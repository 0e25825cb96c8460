/** Binary logs that can be read, complete ones of the archive and what was followed of the next ones. */
import type { ByteSource } from '../../../bytes/stage.ts';
import { readDecoded, type Transport } from '../../../pipeline/transport.ts';
import type { Abortable } from '../../../storage/storage.ts';
import { listBinlogs, type ArchivedBinlog } from '../archive.ts';
import { binlogNamed, compareBinlogNames, type BinlogName } from '../binlog-name.ts';
import { openTail, type TailBinlog } from '../follow/tail.ts';

/** One binary log. */
export interface BinlogSource extends BinlogName {
  /** As it is stored. */
  readonly sizeBytes: number;
  /** When the storage got it, or the last of it. */
  readonly modified: Date;
  readonly modifiedNs?: bigint | undefined;
  /** The beginning of a binary log whose end is not in the archive. */
  readonly isTail: boolean;
  /** Its bytes as the server wrote them, from the magic on; may be called again. */
  open(options?: Abortable): Promise<ByteSource>;
}

/** All that the archive has, by base name and number; a complete binary log comes instead of what was followed of it. */
export async function readableBinlogs(transport: Transport, options: Abortable = {}): Promise<readonly BinlogSource[]> {
  const complete = await listBinlogs(transport.storage, options);
  const names = new Set(complete.map(({ name }) => name));
  const tail = (await openTail(transport, options)).filter(({ name }) => !names.has(name));
  return [...complete.map((binlog) => completeSource(transport, binlog)), ...tail.map(tailSource)].sort(
    compareBinlogNames,
  );
}

/** A complete binary log of the archive. */
export function completeSource(transport: Transport, binlog: ArchivedBinlog): BinlogSource {
  const { key, base, number, name, sizeBytes, modified, modifiedNs } = binlog;
  return {
    ...{ base, number, name, sizeBytes, modified, modifiedNs },
    isTail: false,
    open: (options) => readDecoded(transport, key, options),
  };
}

function tailSource(tail: TailBinlog): BinlogSource {
  const { sizeBytes, modified } = tail;
  // eslint-disable-next-line @typescript-eslint/require-await -- as complete ones are opened
  return { ...binlogNamed(tail.name), sizeBytes, modified, isTail: true, open: async () => tail.open() };
}
