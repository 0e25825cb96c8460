/** One binary log while its events come: every one is checked, and lies where the one before ended. */
import { CorruptError } from '../../../errors.ts';
import { binlogMagic, eventTypes } from '../events/event.ts';
import { readFormatDescription } from '../events/format-description.ts';
import { EventScanner, type ScanOptions } from '../events/scanner.ts';
import type { BinlogName } from '../binlog-name.ts';
import type { StreamedEvent } from './event-stream.ts';
import type { TailWriter } from './tail-writer.ts';

/** A binary log that is being followed. */
export class FollowedBinlog {
  readonly binlog: BinlogName;
  readonly writer: TailWriter;
  #scanner: EventScanner | undefined;
  /** Seconds since 1970; 0: none came yet. */
  #lastTimestamp = 0;

  /** @param writer where the events go on, at the end of one; 0 for a new file */
  constructor(binlog: BinlogName, writer: TailWriter) {
    this.binlog = binlog;
    this.writer = writer;
  }

  /** When the server wrote the last event that came, in seconds since 1970; 0: none came. */
  get lastTimestamp(): number {
    return this.#lastTimestamp;
  }

  /** Takes an event of the file. @throws CorruptError when it fails its checksum or does not belong there */
  append(event: StreamedEvent): void {
    const { writer } = this;
    if (writer.position === 0) {
      if (event.type !== eventTypes.formatDescription) throw this.#misplaced(event);
      this.#scanner = new EventScanner(this.#scan);
      this.#take(binlogMagic);
    } else if (event.type === eventTypes.formatDescription) {
      // Sent anew to whoever begins in the midst of a file.
      const format = readFormatDescription(event.bytes, JSON.stringify(this.binlog.name));
      this.#scanner ??= new EventScanner({ ...this.#scan, from: { position: writer.position, format } });
      return;
    }
    const end = writer.position + event.bytes.length;
    if (event.nextPosition !== end % 2 ** 32) throw this.#misplaced(event);
    this.#take(event.bytes);
    this.#lastTimestamp = new DataView(event.bytes.buffer, event.bytes.byteOffset, 4).getUint32(0, true);
  }

  get #scan(): ScanOptions {
    return { name: this.binlog.name, wanted: [] };
  }

  #take(bytes: Uint8Array): void {
    if (this.#scanner === undefined) throw new Error('the format of the binary log is not known');
    Array.from(this.#scanner.scan(bytes));
    this.writer.append(bytes);
  }

  #misplaced({ type, nextPosition }: StreamedEvent): CorruptError {
    const { name } = this.binlog;
    return new CorruptError(
      `the server leaves out events of "${name}": at ${this.writer.position} it sends one of type ${type} that ends at ${nextPosition}`,
      {
        hint: 'What is not sent to replicas (encrypted binary logs, events left out by a filter) cannot be followed: use binlog-push without --follow.',
      },
    );
  }
}
