/** What a binary log says at its beginning: who wrote it, when, and what had been executed before. */
import type { ByteSource } from '../../../bytes/stage.ts';
import { decodeAnyPreviousGtids, isPreviousGtids } from '../events/decode.ts';
import { eventTypes } from '../events/event.ts';
import { readFormatDescription } from '../events/format-description.ts';
import { readEvents } from '../events/read-events.ts';
import type { Flavor, GtidSet } from '../gtid/gtid-set.ts';

/** The beginning of a binary log. */
export interface BinlogHead {
  readonly flavor: Flavor;
  readonly serverId: number;
  /** When the server began the file, in seconds since 1970. */
  readonly timestamp: number;
  /** What had been executed before; undefined when the file does not tell, which servers without GTIDs need not. */
  readonly previousGtids: GtidSet | undefined;
  /** Where the events that describe the file end, without which no other can be read. */
  readonly end: number;
  /** The server has the file open, or crashed while it had. */
  readonly isInUse: boolean;
  /** The server had just been started: the log before may have been left by a crash. */
  readonly isAfterStart: boolean;
}

/**
 * Reads the first events and leaves the rest.
 *
 * @param name of the file, for errors
 * @throws CorruptError, EncryptedBinlogError; the source's errors
 */
export async function readHead(source: ByteSource, name: string): Promise<BinlogHead> {
  let head: BinlogHead | undefined;
  for await (const event of readEvents(source, { name, mayBeCut: true })) {
    if (head === undefined) {
      const format = readFormatDescription(event.bytes, `"${name}"`);
      head = {
        flavor: format.serverVersion.includes('MariaDB') ? 'mariadb' : 'mysql',
        serverId: event.serverId,
        timestamp: event.timestamp,
        previousGtids: undefined,
        end: event.end,
        isInUse: format.isInUse,
        isAfterStart: format.created !== 0,
      };
    } else if (isPreviousGtids(event)) {
      return { ...head, previousGtids: decodeAnyPreviousGtids(event), end: event.end };
    } else if (event.type !== eventTypes.rotate) break;
  }
  if (head === undefined) throw new Error('readEvents gives a format description or fails');
  return head;
}
