/** The beginning of a binary log: who wrote it, and after which transactions. */
import type { ByteSource } from '../../../bytes/stage.ts';
import { decodeAnyPreviousGtids, isPreviousGtids } from '../events/decode.ts';
import { BinlogEndsEarlyError, EncryptedBinlogError } from '../events/errors.ts';
import { eventTypes } from '../events/event.ts';
import { readEvents } from '../events/read-events.ts';
import { readFormatDescription } from '../events/format-description.ts';
import type { Flavor, GtidSet } from '../gtid/gtid-set.ts';

/** What is known before a file is read as a whole. */
export interface BinlogHead {
  readonly flavor: Flavor;
  readonly serverId: number;
  readonly serverVersion: string;
  /** The server had just been started: what it left open before had been cut off by a crash. */
  readonly followsStart: boolean;
  /** Undefined: it does not say, or is encrypted. */
  readonly previousGtids: GtidSet | undefined;
  readonly isEncrypted: boolean;
}

/** Events that may stand before the one that tells of the transactions before. */
const preamble = new Set<number>([
  eventTypes.formatDescription,
  eventTypes.mariadbBinlogCheckpoint,
  eventTypes.mariadbStartEncryption,
]);

/**
 * Reads the beginning of a binary log, and no more of it than is needed.
 *
 * @throws CorruptError naming it
 */
export async function readBinlogHead(source: ByteSource, name: string): Promise<BinlogHead> {
  let head: BinlogHead = {
    flavor: 'mysql',
    serverId: 0,
    serverVersion: '',
    followsStart: false,
    previousGtids: undefined,
    isEncrypted: false,
  };
  try {
    for await (const event of readEvents(source, { name, mayBeCut: true })) {
      if (event.type === eventTypes.formatDescription) {
        const { serverVersion, created } = readFormatDescription(event.bytes, `"${name}"`);
        const flavor = serverVersion.includes('MariaDB') ? 'mariadb' : 'mysql';
        head = { ...head, flavor, serverId: event.serverId, serverVersion, followsStart: created !== 0 };
      } else if (isPreviousGtids(event)) return { ...head, previousGtids: decodeAnyPreviousGtids(event) };
      if (!preamble.has(event.type)) break;
    }
  } catch (error) {
    if (!(error instanceof EncryptedBinlogError)) throw error;
    return { ...head, isEncrypted: true };
  }
  if (head.serverVersion === '') throw new BinlogEndsEarlyError(name, 0, 'it has no format description');
  return head;
}
