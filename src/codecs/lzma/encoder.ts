/** The encoder made of `assembly/lzma-encoder.ts`: a sliding window and a place for output in a memory of their own. */
import { wasmModule } from './encoder-module.ts';
import { formatHeader, headerBytes } from './header.ts';
import { instantiate } from '../../platform/web-assembly.ts';

interface Routines {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): void };
  windowStart(): number;
  start(out: number): void;
  encode(end: number, last: number, dictionary: number, outLimit: number): number;
  finish(): void;
}

/** Words of the encoder's memory that are set and read here. */
const nextAt = 40;
const outAt = 48;

/** How far back matches may refer: as WAL-G says in its headers. */
const dictionaryBytes = 8 << 20;
/** Room for input behind the dictionary: it is moved only after so much. */
const roomBytes = 8 << 20;
const windowBytes = dictionaryBytes + roomBytes;
/** Input is taken over in pieces that are still in the cache when they are encoded. */
const pieceBytes = 256 << 10;
/** Output is handed on once this much has come together. */
const flushBytes = 256 << 10;
/** What comes behind the limit of one call; what is read behind the window. */
const slackBytes = 64 << 10;
const pageBytes = 64 << 10;

/** Encodes one stream at a time. */
export class LzmaEncoder {
  readonly #routines: Routines;
  readonly #windowAt: number;
  readonly #outStart: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #end: number;

  constructor(routines: Routines) {
    this.#routines = routines;
    this.#windowAt = routines.windowStart();
    this.#outStart = this.#windowAt + windowBytes + slackBytes;
    this.#end = this.#windowAt;
    const memoryBytes = this.#outStart + flushBytes + slackBytes;
    routines.memory.grow(Math.ceil((memoryBytes - routines.memory.buffer.byteLength) / pageBytes));
    this.#bytes = new Uint8Array(routines.memory.buffer);
    this.#view = new DataView(routines.memory.buffer);
  }

  /** Begins a stream, with its header. */
  start(): void {
    this.#bytes.set(formatHeader(dictionaryBytes), this.#outStart);
    this.#routines.start(this.#outStart + headerBytes);
    this.#end = this.#windowAt;
  }

  /** Takes over input. @returns how much of it: less than all where a piece or the window ends */
  take(input: Uint8Array): number {
    if (this.#end === this.#windowAt + windowBytes) this.#slide();
    const length = Math.min(input.length, pieceBytes, this.#windowAt + windowBytes - this.#end);
    this.#bytes.set(input.subarray(0, length), this.#end);
    this.#end += length;
    return length;
  }

  /**
   * Encodes what was taken over.
   *
   * @param isLast whether nothing follows
   * @returns whether all of it was done; otherwise {@link output} must be taken first
   */
  encode({ isLast }: { readonly isLast: boolean }): boolean {
    const limit = this.#outStart + flushBytes;
    return this.#routines.encode(this.#end, isLast ? 1 : 0, dictionaryBytes, limit) !== 0;
  }

  /** Writes the end of the stream. */
  finish(): void {
    this.#routines.finish();
  }

  /** What was written since it was last taken; valid until the next call. */
  output(): Uint8Array {
    const end = this.#view.getUint32(outAt, true);
    this.#view.setUint32(outAt, this.#outStart, true);
    return this.#bytes.subarray(this.#outStart, end);
  }

  /** Keeps one dictionary, and what still waits. */
  #slide(): void {
    const next = this.#view.getUint32(nextAt, true);
    const kept = next - dictionaryBytes;
    this.#bytes.copyWithin(this.#windowAt, kept, this.#end);
    this.#view.setUint32(nextAt, this.#windowAt + dictionaryBytes, true);
    this.#end -= kept - this.#windowAt;
  }
}

/** Kept for the next stream: the memory is mapped already. */
const idle: LzmaEncoder[] = [];
const keptEncoders = 1;

/** An encoder for one stream, to be given back; undefined where there is no WebAssembly, or no address space for it. */
export function acquireEncoder(): LzmaEncoder | undefined {
  try {
    return idle.pop() ?? new LzmaEncoder(instantiate(wasmModule) as Routines);
  } catch {
    return undefined;
  }
}

/** Takes an encoder back, when nothing that lies in its memory is in use any more. */
export function releaseEncoder(encoder: LzmaEncoder): void {
  if (idle.length < keptEncoders) idle.push(encoder);
}
