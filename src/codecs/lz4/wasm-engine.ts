/** The engine made of `assembly/lz4.ts`. */
import { CorruptError } from '../../errors.ts';
import { instantiate } from '../../platform/web-assembly.ts';
import type { Lz4Engine } from './engine.ts';
import { wasmModule } from './wasm-module.ts';

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): void };
  compress(table: number, from: number, length: number, to: number): number;
  decompress(from: number, length: number, to: number, maxLength: number, window: number): number;
  hashStart(state: number): void;
  hashStripes(state: number, from: number, length: number): void;
  hashEnd(state: number, from: number, length: number, total: number, short: number): number;
}

const pageBytes = 64 << 10;
const stripeBytes = 16;
/** Places in the engine's own part of the memory. */
const stateAt = 1024;
const restAt = stateAt + stripeBytes;
const tableAt = 2048;

/** Makes an engine; undefined where there is no WebAssembly with SIMD, or no address space for its memory. */
export function createWasmEngine(): Lz4Engine | undefined {
  try {
    return wrap(instantiate(wasmModule) as Exports);
  } catch {
    return undefined;
  }
}

function wrap(routines: Exports): Lz4Engine {
  const { memory } = routines;
  let bytes = new Uint8Array(memory.buffer);
  let totalBytes = 0;
  let restBytes = 0;
  return {
    get bytes() {
      return bytes;
    },
    reserve(sizeBytes) {
      const missing = sizeBytes - bytes.length;
      if (missing <= 0) return;
      memory.grow(Math.ceil(missing / pageBytes));
      bytes = new Uint8Array(memory.buffer);
    },
    compress: (from, length, to) => routines.compress(tableAt, from, length, to) - to,
    decompress(from, length, { at, maxBytes, windowBytes }) {
      const end = routines.decompress(from, length, at, maxBytes, windowBytes);
      if (end === 0) throw new CorruptError('malformed lz4 block');
      return end - at;
    },
    hashStart() {
      routines.hashStart(stateAt);
      totalBytes = 0;
      restBytes = 0;
    },
    hashing: {
      lanes: () => bytes.slice(stateAt, stateAt + stripeBytes),
      resume(lanes, hashedBytes) {
        bytes.set(lanes, stateAt);
        totalBytes = hashedBytes;
        restBytes = 0;
      },
    },
    hashUpdate(from, length) {
      const end = from + length;
      totalBytes += length;
      if (restBytes > 0) {
        const part = Math.min(stripeBytes - restBytes, length);
        bytes.copyWithin(restAt + restBytes, from, from + part);
        restBytes += part;
        from += part;
        if (restBytes < stripeBytes) return;
        routines.hashStripes(stateAt, restAt, stripeBytes);
      }
      restBytes = (end - from) % stripeBytes;
      routines.hashStripes(stateAt, from, end - from - restBytes);
      bytes.copyWithin(restAt, end - restBytes, end);
    },
    hashDigest() {
      const short = totalBytes < stripeBytes ? 1 : 0;
      return routines.hashEnd(stateAt, restAt, restBytes, totalBytes % 2 ** 32, short) >>> 0;
    },
  };
}
