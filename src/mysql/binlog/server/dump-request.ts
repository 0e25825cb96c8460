/** What a replica asks for: COM_BINLOG_DUMP and COM_BINLOG_DUMP_GTID. Pure. */
import { CorruptError } from '../../../errors.ts';
import type { ClientState } from './answers.ts';
import { decodePreviousGtids } from '../events/decode.ts';
import type { GtidSet } from '../gtid/gtid-set.ts';
import { parseGtidSet } from '../gtid/gtid-set.ts';

/** A request for events. */
export interface DumpRequest {
  /** Of the replica. */
  readonly serverId: number;
  /** Empty: the first one. */
  readonly binlog: string;
  readonly position: number;
  /** What the replica has, when it goes by that and not by file and position. */
  readonly executed: GtidSet | undefined;
  /** It expects checksums from the beginning. */
  readonly expectsChecksum: boolean;
  /** It wants to be told when there are no more events. */
  readonly wantsEnd: boolean;
}

/** First bytes of the commands. */
export const dumpCommands = { byPosition: 0x12, byGtids: 0x1e } as const;

const withoutWaiting = 0x01;

/**
 * Reads one.
 *
 * @param state what the client said before; a replica of MariaDB that has told its GTIDs goes by them
 * @throws CorruptError, ArchiverError (`usage`) when what it sends is no such request
 */
export function parseDumpRequest(payload: Uint8Array, state: ClientState): DumpRequest {
  const bytes = Buffer.from(payload);
  return bytes[0] === dumpCommands.byGtids ? byGtids(bytes, state) : byPosition(bytes, state);
}

function byPosition(bytes: Buffer, { connectState, expectsChecksum }: ClientState): DumpRequest {
  if (bytes.length < 11) throw new CorruptError('the replica sends a request that is too short');
  return {
    position: Math.max(4, bytes.readUInt32LE(1)),
    expectsChecksum,
    wantsEnd: (bytes.readUInt16LE(5) & withoutWaiting) !== 0,
    serverId: bytes.readUInt32LE(7),
    binlog: bytes.toString('utf8', 11),
    executed: connectState === undefined ? undefined : parseGtidSet(connectState, 'mariadb'),
  };
}

function byGtids(bytes: Buffer, { expectsChecksum }: ClientState): DumpRequest {
  const nameBytes = bytes.length < 11 ? Number.NaN : bytes.readUInt32LE(7);
  const at = 11 + nameBytes;
  if (!(bytes.length >= at + 12)) throw new CorruptError('the replica sends a request that is too short');
  const body = bytes.subarray(at + 12, at + 12 + bytes.readUInt32LE(at + 8));
  return {
    expectsChecksum,
    wantsEnd: (bytes.readUInt16LE(1) & withoutWaiting) !== 0,
    serverId: bytes.readUInt32LE(3),
    binlog: bytes.toString('utf8', 11, at),
    position: Number(bytes.readBigUInt64LE(at)),
    // The same form as in PREVIOUS_GTIDS.
    executed: decodePreviousGtids({
      ...{ timestamp: 0, type: 0, serverId: 0, start: 0, end: 0, nextPosition: 0, flags: 0, isWhole: true },
      ...{ length: body.length, bytes: body, body },
    }),
  };
}
