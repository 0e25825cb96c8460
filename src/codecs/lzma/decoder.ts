/** The decoder made of `assembly/lzma-decoder.ts`: one stream at a time, in a memory that grows with what is decoded. */
import { ArchiverError, CorruptError } from '../../errors.ts';
import { wasmModule } from './decoder-module.ts';
import { parseStart, type LzmaHeader } from './header.ts';
import { instantiate } from '../../platform/web-assembly.ts';

/** One instance of the compiled routines. */
export interface DecoderRoutines {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): void };
  memoryEnd(literalBits: number): number;
  start(lc: number, lp: number, pb: number, dictionary: number, code: number): void;
  decode(inputEnd: number, last: number, out: number, outEnd: number, position: number, history: number): number;
  isFinished(): number;
}

/** Words of the decoder's memory that are set and read here. */
const inputAt = 32;
const outAt = 36;
const pendingAt = 28;
const windowAt = 56;
const windowEndAt = 60;

/** No symbol takes more bytes of input. */
const symbolBytes = 20;
const inputBytes = 64 << 10;
/** Copies overshoot; the last symbol may be read from behind the end of the input. */
const slackBytes = 64;
/** Plaintext is handed on in pieces of this size, so that each is still in the cache when it is written. */
const pieceBytes = 256 << 10;
const firstWindowBytes = 1 << 20;
const pageBytes = 64 << 10;

/** What {@link LzmaDecoder.decode} stopped at. */
export type Stop = 'input' | 'output' | 'end marker';

/** Decodes one stream from its first five bytes on. */
export class LzmaDecoder {
  readonly #routines: DecoderRoutines;
  readonly #dictionaryBytes: number;
  readonly #inputAt: number;
  readonly #windowAt: number;
  #bytes: Uint8Array;
  #view: DataView;
  #inputEnd: number;
  #windowBytes = 0;
  #out: number;
  #total = 0;
  #last = false;

  /** @throws CorruptError when that is not how a stream starts */
  constructor(routines: DecoderRoutines, header: LzmaHeader, start: Uint8Array) {
    const code = parseStart(start);
    this.#routines = routines;
    const { literalContextBits, literalPositionBits, positionBits } = header;
    this.#inputAt = this.#routines.memoryEnd(literalContextBits + literalPositionBits) + slackBytes;
    this.#inputEnd = this.#inputAt;
    this.#windowAt = this.#inputAt + inputBytes + slackBytes;
    this.#out = this.#windowAt;
    this.#dictionaryBytes = header.dictionaryBytes;
    this.#bytes = new Uint8Array(this.#routines.memory.buffer);
    this.#view = new DataView(this.#bytes.buffer);
    this.#growWindow();
    this.#routines.start(literalContextBits, literalPositionBits, positionBits, this.#dictionaryBytes, code);
    this.#view.setUint32(inputAt, this.#inputAt, true);
  }

  /** How many bytes were decoded. */
  get totalBytes(): number {
    return this.#total;
  }

  /** Whether a match is not yet written in full. */
  get isWithinMatch(): boolean {
    return this.#view.getUint32(pendingAt, true) > 0;
  }

  /** Input that was not read yet; below zero when more was read than there was. */
  get inputLeft(): number {
    return this.#inputEnd - this.#view.getUint32(inputAt, true);
  }

  /** Whether any step can be made: there is input for one symbol, or none follows. */
  get canGoOn(): boolean {
    return this.#last || this.inputLeft >= symbolBytes;
  }

  /** How much input can be given now. */
  get room(): number {
    return inputBytes - this.inputLeft;
  }

  /** Takes over further input, at most {@link room}. */
  feed(chunk: Uint8Array): void {
    const from = this.#view.getUint32(inputAt, true);
    this.#bytes.copyWithin(this.#inputAt, from, this.#inputEnd);
    this.#inputEnd += this.#inputAt - from;
    this.#view.setUint32(inputAt, this.#inputAt, true);
    this.#bytes.set(chunk, this.#inputEnd);
    this.#inputEnd += chunk.length;
  }

  /** Says that no input follows: the last symbols may then be taken from behind it, which {@link inputLeft} shows. */
  endInput(): void {
    this.#last = true;
    this.#bytes.fill(0, this.#inputEnd, this.#inputEnd + slackBytes);
  }

  /**
   * Decodes at most one piece.
   *
   * @param limit no more bytes than that
   * @returns the piece, valid until the next call, and why it ended
   * @throws CorruptError when the stream is malformed
   */
  decode(limit: number): { readonly piece: Uint8Array; readonly stop: Stop } {
    if (this.#out === this.#windowAt + this.#windowBytes) this.#turnWindow();
    const from = this.#out;
    const end = Math.min(this.#windowAt + this.#windowBytes, from + Math.min(limit, pieceBytes));
    const history = Math.min(this.#total, this.#dictionaryBytes);
    const answer = this.#routines.decode(this.#inputEnd, this.#last ? 1 : 0, from, end, this.#total % 2 ** 32, history);
    if (answer === 2) throw new CorruptError('malformed lzma stream');
    this.#out = this.#view.getUint32(outAt, true);
    this.#total += this.#out - from;
    const stop = answer === 1 ? 'end marker' : this.#out === end ? 'output' : 'input';
    return { piece: this.#bytes.subarray(from, this.#out), stop };
  }

  /** Whether the stream may end here. Needs {@link canGoOn}. */
  isFinished(): boolean {
    return this.#routines.isFinished() !== 0;
  }

  /** Goes on at the window's start, or makes it larger while it is smaller than the dictionary. */
  #turnWindow(): void {
    if (this.#windowBytes < this.#dictionaryBytes + slackBytes) this.#growWindow();
    else this.#out = this.#windowAt;
  }

  #growWindow(): void {
    const wanted = Math.max(firstWindowBytes, this.#windowBytes * 2);
    // Copies overshoot within the window; what is a dictionary away must survive that.
    this.#windowBytes = Math.min(wanted, this.#dictionaryBytes + slackBytes);
    const missing = this.#windowAt + this.#windowBytes + slackBytes - this.#bytes.length;
    if (missing > 0) {
      try {
        this.#routines.memory.grow(Math.ceil(missing / pageBytes));
      } catch (cause) {
        throw new ArchiverError('config', `no memory for an lzma dictionary of ${this.#windowBytes} bytes`, {
          cause,
          hint: 'Raise the limit of memory for this process.',
        });
      }
    }
    this.#bytes = new Uint8Array(this.#routines.memory.buffer);
    this.#view = new DataView(this.#bytes.buffer);
    this.#view.setUint32(windowAt, this.#windowAt, true);
    this.#view.setUint32(windowEndAt, this.#windowAt + this.#windowBytes, true);
  }
}

/** Kept for the next streams: the memory is mapped already. */
const idle: DecoderRoutines[] = [];
const keptRoutines = 2;
const keptMemoryBytes = 16 << 20;

/** Routines for one stream, to be given back; undefined where there is no WebAssembly, or no address space for it. */
export function acquireRoutines(): DecoderRoutines | undefined {
  try {
    return idle.pop() ?? (instantiate(wasmModule) as DecoderRoutines);
  } catch {
    return undefined;
  }
}

/** Takes routines back, when nothing that lies in their memory is in use any more. */
export function releaseRoutines(routines: DecoderRoutines): void {
  const { byteLength } = routines.memory.buffer;
  if (idle.length < keptRoutines && byteLength <= keptMemoryBytes) idle.push(routines);
}
