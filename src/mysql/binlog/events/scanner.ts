/**
 * Takes a binary log apart as its bytes pass by, in whatever chunks, and checks every event. A stream of short events is
 * the usual case, so that nothing is made of an event that nobody wants.
 */
import { crc32OfRange } from '../../../bytes/crc32.ts';
import { CorruptError } from '../../../errors.ts';
import { BinlogEndsEarlyError, EncryptedBinlogError } from './errors.ts';
import {
  binlogMagic,
  checksumBytes,
  encryptedMagic,
  eventTypes,
  headerBytes,
  type BinlogEvent,
  type FormatDescription,
} from './event.ts';
import { readFormatDescription } from './format-description.ts';

/** How to scan. */
export interface ScanOptions {
  /** Of the file, for errors. */
  readonly name: string;
  /** Types of events that are to be told; default all. */
  readonly wanted?: readonly number[] | undefined;
  /** Of a longer event only so much is kept; default 64 KiB. What is read as a whole, sets of GTIDs, is kept anyway. */
  readonly keptBytes?: number | undefined;
  /**
   * What comes is not a file from its beginning but whole events from this position on, with the format of their file.
   */
  readonly from?: { readonly position: number; readonly format: FormatDescription } | undefined;
}

const keptAlways = new Set<number>([
  eventTypes.formatDescription,
  eventTypes.previousGtids,
  eventTypes.mariadbGtidList,
  eventTypes.rotate,
]);

/** What a hostile length may cost. */
const mostKeptBytes = 64 << 20;

/** The scan of one file. */
export class EventScanner {
  readonly #name: string;
  /** 1 by type. */
  readonly #wanted: Uint8Array;
  readonly #keptBytes: number;
  #format: FormatDescription | undefined;
  #magicLeft: number;
  /** Where the current event begins. */
  #position: number;
  /** Of the current event: how many bytes came in earlier chunks, its length (0: not known yet), the sum so far. */
  #seen = 0;
  #length = 0;
  #crc = 0;
  #kept: Uint8Array = new Uint8Array(4096);
  readonly #sum = new Uint8Array(checksumBytes);

  constructor({ name, wanted, keptBytes = 64 << 10, from }: ScanOptions) {
    this.#name = name;
    this.#wanted = new Uint8Array(256).fill(wanted === undefined ? 1 : 0);
    for (const type of wanted ?? []) this.#wanted[type] = 1;
    this.#keptBytes = Math.max(keptBytes, headerBytes + checksumBytes);
    this.#format = from?.format;
    this.#magicLeft = from === undefined ? binlogMagic.length : 0;
    this.#position = from?.position ?? 0;
  }

  /** Where the last whole event ends. */
  get position(): number {
    return this.#position;
  }

  /** What the file says of itself, as soon as that has come. */
  get format(): FormatDescription | undefined {
    return this.#format;
  }

