/** The streams of `lzma-native` (liblzma 5.2), driven without its layer of Node streams. */
import { createRequire } from 'node:module';
import { ArchiverError, CorruptError, messageOf } from '../../errors.ts';

/** What is used of the package's native class; the package has no types. */
interface Native {
  aloneEncoder(options: { readonly preset: number }): void;
  /** Without a limit of memory when that is null. */
  aloneDecoder_(memoryLimit: null): void;
  /** Takes a copy of the input, null for its end, and reports to `bufferHandler` before it returns. */
  code(input: Uint8Array | null, async: false): void;
  /** Frees what the coder holds. */
  resetUnderlying(): void;
  bufferHandler?: (output: Uint8Array | null | undefined, _taken: unknown, error: unknown, readBytes: number) => void;
}

interface LzmaNative {
  readonly Stream: new () => Native;
}

/** Codes of liblzma, as its errors have them. */
const noMemory = 5;
const damages: ReadonlySet<unknown> = new Set([7, 8, 9]);
const noProgress = 10;

/** What {@link NativeStream.code} answers. */
export interface Coded {
  readonly outputs: readonly Uint8Array[];
  /** After the last output: how many bytes of all the input belong to the stream. */
  readonly endsAt: number | undefined;
}

/**
 * One encoder or decoder. It works in the calling thread, so that nothing is under way when it is closed, and its memory
 * lies outside of the JavaScript heap, where no collector sees it: it must be closed.
 */
export class NativeStream {
  readonly #native: Native;
  #outputs: Uint8Array[] = [];
  #endsAt: number | undefined;
  #error: Error | undefined;

  private constructor() {
    this.#native = new (loadNative().Stream)();
    // It must not throw: the caller is the native part.
    this.#native.bufferHandler = (output, _taken, error, readBytes) => {
      if (output instanceof Uint8Array) this.#outputs.push(output);
      else if (error instanceof Error) this.#error = error;
      else if (output === null) this.#endsAt = readBytes;
    };
  }

  /** Writes a stream of unknown size with an end marker. @param preset that of `xz`, 0 … 9 */
  static encoder(preset: number): NativeStream {
    const stream = new NativeStream();
    typedErrors(() => {
      stream.#native.aloneEncoder({ preset });
    });
    return stream;
  }

  /** Reads a stream, from its header on. */
  static decoder(): NativeStream {
    const stream = new NativeStream();
    typedErrors(() => {
      stream.#native.aloneDecoder_(null);
    });
    return stream;
  }

  /**
   * Gives further input, undefined for its end, and takes all that comes of it.
   *
   * @throws CorruptError when the input is malformed, or ends before the stream does
   */
  code(input: Uint8Array | undefined): Coded {
    this.#outputs = [];
    typedErrors(() => {
      this.#native.code(input ?? null, false);
      if (this.#error !== undefined) throw this.#error;
    });
    return { outputs: this.#outputs, endsAt: this.#endsAt };
  }

  /** Gives the memory back. */
  close(): void {
    this.#outputs = [];
    this.#native.resetUnderlying();
  }
}

function loadNative(): LzmaNative {
  try {
    return createRequire(import.meta.url)('lzma-native') as LzmaNative;
  } catch (cause) {
    throw new ArchiverError('config', `lzma-native, which this needs, cannot be loaded here: ${messageOf(cause)}`, {
      cause,
      hint: 'Without it lzma is written at level 0 and read where there is WebAssembly (no --jitless, no ulimit -v).',
    });
  }
}

function typedErrors(work: () => void): void {
  try {
    work();
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (damages.has(code)) throw new CorruptError('malformed lzma stream', { cause });
    if (code === noProgress) throw new CorruptError('lzma stream is cut short', { cause });
    if (code !== noMemory) throw cause;
    throw new ArchiverError('config', 'no memory for lzma', {
      cause,
      hint: 'Raise the limit of memory for this process, or write at a lower level.',
    });
  }
}
