/**
 * What is said while WAL is streamed: the messages within the two streams of `START_REPLICATION`. Format: PostgreSQL's
 * documentation, "Streaming Replication Protocol".
 */
import { CorruptError } from '../../errors.ts';
import { toLsn, type Lsn } from '../lsn.ts';

/** A message of the server. */
export type WalMessage =
  /** The WAL from `start` on; the bytes are lent like those of the message. */
  | { readonly kind: 'wal'; readonly start: Lsn; readonly serverEnd: Lsn; readonly bytes: Uint8Array }
  | { readonly kind: 'keepalive'; readonly serverEnd: Lsn; readonly wantsReply: boolean };

/** What the server is told of the receiver. */
export interface StandbyStatus {
  /** Everything before it is stored; zero: nothing is known to be, and the server's slot stays as it is. */
  readonly durable: Lsn;
  readonly now: Date;
  /** Ask for an answer at once. */
  readonly wantsReply: boolean;
}

const walHeaderBytes = 25;
const keepaliveBytes = 18;
/** 2000-01-01 UTC, from which PostgreSQL counts microseconds. */
const postgresEpochMs = Date.UTC(2000, 0, 1);

/** @throws CorruptError for anything else than these messages */
export function parseWalMessage(bytes: Uint8Array): WalMessage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const kind = String.fromCharCode(bytes[0] ?? 0);
  if (kind === 'w' && bytes.length >= walHeaderBytes) {
    return {
      kind: 'wal',
      start: toLsn(view.getBigUint64(1)),
      serverEnd: toLsn(view.getBigUint64(9)),
      bytes: bytes.subarray(walHeaderBytes),
    };
  }
  if (kind === 'k' && bytes.length >= keepaliveBytes) {
    return { kind: 'keepalive', serverEnd: toLsn(view.getBigUint64(1)), wantsReply: bytes[17] !== 0 };
  }
  throw new CorruptError(`the server sent a message of ${bytes.length} bytes that is no part of a stream of WAL`);
}

/**
 * A standby status update. Written and flushed positions are the same: what is only in memory here would be gone with this
 * process. Nothing is ever applied.
 */
export function formatStandbyStatus({ durable, now, wantsReply }: StandbyStatus): Buffer {
  const message = Buffer.alloc(34);
  message.write('r', 0, 'latin1');
  message.writeBigUInt64BE(durable, 1);
  message.writeBigUInt64BE(durable, 9);
  message.writeBigInt64BE(BigInt(now.getTime() - postgresEpochMs) * 1000n, 25);
  message.writeUInt8(wantsReply ? 1 : 0, 33);
  return message;
}
