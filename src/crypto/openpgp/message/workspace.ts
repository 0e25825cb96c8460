/** Memory in which a stream is encrypted or decrypted in place, and the XOR over it, 16 bytes at a time by WebAssembly. */
import { instantiate } from '../../../platform/web-assembly.ts';
import { wasmModule } from './wasm-module.ts';

/** Bytes of a block of AES. */
export const blockBytes = 16;

/** The memory of one stream. */
export interface Workspace {
  readonly bytes: Uint8Array;
  /** The block of key stream that comes before what {@link xorBlocks} is given. */
  readonly next: Uint8Array;
  /**
   * XORs whole blocks of `bytes` with `next` and the key stream behind it, whose last block becomes `next`.
   *
   * @param start a multiple of four
   * @param keyStream of the same length
   */
  xorBlocks(start: number, end: number, keyStream: Uint8Array): void;
  /** For another stream to use; nothing may touch it from then on. */
  release(): void;
}

interface Routines {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): void };
  xorBlocks(at: number, key: number, length: number): void;
}

const pageBytes = 64 << 10;
const keyAt = 1024;
/** Memories kept for the streams to come. */
const keptMemories = 2;

const idle: Routines[] = [];

/** Takes a workspace of at least so many bytes; its content is anything. */
export function openWorkspace(sizeBytes: number): Workspace {
  return openWasmWorkspace(sizeBytes) ?? openPlainWorkspace(sizeBytes);
}

/** Undefined where there is no WebAssembly with SIMD, or no address space for its memory. */
export function openWasmWorkspace(sizeBytes: number): Workspace | undefined {
  try {
    return within(idle.pop() ?? (instantiate(wasmModule) as Routines), sizeBytes);
  } catch {
    return undefined;
  }
}

function within(routines: Routines, sizeBytes: number): Workspace {
  const workAt = keyAt + blockBytes + Math.ceil(sizeBytes / blockBytes) * blockBytes;
  const missingBytes = workAt + sizeBytes - routines.memory.buffer.byteLength;
  if (missingBytes > 0) routines.memory.grow(Math.ceil(missingBytes / pageBytes));
  const memory = new Uint8Array(routines.memory.buffer);
  return {
    bytes: memory.subarray(workAt, workAt + sizeBytes),
    next: memory.subarray(keyAt, keyAt + blockBytes),
    xorBlocks(start, end, keyStream) {
      memory.set(keyStream, keyAt + blockBytes);
      routines.xorBlocks(workAt + start, keyAt, end - start);
    },
    release() {
      if (idle.length < keptMemories) idle.push(routines);
    },
  };
}

/** The same without WebAssembly, slower. */
export function openPlainWorkspace(sizeBytes: number): Workspace {
  const bytes = new Uint8Array(sizeBytes);
  const next = new Uint8Array(blockBytes);
  return {
    bytes,
    next,
    xorBlocks(start, end, keyStream) {
      const words = wordsOf(bytes.subarray(start, end));
      const stream = wordsOf(keyStream);
      const first = wordsOf(next);
      for (let at = 0; at < first.length; at += 1) words[at] = (words[at] ?? 0) ^ (first[at] ?? 0);
      // Four at a time: three times as fast as one by one.
      for (let at = first.length; at < words.length; at += 4) {
        words[at] = (words[at] ?? 0) ^ (stream[at - 4] ?? 0);
        words[at + 1] = (words[at + 1] ?? 0) ^ (stream[at - 3] ?? 0);
        words[at + 2] = (words[at + 2] ?? 0) ^ (stream[at - 2] ?? 0);
        words[at + 3] = (words[at + 3] ?? 0) ^ (stream[at - 1] ?? 0);
      }
      first.set(stream.subarray(words.length - first.length));
    },
    release: () => undefined,
  };
}

function wordsOf(bytes: Uint8Array): Int32Array {
  // Ciphers give buffers of their own today; nothing promises it.
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : Uint8Array.from(bytes);
  return new Int32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4);
}