  /**
   * Takes the next bytes; gives the wanted events that end in them. Run it to its end.
   *
   * @throws CorruptError naming file and position, EncryptedBinlogError
   */
  *scan(chunk: Uint8Array): Generator<BinlogEvent, void, undefined> {
    let at = this.#checkMagic(chunk);
    while (at < chunk.length) {
      if (this.#seen === 0 && chunk.length - at >= headerBytes) {
        const length = this.#lengthAt(chunk, at);
        if (length <= chunk.length - at) {
          const event = this.#take(chunk, at, length);
          at += length;
          this.#position += length;
          if (event !== undefined) yield event;
          continue;
        }
      }
      at = this.#gather(chunk, at);
      if (this.#length === 0 || this.#seen < this.#length) continue;
      const event = this.#takeGathered();
      this.#position += this.#length;
      this.#seen = 0;
      this.#length = 0;
      if (event !== undefined) yield event;
    }
  }

  /** Says that there is no more. @throws BinlogEndsEarlyError unless an event has just ended, and there was one */
  finish(): void {
    if (this.#format === undefined) {
      throw new BinlogEndsEarlyError(this.#name, this.#position, 'it has no format description');
    }
    if (this.#seen === 0) return;
    const whole = this.#length === 0 ? 'its header is cut off' : `it has ${this.#seen} of ${this.#length} bytes`;
    throw new BinlogEndsEarlyError(this.#name, this.#position, `of the event at ${this.#position}, ${whole}`);
  }

  #checkMagic(chunk: Uint8Array): number {
    let at = 0;
    for (; this.#magicLeft > 0 && at < chunk.length; at++, this.#magicLeft--, this.#position++) {
      const place = binlogMagic.length - this.#magicLeft;
      if (chunk[at] === binlogMagic[place]) continue;
      if (place === 0 && chunk[at] === encryptedMagic[0]) throw new EncryptedBinlogError(this.#name);
      throw new CorruptError(`"${this.#name}" is not a binary log: it does not begin as one`);
    }
    return at;
  }

  #lengthAt(bytes: Uint8Array, at: number): number {
    const length = wordAt(bytes, at + 9);
    const least = headerBytes + (this.#format?.hasChecksums === true ? checksumBytes : 0);
    if (length < least) throw this.#corrupt(`has a length of ${length} bytes`);
    if (this.#format === undefined && bytes[at + 4] !== eventTypes.formatDescription) {
      throw this.#corrupt('is not the format description that a file begins with');
    }
    return length;
  }

  /** An event that lies in one piece. */
  #take(bytes: Uint8Array, at: number, length: number): BinlogEvent | undefined {
    const type = bytes[at + 4] ?? 0;
    const isFormat = type === eventTypes.formatDescription;
    if (isFormat) this.#format = readFormatDescription(bytes.subarray(at, at + length), `"${this.#name}"`);
    else if (this.#format?.hasChecksums === true) {
      const end = at + length - checksumBytes;
      if (crc32OfRange(bytes, { start: at, end }) !== wordAt(bytes, end)) throw this.#corrupt('fails its checksum');
    }
    return this.#made(bytes, { at, length, available: length });
  }

  /** Copies what is to be kept, and adds the rest to the sum only; returns how far it came. */
  #gather(chunk: Uint8Array, at: number): number {
    const until = this.#length === 0 ? headerBytes : this.#length;
    const end = Math.min(chunk.length, at + until - this.#seen);
    const most = this.#length === 0 ? headerBytes : this.#mostKept();
    if (this.#seen < most) this.#keep(chunk.subarray(at, Math.min(end, at + most - this.#seen)));
    if (this.#length > 0) this.#addToSum(chunk, at, end);
    this.#seen += end - at;
    if (this.#length === 0 && this.#seen === headerBytes) {
      this.#length = this.#lengthAt(this.#kept, 0);
      this.#crc = crc32OfRange(this.#kept, { start: 0, end: headerBytes });
    }
    return end;
  }

  #addToSum(chunk: Uint8Array, at: number, end: number): void {
    const sumAt = this.#length - checksumBytes;
    const own = Math.min(end, Math.max(at, at + sumAt - this.#seen));
    this.#crc = crc32OfRange(chunk, { start: at, end: own, previous: this.#crc });
    for (let byte = own; byte < end; byte++) this.#sum[this.#seen + byte - at - sumAt] = chunk[byte] ?? 0;
  }

  #mostKept(): number {
    const type = this.#kept[4] ?? 0;
    return Math.min(this.#length, keptAlways.has(type) ? mostKeptBytes : this.#keptBytes);
  }

  #keep(part: Uint8Array): void {
    const needed = this.#seen + part.length;
    if (this.#kept.length < needed) {
      const larger = new Uint8Array(Math.max(needed, this.#kept.length * 2));
      larger.set(this.#kept.subarray(0, this.#seen));
      this.#kept = larger;
    }
    this.#kept.set(part, this.#seen);
  }

  #takeGathered(): BinlogEvent | undefined {
    const available = this.#mostKept();
    if (this.#kept[4] === eventTypes.formatDescription) return this.#take(this.#kept, 0, available);
    if (this.#format?.hasChecksums === true && this.#crc !== wordAt(this.#sum, 0)) {
      throw this.#corrupt('fails its checksum');
    }
    return this.#made(this.#kept, { at: 0, length: this.#length, available });
  }

  #made(bytes: Uint8Array, place: Place): BinlogEvent | undefined {
    const type = bytes[place.at + 4] ?? 0;
    const hasChecksum = this.#format?.hasChecksums === true;
    if (!hasChecksum) this.#checkNext(wordAt(bytes, place.at + 13), place.length);
    if (type === eventTypes.mariadbStartEncryption) throw new EncryptedBinlogError(this.#name);
    if (this.#wanted[type] !== 1) return undefined;
    const trailing = hasChecksum || type === eventTypes.formatDescription ? checksumBytes : 0;
    return new ScannedEvent(bytes.subarray(place.at, place.at + place.available), {
      start: this.#position,
      length: place.length,
      trailing,
    });
  }

  /** All there is to go by without checksums. */
  #checkNext(next: number, length: number): void {
    if (next === 0 || next === (this.#position + length) % 2 ** 32) return;
    throw this.#corrupt(`says that the next one is at ${next}, not at ${this.#position + length}`);
  }

  #corrupt(what: string): CorruptError {
    return new CorruptError(`the event at ${this.#position} of "${this.#name}" ${what}`, {
      hint: 'The file is damaged. Where the server still has the log, compare it with that.',
    });
  }
}

/** Where in `bytes` an event lies, and how much of it is there. */
interface Place {
  readonly at: number;
  readonly length: number;
  readonly available: number;
}

class ScannedEvent implements BinlogEvent {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly length: number;
  readonly #trailing: number;

  constructor(
    bytes: Uint8Array,
    place: { readonly start: number; readonly length: number; readonly trailing: number },
  ) {
    this.bytes = bytes;
    this.start = place.start;
    this.length = place.length;
    this.#trailing = place.trailing;
  }

  get timestamp(): number {
    return wordAt(this.bytes, 0);
  }

  get type(): number {
    return this.bytes[4] ?? 0;
  }

  get serverId(): number {
    return wordAt(this.bytes, 5);
  }

  get nextPosition(): number {
    return wordAt(this.bytes, 13);
  }

  get flags(): number {
    return (this.bytes[17] ?? 0) | ((this.bytes[18] ?? 0) << 8);
  }

  get end(): number {
    return this.start + this.length;
  }

  get isWhole(): boolean {
    return this.bytes.length === this.length;
  }

  get body(): Uint8Array {
    return this.bytes.subarray(headerBytes, Math.min(this.bytes.length, this.length - this.#trailing));
  }
}

function wordAt(bytes: Uint8Array, at: number): number {
  const low = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16);
  return low + (bytes[at + 3] ?? 0) * 0x1000000;
}
