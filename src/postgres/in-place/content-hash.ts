/** A hash of the content of files: xxHash64, which tells contents apart at the speed of memory; no defence against forgery. */
import { instantiate } from '../../platform/web-assembly.ts';
import { wasmModule } from './xxh64-module.ts';

/** Hashes one content after the other. For one thread. */
export interface ContentHasher {
  /** Begins a content; one that was begun is given up. */
  start(): void;
  /**
   * Where to put the next bytes of the content, which saves {@link ContentHasher.update} a copy. Never empty; valid until
   * the next call of anything.
   */
  room(): Uint8Array;
  /** Hashes the first so many bytes of the last {@link ContentHasher.room}. */
  take(length: number): void;
  /** Memory for whoever hands bytes on that are hashed: {@link ContentHasher.update} need not copy them from there. */
  readonly chunk: Uint8Array;
  /** Hashes bytes that are in `chunk` or anywhere else. */
  update(bytes: Uint8Array): void;
  /** Hashes so many zero bytes. */
  updateZeros(length: number): void;
  /** The hash of everything since the start, 0 … 2^64 − 1. */
  digest(): bigint;
}

/** The hash of an empty content. */
export const hashOfNothing = 0xef46db3751d8e999n;

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): void };
  hashStart(state: number): void;
  hashStripes(state: number, from: number, length: number): void;
  hashEnd(state: number, from: number, length: number, total: bigint): bigint;
}

const memoryPageBytes = 64 << 10;
const stripeBytes = 32;
/** The module keeps what it needs below. */
const stateAt = 1024;
const contentAt = 2048;
/** Stays in the second-level cache. */
const contentBytes = 256 << 10;
const chunkBytes = 256 << 10;
const chunkAt = 512 << 10;

/** @returns undefined where there is no WebAssembly, or no address space for its memory */
export function createContentHasher(): ContentHasher | undefined {
  let routines: Exports;
  try {
    routines = instantiate(wasmModule) as Exports;
    const missing = chunkAt + chunkBytes - routines.memory.buffer.byteLength;
    routines.memory.grow(Math.ceil(missing / memoryPageBytes));
  } catch {
    return undefined;
  }
  const memory = new Uint8Array(routines.memory.buffer);
  /** Bytes at `contentAt` that make no stripe yet. */
  let pending = 0;
  let totalBytes = 0;

  function room(): Uint8Array {
    return memory.subarray(contentAt + pending, contentAt + pending + contentBytes);
  }

  function take(length: number): void {
    totalBytes += length;
    const gathered = pending + length;
    pending = gathered % stripeBytes;
    const striped = gathered - pending;
    if (striped === 0) return;
    routines.hashStripes(stateAt, contentAt, striped);
    memory.copyWithin(contentAt, contentAt + striped, contentAt + gathered);
  }

  /** Bytes of `memory`. */
  function takeFrom(at: number, length: number): void {
    const head = pending === 0 ? 0 : Math.min(stripeBytes - pending, length);
    memory.copyWithin(contentAt + pending, at, at + head);
    take(head);
    const striped = length - head - ((length - head) % stripeBytes);
    routines.hashStripes(stateAt, at + head, striped);
    totalBytes += striped;
    const tail = length - head - striped;
    if (tail === 0) return;
    memory.copyWithin(contentAt, at + head + striped, at + length);
    take(tail);
  }

  return {
    chunk: memory.subarray(chunkAt, chunkAt + chunkBytes),
    start() {
      routines.hashStart(stateAt);
      pending = 0;
      totalBytes = 0;
    },
    room,
    take,
    update(bytes) {
      if (bytes.buffer === memory.buffer) {
        takeFrom(bytes.byteOffset, bytes.length);
        return;
      }
      for (let at = 0; at < bytes.length; at += contentBytes) {
        const piece = bytes.subarray(at, at + contentBytes);
        room().set(piece);
        take(piece.length);
      }
    },
    updateZeros(length) {
      for (let left = length; left > 0;) {
        const zeros = Math.min(left, contentBytes);
        room().fill(0, 0, zeros);
        take(zeros);
        left -= zeros;
      }
    },
    digest: () => BigInt.asUintN(64, routines.hashEnd(stateAt, contentAt, pending, BigInt(totalBytes))),
  };
}
