/**
 * LZ4 blocks and the checksum, on a memory of their own: what the frame layer (`compress.ts`, `decompress.ts`) works with.
 * There are two engines that do the same: `wasm-engine.ts` is the faster, `napi-engine.ts` serves where WebAssembly can't
 * be had, such as under a limit of address space. See `docs/adr/0003-lz4.md`.
 */
import { createWasmEngine } from './wasm-engine.ts';

/** A memory with routines. Used by one stream at a time; positions count from its beginning. */
export interface Lz4Engine {
  /** The memory. The first {@link ownBytes} are the engine's; another object after `reserve`. */
  readonly bytes: Uint8Array;
  /** Makes the memory at least so large; what it holds is lost. */
  reserve(sizeBytes: number): void;
  /**
   * Compresses one block.
   *
   * @returns length of the output, at most {@link packedBound}
   */
  compress(from: number, length: number, to: number): number;
  /**
   * Decompresses one block.
   *
   * @param place where the plaintext goes, how long it may be, and how many bytes before it the block may refer to
   * @returns length of the plaintext
   * @throws CorruptError when it is malformed or longer
   */
  decompress(from: number, length: number, place: PlainPlace): number;
  /** Begins an xxHash32, seed 0. */
  hashStart(): void;
  hashUpdate(from: number, length: number): void;
  /** The hash of everything since it began, 0 … 2^32 − 1. */
  hashDigest(): number;
  /** Hashing in several threads, one after the other; undefined: it cannot. */
  readonly hashing?: HandedOnHash;
}

/** A hash that goes on elsewhere: possible after each multiple of 16 bytes. */
export interface HandedOnHash {
  /** What there is to know of it: 16 bytes, a copy. */
  lanes(): Uint8Array;
  /** Takes the place of `hashStart`. */
  resume(lanes: Uint8Array, totalBytes: number): void;
}

/** A place for plaintext. */
export interface PlainPlace {
  readonly at: number;
  readonly maxBytes: number;
  readonly windowBytes: number;
}

/** What engines keep for themselves at the beginning of the memory. */
export const ownBytes = 64 << 10;
/** Free bytes behind every area: copies overshoot. */
export const slackBytes = 32;

/** Longest output for so many plain bytes. */
export function packedBound(plainBytes: number): number {
  return plainBytes + Math.floor(plainBytes / 255) + 16;
}

/** Kept for the next stream: the memory is mapped already, and the code compiled. */
const idle: Lz4Engine[] = [];
const keptEngines = 2;

/** An engine for one stream; give it back with {@link releaseEngine}. */
export async function acquireEngine(): Promise<Lz4Engine> {
  return idle.pop() ?? createWasmEngine() ?? (await import('./napi-engine.ts')).createNapiEngine();
}

/** Takes an engine back, when nothing that lies in its memory is in use any more. */
export function releaseEngine(engine: Lz4Engine): void {
  if (idle.length < keptEngines) idle.push(engine);
}
