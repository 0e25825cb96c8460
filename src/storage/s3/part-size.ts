/** How big the parts of a multipart upload are. */

/** S3 takes no more parts of one object, */
export const maxParts = 10_000;
/** no bigger part, */
const maxPartBytes = 5 * 1024 ** 3;
/** and no bigger object. */
const maxObjectBytes = 5 * 1024 ** 4;
/** Some compatibles want parts of one size: half of the parts have it. */
const equalParts = maxParts / 2;
const doubleEvery = 480;

/**
 * The size of the part `number` (from 1) of an upload of unknown length that has sent `sentBytes` in parts that began with
 * `firstBytes`: always the same for as long as half of the parts last, then doubled every 480 parts until 10,000 parts
 * carry 5 TiB.
 */
export function partBytesOf(number: number, firstBytes: number, sentBytes: number): number {
  if (number <= equalParts) return firstBytes;
  const doubled = firstBytes * 2 ** Math.ceil((number - equalParts) / doubleEvery);
  const partsLeft = Math.max(1, maxParts - number + 1);
  const enough = Math.ceil((maxObjectBytes - sentBytes) / partsLeft);
  return Math.min(doubled, Math.max(firstBytes, enough), maxPartBytes);
}
