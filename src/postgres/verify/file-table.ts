/**
 * The files of one backup in memory that all threads share: what the backup says of each, and what was seen of it. Arrays go
 * by the numbers of the names.
 */
import { createHash } from 'node:crypto';
import { openNameSet, type NameSet } from '../restore/name-set.ts';

/** The memory. */
export interface SharedFileTable {
  readonly names: SharedArrayBuffer;
  readonly kinds: SharedArrayBuffer;
  readonly parts: SharedArrayBuffer;
  readonly sizes: SharedArrayBuffer;
  readonly hashes: SharedArrayBuffer;
  readonly arrivals: SharedArrayBuffer;
  readonly seenSizes: SharedArrayBuffer;
  readonly basePages: SharedArrayBuffer;
}

/** What the list of files calls a file. */
export const fileKind = { whole: 0, increment: 1, skipped: 2 } as const;

/** No part was recorded for it. */
export const anyPart = 0;

/** One thread's view. */
export interface FileTable {
  readonly shared: SharedFileTable;
  readonly names: NameSet;
  /** {@link fileKind}. */
  readonly kinds: Uint8Array;
  /** The part that is to hold it, counted from 1; {@link anyPart}. */
  readonly parts: Int32Array;
  /** Size of the file when it was backed up; −1: not recorded. */
  readonly sizes: Float64Array;
  /** Hash of its content; 0: not recorded. */
  readonly hashes: BigUint64Array;
  /** The part that it was seen in, counted from 1; 0: in none so far. */
  readonly arrivals: Int32Array;
  /** Size of the whole file by its member; −1: not seen. */
  readonly seenSizes: Float64Array;
  /** Of an increment: how many pages its base must have, since the increment holds all behind them. */
  readonly basePages: Float64Array;
}

/** Memory for files of these names. */
export function createFileTable(names: NameSet): FileTable {
  const { size } = names;
  const table = openFileTable({
    names: names.shared,
    kinds: new SharedArrayBuffer(size),
    parts: new SharedArrayBuffer(4 * size),
    sizes: new SharedArrayBuffer(8 * size),
    hashes: new SharedArrayBuffer(8 * size),
    arrivals: new SharedArrayBuffer(4 * size),
    seenSizes: new SharedArrayBuffer(8 * size),
    basePages: new SharedArrayBuffer(8 * size),
  });
  table.sizes.fill(-1);
  table.seenSizes.fill(-1);
  return table;
}

/** The table that another thread made. */
export function openFileTable(shared: SharedFileTable): FileTable {
  return {
    shared,
    names: openNameSet(shared.names),
    kinds: new Uint8Array(shared.kinds),
    parts: new Int32Array(shared.parts),
    sizes: new Float64Array(shared.sizes),
    hashes: new BigUint64Array(shared.hashes),
    arrivals: new Int32Array(shared.arrivals),
    seenSizes: new Float64Array(shared.seenSizes),
    basePages: new Float64Array(shared.basePages),
  };
}

const sumBits = 2 ** 48;

/** A number for a name. Sums of them, by {@link addNameSums}, tell sets of names apart without keeping these. */
export function nameSum(path: string): number {
  return createHash('md5').update(path).digest().readUIntBE(0, 6);
}

/** The sum for both sets together. */
export function addNameSums(a: number, b: number): number {
  return (a + b) % sumBits;
}
