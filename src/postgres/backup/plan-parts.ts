/** Which file goes into which tar part. Any distribution can be restored; this one keeps every worker busy to the end. */
import type { ClusterEntry } from '../cluster/walk.ts';
import { pageBytes } from '../pages/page-scan.ts';
import { partName } from './names.ts';

/** An entry as it is to be packed. */
export interface PackedEntry extends ClusterEntry {
  /** Of a file of a relation that the base has: it may become an increment. */
  readonly change?: FileChange;
}

/** What is known of a file's change since the base. */
export interface FileChange {
  /** Numbers in the file of the pages that changed; undefined: to be found by looking at all of them. */
  readonly blocks?: Uint32Array;
  /** Size of the file in the base, where that is known; it is whenever `blocks` are. */
  readonly baseBytes?: number;
}

/** A tar part before it is written. */
export interface PlannedPart {
  /** Without the codec's suffix: `part_001.tar`. */
  readonly name: string;
  readonly entries: readonly PackedEntry[];
  /** Sum of the sizes of its files. */
  readonly fileBytes: number;
}

/** What parts are to be like. */
export interface PartLimits {
  /** No part has more bytes of files than this, unless it is one file (`WALG_TAR_SIZE_THRESHOLD`). */
  readonly thresholdBytes: number;
  /** How many parts are written at once. */
  readonly workers: number;
}

/** Opening, reading a header's worth and closing a small file costs about as much as copying so many bytes. */
const bytesPerEntry = 16 * 1024;
/** Smaller parts gain nothing on the way out and cost requests. */
const leastPartBytes = 32 * 1024 * 1024;
/** So that the last parts to finish are short. */
const partsPerWorker = 4;

/** So many times faster are pages looked at than compressed. */
const scanAdvantage = 5;

/** Cuts the entries, in the order of the walk, into parts numbered from 1. */
export function planParts(entries: readonly PackedEntry[], limits: PartLimits): readonly PlannedPart[] {
  return planGroups([entries], limits);
}

/** The same for entries that are to be kept apart: no part has some of two groups. */
export function planGroups(groups: readonly (readonly PackedEntry[])[], limits: PartLimits): readonly PlannedPart[] {
  const totalCost = groups.flat().reduce((sum, entry) => sum + costOf(entry), 0);
  const aimed = limits.workers === 1 ? totalCost : totalCost / (limits.workers * partsPerWorker);
  const costLimit = Math.max(aimed, leastPartBytes);
  const parts: PlannedPart[] = [];
  let open: PackedEntry[] = [];
  let fileBytes = 0;
  let cost = 0;

  function close(): void {
    if (open.length === 0) return;
    parts.push({ name: partName(parts.length + 1), entries: open, fileBytes });
    open = [];
    fileBytes = 0;
    cost = 0;
  }

  for (const entries of groups) {
    for (const entry of entries) {
      const isTooMuch = fileBytes + entry.sizeBytes > limits.thresholdBytes || cost + costOf(entry) > costLimit;
      if (isTooMuch && fileBytes > 0) close();
      open.push(entry);
      fileBytes += entry.sizeBytes;
      cost += costOf(entry);
    }
    close();
  }
  return parts;
}

/** The order to write parts in: the one that takes longest first, so that none is left for the end. */
export function biggestFirst(parts: readonly PlannedPart[]): readonly PlannedPart[] {
  const costs = new Map(parts.map((part) => [part, part.entries.reduce((sum, entry) => sum + costOf(entry), 0)]));
  return [...parts].sort((a, b) => (costs.get(b) ?? 0) - (costs.get(a) ?? 0));
}

function costOf({ sizeBytes, change }: PackedEntry): number {
  if (change === undefined) return sizeBytes + bytesPerEntry;
  const read = change.blocks === undefined ? sizeBytes : change.blocks.length * pageBytes;
  return read / scanAdvantage + bytesPerEntry;
}
