/**
 * Drives the coders of node:zlib by their native handles: in the calling thread, into one buffer. As streams they cost up
 * to twice the CPU, for turns of the thread pool, new buffers and what a `Transform` does (`docs/adr/0009-codecs.md`).
 *
 * The handles are not documented, but as old as the streams that are made of them; the contract tests of the codecs hold
 * what is used of them here.
 */
import type { BrotliCompress, BrotliDecompress, Gunzip, ZstdCompress, ZstdDecompress } from 'node:zlib';
import type { ByteSource } from '../bytes/stage.ts';
import { codeOf, CorruptError, messageOf } from '../errors.ts';

/** A coder of node:zlib. */
export type ZlibCoder = BrotliCompress | BrotliDecompress | Gunzip | ZstdCompress | ZstdDecompress;

/** What a coder is made of. */
interface Native {
  readonly _handle: {
    writeSync(
      operation: number,
      input: Uint8Array,
      inputAt: number,
      inputBytes: number,
      output: Uint8Array,
      outputAt: number,
      outputBytes: number,
    ): void;
  };
  /** After each write: room that is left in the output, bytes that are left in the input. */
  readonly _writeState: Uint32Array;
}

const outputBytes = 256 << 10;
const nothing = new Uint8Array(0);
/** In every format: take input, give output when there is enough of it. */
const goOn = 0;

/** One stream through a coder. Close it, also when it was not read to its end. */
export class ZlibEngine {
  readonly #coder: ZlibCoder;
  readonly #native: Native;
  readonly #output = Buffer.allocUnsafeSlow(outputBytes);
  #unreadBytes = 0;

  constructor(coder: ZlibCoder) {
    this.#coder = coder;
    this.#native = coder as unknown as Native;
    // It is told where it occurs.
    coder.on('error', () => undefined);
  }

  /** Bytes of the last input that were left because the compressed stream is over. */
  get unreadBytes(): number {
    return this.#unreadBytes;
  }

  /** Yields what comes of the input, in pieces that are lent. @throws the error of node:zlib */
  *run(input: Uint8Array, operation = goOn): Generator<Uint8Array> {
    const { _handle: handle, _writeState: state } = this.#native;
    let left = input.length;
    for (;;) {
      handle.writeSync(operation, input, input.length - left, left, this.#output, 0, outputBytes);
      if (this.#coder.errored !== null) throw this.#coder.errored;
      const [room = 0, unread = 0] = state;
      left = unread;
      if (room < outputBytes) yield this.#output.subarray(0, outputBytes - room);
      if (room > 0) break;
    }
    this.#unreadBytes = left;
  }

  /** As {@link run}, without further input. */
  finish(operation: number): Generator<Uint8Array> {
    return this.run(nothing, operation);
  }

  close(): void {
    this.#coder.destroy();
  }
}

/** How to decode. */
export interface Decoding {
  /** For messages: `gzip`. */
  readonly format: string;
  readonly open: () => ZlibCoder;
  /** The operation that ends a stream. */
  readonly finish: number;
  /** Takes bytes that follow the end of the compressed stream; throws when they may not be there. */
  readonly rest?: (bytes: Uint8Array) => void;
}

/**
 * Decodes one stream of bytes, in the memory that the format needs.
 *
 * Ends with CorruptError when it is malformed, cut short or followed by something.
 */
export async function* decode(source: ByteSource, { format, open, finish, rest }: Decoding): ByteSource {
  const takeRest = rest ?? refuseRest(format);
  const engine = new ZlibEngine(open());
  let over = false;
  try {
    for await (const chunk of source) {
      if (over) {
        takeRest(chunk);
        continue;
      }
      yield* failing(format, engine.run(chunk));
      if (engine.unreadBytes === 0) continue;
      over = true;
      takeRest(chunk.subarray(-engine.unreadBytes));
    }
    if (!over) yield* failing(format, engine.finish(finish));
  } finally {
    engine.close();
  }
}

/** Errors about the bytes; others are about memory. */
const damage = /^(?:Z_(?:BUF|DATA)_ERROR|Z_NEED_DICT|ERR_(?:_ERROR_FORMAT_|BROTLI_)|ZSTD_error_(?!memory|work))/;

function* failing(format: string, pieces: Iterable<Uint8Array>): Iterable<Uint8Array> {
  try {
    yield* pieces;
  } catch (error) {
    const code = codeOf(error) ?? '';
    if (!damage.test(code)) throw error;
    const what = code === 'Z_BUF_ERROR' ? 'is cut short' : `is damaged: ${messageOf(error)}`;
    throw new CorruptError(`${format} stream ${what}`, { cause: error });
  }
}

function refuseRest(format: string): (bytes: Uint8Array) => void {
  return ({ length }) => {
    if (length > 0) throw new CorruptError(`${format} stream goes on after its end`);
  };
}
