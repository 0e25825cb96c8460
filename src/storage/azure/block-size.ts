/** How big the blocks of an upload are. */

/** Azure takes no more blocks of one object, */
export const maxBlocks = 50_000;
/** and no bigger block. */
const maxBlockBytes = 4_000 * 1024 ** 2;
/** What is to go into one object, if it comes to that. */
const wantedBytes = 5e12;
const equalBlocks = 10_000;
const step = 1_000;

/**
 * The size of the block `number` (from 0) of an upload of unknown length that begins with blocks of `firstBytes`: the same
 * for 10,000 blocks, then a little more every 1,000, so that 50,000 blocks carry 5 TB.
 */
export function blockBytesOf(number: number, firstBytes: number): number {
  if (number < equalBlocks) return firstBytes;
  const steps = (maxBlocks - equalBlocks) / step;
  const missing = Math.max(0, wantedBytes - maxBlocks * firstBytes);
  const growth = Math.ceil(missing / (step * ((steps * (steps + 1)) / 2)));
  return Math.min(maxBlockBytes, firstBytes + growth * (Math.floor((number - equalBlocks) / step) + 1));
}
