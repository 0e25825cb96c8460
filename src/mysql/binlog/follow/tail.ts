/** What `binlog-push --follow` stored of binary logs that are not complete in the archive. */
import type { ByteSource } from '../../../bytes/stage.ts';
import type { Transport } from '../../../pipeline/transport.ts';
import type { Abortable } from '../../../storage/storage.ts';

/** The beginning of a binary log, up to some event. */
export interface TailBinlog {
  /** File name: `mysql-bin.000007`. */
  readonly name: string;
  /** How much of the file there is, from its magic on; it ends with a whole event. */
  readonly sizeBytes: number;
  /** When the last of it was stored. */
  readonly modified: Date;
  /** Reads it as a binlog file. May be called again. @throws the storage's errors and `CorruptError` while reading */
  open(): ByteSource;
}

/** Lists them by base name and number: what lies behind the complete binary logs. @throws the storage's errors */
// eslint-disable-next-line @typescript-eslint/require-await -- to come
export async function openTail(_transport: Transport, _options: Abortable = {}): Promise<readonly TailBinlog[]> {
  return [];
}
