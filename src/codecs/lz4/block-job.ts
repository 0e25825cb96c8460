/** What the threads that help with lz4 are told, and how the memory of a stream is laid out that they work on. */
import type { SharedWasmMemory, WasmModule } from '../../platform/web-assembly.ts';
import { packedBound, slackBytes } from './engine.ts';
import { blockBytes } from './frame.ts';

/** What a thread knows from its start. */
export interface BlockThreadStart {
  readonly module: WasmModule;
  /** Which of the tables of a stream is its own. */
  readonly index: number;
  /** How many there are. */
  readonly threads: number;
}

/** To a thread. */
export type BlockMessage =
  | { readonly type: 'open'; readonly stream: number; readonly memory: SharedWasmMemory }
  | ({ readonly type: 'job' } & BlockJob)
  | { readonly type: 'close'; readonly stream: number };

/** A block to compress. Jobs of a stream are given out in the order of its blocks. */
export interface BlockJob {
  readonly id: number;
  readonly stream: number;
  /** Counts from 0, those before the first job included. */
  readonly block: number;
  /** Where in the memory it lies. */
  readonly slot: number;
}

/** A thread is ready; or it has done a job, and so many bytes lie at {@link packedPlace}. */
export type BlockAnswer =
  { readonly type: 'ready' } | { readonly type: 'done'; readonly id: number; readonly packedBytes: number };

/** Where the state of the hash is. */
export const lanesAt = 16;
const laneBytes = 16;
const tablesAt = 1024;
const tableBytes = 16 << 10;
/** A block as it stands in a frame: its size, and what it was compressed to. */
const packedSlotBytes = 4 + packedBound(blockBytes) + slackBytes;
const slotBytes = roundUp(blockBytes + slackBytes + packedSlotBytes);

/** The memory of a stream. */
export interface StreamPlan {
  readonly threads: number;
  /** Each for a block and what becomes of it. */
  readonly slots: number;
}

/**
 * How many slots so many threads need: one that is being filled, and one that waits for each that is compressed. When other
 * streams keep them busy as well, fewer do.
 */
export function planOf(threads: number, otherStreams: number): StreamPlan {
  return { threads, slots: Math.max(2, Math.ceil((2 * threads) / (otherStreams + 1))) + 1 };
}

/** How much memory that takes. */
export function memoryBytesOf({ threads, slots }: StreamPlan): number {
  return slotsAt(threads) + slots * slotBytes;
}

/** Where a thread's table is. */
export function tablePlace(index: number): number {
  return tablesAt + index * tableBytes;
}

/** Where the plain bytes of a slot are. */
export function plainPlace(threads: number, slot: number): number {
  return slotsAt(threads) + slot * slotBytes;
}

/** Where its block goes, as it stands in the frame. */
export function packedPlace(threads: number, slot: number): number {
  return plainPlace(threads, slot) + blockBytes + slackBytes;
}

/** How many blocks have been hashed: one Int32, to be waited for. */
export function turnOf({ buffer }: SharedWasmMemory): Int32Array {
  return new Int32Array(buffer, 0, 1);
}

/** The state of the hash after those. */
export function lanesOf({ buffer }: SharedWasmMemory): Uint8Array {
  return new Uint8Array(buffer, lanesAt, laneBytes);
}

function slotsAt(threads: number): number {
  return roundUp(tablePlace(threads));
}

/** Nobody's bytes share a line of the cache with another one's. */
function roundUp(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}
