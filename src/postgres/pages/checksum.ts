/** PostgreSQL's checksum of a page, in plain JavaScript: the reference for `assembly/pages.ts`. */

const lanes = 32;
const prime = 16_777_619;

/** Where the lanes start; from PostgreSQL's checksum_impl.h. */
const offsets = Uint32Array.of(
  ...[0x5b1f36e9, 0xb8525960, 0x02ab50aa, 0x1de66d2a, 0x79ff467a, 0x9bb9f8a3, 0x217e7cd2, 0x83e13d2c],
  ...[0xf8d4474f, 0xe39eb970, 0x42c6ae16, 0x993216fa, 0x7b093b5d, 0x98daff3c, 0xf718902a, 0x0b1c9cdb],
  ...[0xe58f764b, 0x187636bc, 0x5d7b3bb1, 0xe73de7de, 0x92bec979, 0xcca6c0b2, 0x304a0979, 0x85aa43d4],
  ...[0x783125bb, 0x6ca8eaa2, 0xe407eac6, 0x4b5cfc3e, 0x9fbf8c76, 0x15ca20be, 0xf2ca9fd3, 0x959bd756],
);

function step(sum: number, word: number): number {
  const mixed = (sum ^ word) >>> 0;
  return Math.imul(mixed, prime) ^ (mixed >>> 17);
}

/**
 * The checksum that a page should carry, 1 … 65,535. The two bytes that hold it count as zero.
 *
 * @param page a whole page
 * @param block its number in the relation, through all segment files
 */
export function pageChecksum(page: Uint8Array, block: number): number {
  const words = new DataView(page.buffer, page.byteOffset, page.byteLength);
  const sums = Uint32Array.from(offsets);
  for (let row = 0; row < page.byteLength; row += lanes * 4) {
    for (let lane = 0; lane < lanes; lane += 1) {
      const at = row + lane * 4;
      const word = words.getUint32(at, true);
      sums[lane] = step(sums[lane] ?? 0, at === 8 ? word & 0xffff_0000 : word);
    }
  }
  let all = 0;
  for (const sum of sums) all ^= step(step(sum, 0), 0);
  return (((all ^ block) >>> 0) % 65_535) + 1;
}
