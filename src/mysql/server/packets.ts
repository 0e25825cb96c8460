/**
 * The packets of the client/server protocol of MySQL: three bytes of length, one of sequence, the payload; what is longer
 * than 16 MiB comes in several, of which all but the last are full.
 */
import type { Duplex } from 'node:stream';
import { ByteReader } from '../../bytes/reader.ts';
import { CorruptError } from '../../errors.ts';

const fullBytes = 0xff_ff_ff;
const headerBytes = 4;

/** One payload. */
export interface Packet {
  /** Lent: valid until the next one is asked for. */
  readonly payload: Uint8Array;
  /** 0 … 255; of the last of its pieces. */
  readonly sequence: number;
}

/** Both directions of a connection, one packet at a time. Slow reading slows the other side down. */
export class PacketLine {
  readonly #stream: Duplex;
  readonly #reader: ByteReader;
  readonly #mostBytes: number;

  /** @param mostBytes refuse longer payloads; default: the longest that a server may send */
  constructor(stream: Duplex, mostBytes = 2 ** 30 + fullBytes) {
    this.#stream = stream;
    this.#reader = new ByteReader(stream);
    this.#mostBytes = mostBytes;
  }

  /** The next one; undefined where the other side has ended. @throws the stream's error, CorruptError */
  async read(): Promise<Packet | undefined> {
    const first = await this.#header();
    if (first === undefined) return undefined;
    const payload = await this.#payload(first.length);
    if (first.length < fullBytes) return { payload, sequence: first.sequence };
    const pieces = [Buffer.from(payload)];
    let bytes = first.length;
    for (;;) {
      const next = await this.#header();
      if (next === undefined) throw cutOff();
      bytes += next.length;
      if (bytes > this.#mostBytes) throw new CorruptError(`the other side sends a packet of more than ${bytes} bytes`);
      pieces.push(Buffer.from(await this.#payload(next.length)));
      if (next.length < fullBytes) return { payload: Buffer.concat(pieces), sequence: next.sequence };
    }
  }

  /**
   * Sends a payload; resolves when there is room for more. What cannot be sent any more is told by the stream's error.
   *
   * @param sequence of its first piece: 0 for a command
   * @returns the sequence for the next one
   * @throws the stream's error
   */
  async write(payload: Uint8Array, sequence: number): Promise<number> {
    let at = 0;
    let next = sequence;
    for (;;) {
      const piece = payload.subarray(at, at + fullBytes);
      const header = Buffer.alloc(headerBytes);
      header.writeUIntLE(piece.length, 0, 3);
      header.writeUInt8(next % 256, 3);
      // One write for both: half a packet would wait for the other side's acknowledgement.
      await this.#send(Buffer.concat([header, piece]));
      at += piece.length;
      next = (next + 1) % 256;
      if (piece.length < fullBytes) return next;
    }
  }

  async #header(): Promise<{ readonly length: number; readonly sequence: number } | undefined> {
    const header = await this.#reader.read(headerBytes);
    if (header.length === 0) return undefined;
    if (header.length < headerBytes) throw cutOff();
    const [low = 0, middle = 0, high = 0, sequence = 0] = header;
    return { length: low | (middle << 8) | (high << 16), sequence };
  }

  async #payload(length: number): Promise<Uint8Array> {
    if (length > this.#mostBytes) throw new CorruptError(`the other side sends a packet of ${length} bytes`);
    // Asked for nothing, a reader would wait for more.
    const payload = length === 0 ? new Uint8Array(0) : await this.#reader.read(length);
    if (payload.length < length) throw cutOff();
    return payload;
  }

  #send(bytes: Uint8Array): Promise<void> {
    const stream = this.#stream;
    if (stream.destroyed) return Promise.reject(stream.errored ?? cutOff());
    if (stream.write(bytes)) return Promise.resolve();
    return new Promise((settle, fail) => {
      const end = (): void => {
        stream.removeListener('drain', drained);
        stream.removeListener('close', closed);
      };
      const drained = (): void => {
        end();
        settle();
      };
      const closed = (): void => {
        end();
        fail(stream.errored ?? cutOff());
      };
      stream.once('drain', drained);
      stream.once('close', closed);
    });
  }
}

function cutOff(): CorruptError {
  return new CorruptError('the other side ended in the midst of a packet');
}

/** An ERR packet: the server's refusal. */
export interface ErrorPacket {
  readonly errno: number;
  readonly sqlState: string;
  readonly message: string;
}

/** Reads one; undefined when the payload is none. */
export function parseErrorPacket(payload: Uint8Array): ErrorPacket | undefined {
  if (payload[0] !== 0xff || payload.length < 3) return undefined;
  const bytes = Buffer.from(payload);
  const hasState = bytes[3] === 0x23;
  return {
    errno: bytes.readUInt16LE(1),
    sqlState: hasState ? bytes.toString('latin1', 4, 9) : '',
    message: bytes.toString('utf8', hasState ? 9 : 3),
  };
}

/** An EOF packet: the end of an answer. */
export function isEndPacket(payload: Uint8Array): boolean {
  return payload[0] === 0xfe && payload.length < 9;
}
