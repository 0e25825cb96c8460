/** How two binary logs of one name are told apart: by their first events, which hold when and by which server they were begun. */
import type { ByteSource } from '../../../bytes/stage.ts';
import { CorruptError } from '../../../errors.ts';
import { eventTypes, inUseFlag } from '../events/event.ts';
import { readEvents } from '../events/read-events.ts';
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

function closed(event: Uint8Array): Buffer {
  const copy = Buffer.from(event);
  copy[flagsAt] = (copy[flagsAt] ?? 0) & ~inUseFlag;
  return copy;
}
