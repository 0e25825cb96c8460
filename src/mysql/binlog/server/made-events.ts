/** Events that a server makes up for its replicas: which file they are in, and that it is still there. Pure. */
import { crc32OfRange } from '../../../bytes/crc32.ts';
import { checksumBytes, eventTypes, headerBytes } from '../events/event.ts';

/** What they have in common. */
export interface MadeEventOptions {
  readonly serverId: number;
  /** Whether the replica expects checksums now. */
  readonly hasChecksum: boolean;
}

/** A ROTATE event that was not in any file: what follows is in this one, from there on. */
export function madeRotate(name: string, position: number, options: MadeEventOptions): Buffer {
  const body = Buffer.alloc(8);
  body.writeBigUInt64LE(BigInt(position));
  const event = { type: eventTypes.rotate, flags: artificial, nextPosition: 0 };
  return made(event, Buffer.concat([body, Buffer.from(name)]), options);
}

const heartbeat = 27;
/** Real servers mark them so. */
const artificial = 0x20;

/** A heartbeat: nothing new behind that position. */
export function madeHeartbeat(name: string, position: number, options: MadeEventOptions): Buffer {
  return made({ type: heartbeat, flags: 0, nextPosition: position }, Buffer.from(name), options);
}

const nextPositionAt = 13;
const flagsAt = 17;
const createdAt = headerBytes + 52;

/** A format description for whoever begins in the midst of a file: it says nothing of positions and of a server's start. */
export function formatForMidst(event: Uint8Array, { hasChecksum }: Pick<MadeEventOptions, 'hasChecksum'>): Buffer {
  const copy = Buffer.from(event);
  copy.writeUInt32LE(0, nextPositionAt);
  copy.writeUInt32LE(0, createdAt);
  if (hasChecksum) addChecksum(copy);
  return copy;
}

interface EventHead {
  readonly type: number;
  readonly flags: number;
  readonly nextPosition: number;
}

function made({ type, flags, nextPosition }: EventHead, body: Buffer, options: MadeEventOptions): Buffer {
  const event = Buffer.alloc(headerBytes + body.length + (options.hasChecksum ? checksumBytes : 0));
  event.writeUInt8(type, 4);
  event.writeUInt32LE(options.serverId, 5);
  event.writeUInt32LE(event.length, 9);
  event.writeUInt32LE(nextPosition % 2 ** 32, nextPositionAt);
  event.writeUInt16LE(flags, flagsAt);
  body.copy(event, headerBytes);
  if (options.hasChecksum) addChecksum(event);
  return event;
}

function addChecksum(event: Buffer): void {
  const end = event.length - checksumBytes;
  event.writeUInt32LE(crc32OfRange(event, { start: 0, end }), end);
}
