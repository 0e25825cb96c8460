/** What the threads that help with lz4 are told, and where they find and leave the bytes of a stream. */
import { packedBound } from './engine.ts';
import { blockBytes } from './frame.ts';

/** A block to compress. Jobs of a stream are given out in the order of its blocks. */
export interface BlockJob {
  readonly id: number;
  /** Of the stream. */
  readonly memory: SharedArrayBuffer;
  /** Counts from 0, those before the first job included. */
  readonly block: number;
  /** Where in the memory it lies. */
  readonly slot: number;
}

/** A thread is ready; or it has done a job, and so many bytes lie in the slot. */
export type BlockAnswer =
  { readonly type: 'ready' } | { readonly type: 'done'; readonly id: number; readonly packedBytes: number };

const controlBytes = 64;
const lanesAt = 16;
const laneBytes = 16;
/** A block as it stands in a frame: its size, and what it was compressed to. */
const packedSlotBytes = 4 + packedBound(blockBytes);
const slotBytes = blockBytes + packedSlotBytes;

/** The shared memory of a stream with so many slots. */
export function makeStreamMemory(slots: number): SharedArrayBuffer {
  return new SharedArrayBuffer(controlBytes + slots * slotBytes);
}

/** How many blocks have been hashed: one Int32, to be waited for. */
export function turnOf(memory: SharedArrayBuffer): Int32Array {
  return new Int32Array(memory, 0, 1);
}

/** The state of the hash after those. */
export function lanesOf(memory: SharedArrayBuffer): Uint8Array {
  return new Uint8Array(memory, lanesAt, laneBytes);
}

/** The plain bytes of a slot. */
export function plainSlot(memory: SharedArrayBuffer, slot: number): Uint8Array {
  return new Uint8Array(memory, controlBytes + slot * slotBytes, blockBytes);
}

/** Where a slot's block goes. */
export function packedSlot(memory: SharedArrayBuffer, slot: number): Uint8Array {
  return new Uint8Array(memory, controlBytes + slot * slotBytes + blockBytes, packedSlotBytes);
}
