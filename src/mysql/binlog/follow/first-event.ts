/** How two binary logs of one name are told apart: by their first events, which hold when and by which server they were begun. */
import type { ByteSource } from '../../../bytes/stage.ts';
import { CorruptError } from '../../../errors.ts';
import { binlogMagic, eventTypes, inUseFlag } from '../events/event.ts';
import { readEvents } from '../events/read-events.ts';
import { readBinlogHead, type BinlogHead } from '../push/binlog-head.ts';
import { EventStream, type EventStreamRequest } from './event-stream.ts';

const flagsAt = 17;

/** The FORMAT_DESCRIPTION event of a file, as if the file were closed. @throws CorruptError, the source's errors */
export async function firstEventOf(source: ByteSource, name: string): Promise<Buffer> {
  for await (const event of readEvents(source, { name, mayBeCut: true })) return closed(event.bytes);
  throw new CorruptError(`"${name}" has no events`);
}

/**
 * The same of the server's file.
 *
 * @throws EventsRefusedError, ServerLostError, ServerQueryError
 */
export async function firstEventAt(request: Omit<EventStreamRequest, 'position'>): Promise<Buffer> {
  await using events = await EventStream.open({ ...request, position: 4 });
  for (;;) {
    const event = await events.next();
    if (event.type === eventTypes.formatDescription) return closed(event.bytes);
  }
}

/**
 * Who wrote the server's file, and after which transactions.
 *
 * @throws EventsRefusedError, ServerLostError, ServerQueryError, CorruptError
 */
export async function headAt(request: Omit<EventStreamRequest, 'position'>): Promise<BinlogHead> {
  await using events = await EventStream.open({ ...request, position: 4 });
  return await readBinlogHead(fileOf(events), request.binlog);
}

/** What is sent, as it is in the file; what the server makes up for its replicas is not. */
async function* fileOf(events: EventStream): ByteSource {
  yield binlogMagic;
  for (;;) {
    const { bytes, type, nextPosition } = await events.next();
    if (type === eventTypes.formatDescription || nextPosition !== 0) yield bytes;
  }
}

function closed(event: Uint8Array): Buffer {
  const copy = Buffer.from(event);
  copy[flagsAt] = (copy[flagsAt] ?? 0) & ~inUseFlag;
  return copy;
}
