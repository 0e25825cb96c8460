/** The events of a binary log, one after another. */
import type { ByteSource } from '../../../bytes/stage.ts';
import { BinlogEndsEarlyError } from './errors.ts';
import type { BinlogEvent } from './event.ts';
import { EventScanner, type ScanOptions } from './scanner.ts';

/** How to read events. */
export interface ReadEventsOptions extends ScanOptions {
  /** A file that ends in the midst of an event, as that which a server is writing may, ends before that one. */
  readonly mayBeCut?: boolean | undefined;
}

/**
 * Reads the events of a file, each one checked: memory is bounded whatever their lengths. An event is valid until the next
 * one is asked for.
 *
 * @throws CorruptError naming file and position, BinlogEndsEarlyError, EncryptedBinlogError; the source's errors
 */
export async function* readEvents(source: ByteSource, options: ReadEventsOptions): AsyncGenerator<BinlogEvent> {
  const scanner = new EventScanner(options);
  for await (const chunk of source) yield* scanner.scan(chunk);
  try {
    scanner.finish();
  } catch (error) {
    if (!(options.mayBeCut === true && error instanceof BinlogEndsEarlyError)) throw error;
  }
}
