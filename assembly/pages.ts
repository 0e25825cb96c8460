/**
 * Looks at pages of a relation's file on a bare memory, for WebAssembly: AssemblyScript, not TypeScript.
 * `scripts/build-wasm.ts` makes `src/postgres/pages/wasm-module.ts` of it. Callers lay out the memory.
 * `src/postgres/pages/plain-scanner.ts` says the same in TypeScript and is the reference.
 *
 * Page header and checksum: PostgreSQL's bufpage.h and checksum_impl.h.
 */

/** Bits of a verdict, as in `page-scan.ts`. */
const isNew: u8 = 1;
const isInvalid: u8 = 2;
const isChanged: u8 = 4;
const isCorrupt: u8 = 8;

const headerBytes: u32 = 24;
const knownFlags: u32 = 7;
const newestLayout: u32 = 5;

const prime: i32 = 16777619;

/** One step of all lanes: 32-bit FNV-1a with a shift mixed in. */
function step(sums: v128, words: v128): v128 {
  const mixed = v128.xor(sums, words);
  return v128.xor(i32x4.mul(mixed, i32x4.splat(prime)), i32x4.shr_u(mixed, 17));
}

/** The checksum that the page should have, from its bytes without those of the checksum itself. */
function checksumOf(page: usize, pageBytes: usize, block: u32): u32 {
  let s0 = i32x4(0x5b1f36e9, 0xb8525960, 0x02ab50aa, 0x1de66d2a);
  let s1 = i32x4(0x79ff467a, 0x9bb9f8a3, 0x217e7cd2, 0x83e13d2c);
  let s2 = i32x4(0xf8d4474f, 0xe39eb970, 0x42c6ae16, 0x993216fa);
  let s3 = i32x4(0x7b093b5d, 0x98daff3c, 0xf718902a, 0x0b1c9cdb);
  let s4 = i32x4(0xe58f764b, 0x187636bc, 0x5d7b3bb1, 0xe73de7de);
  let s5 = i32x4(0x92bec979, 0xcca6c0b2, 0x304a0979, 0x85aa43d4);
  let s6 = i32x4(0x783125bb, 0x6ca8eaa2, 0xe407eac6, 0x4b5cfc3e);
  let s7 = i32x4(0x9fbf8c76, 0x15ca20be, 0xf2ca9fd3, 0x959bd756);
  const end = page + pageBytes;
  // Bytes 8 and 9 count as zero.
  s0 = step(s0, v128.and(v128.load(page), i32x4(-1, -1, 0xffff0000, -1)));
  s1 = step(s1, v128.load(page, 16));
  s2 = step(s2, v128.load(page, 32));
  s3 = step(s3, v128.load(page, 48));
  s4 = step(s4, v128.load(page, 64));
  s5 = step(s5, v128.load(page, 80));
  s6 = step(s6, v128.load(page, 96));
  s7 = step(s7, v128.load(page, 112));
  for (let at = page + 128; at < end; at += 128) {
    s0 = step(s0, v128.load(at));
    s1 = step(s1, v128.load(at, 16));
    s2 = step(s2, v128.load(at, 32));
    s3 = step(s3, v128.load(at, 48));
    s4 = step(s4, v128.load(at, 64));
    s5 = step(s5, v128.load(at, 80));
    s6 = step(s6, v128.load(at, 96));
    s7 = step(s7, v128.load(at, 112));
  }
  const zero = i32x4(0, 0, 0, 0);
  s0 = step(step(s0, zero), zero);
  s1 = step(step(s1, zero), zero);
  s2 = step(step(s2, zero), zero);
  s3 = step(step(s3, zero), zero);
  s4 = step(step(s4, zero), zero);
  s5 = step(step(s5, zero), zero);
  s6 = step(step(s6, zero), zero);
  s7 = step(step(s7, zero), zero);
  const all = v128.xor(v128.xor(v128.xor(s0, s1), v128.xor(s2, s3)), v128.xor(v128.xor(s4, s5), v128.xor(s6, s7)));
  const sum: u32 =
    i32x4.extract_lane(all, 0) ^ i32x4.extract_lane(all, 1) ^ i32x4.extract_lane(all, 2) ^ i32x4.extract_lane(all, 3);
  return ((sum ^ block) % 65535) + 1;
}

/**
 * Judges `count` pages at `pages`, one byte each at `verdicts`.
 *
 * @param since pages whose LSN is this or later have changed
 * @param block number of the first page in its relation, counted through all segments
 */
export function scan(
  pages: usize,
  count: u32,
  pageBytes: u32,
  since: u64,
  block: u32,
  withChecksums: bool,
  verdicts: usize,
): void {
  let page = pages;
  for (let index: u32 = 0; index < count; index++, page += pageBytes) {
    const upper: u32 = load<u16>(page, 14);
    if (upper == 0) {
      store<u8>(verdicts + index, isNew);
      continue;
    }
    const lsn = ((<u64>load<u32>(page)) << 32) | (<u64>load<u32>(page, 4));
    const flags: u32 = load<u16>(page, 10);
    const lower: u32 = load<u16>(page, 12);
    const special: u32 = load<u16>(page, 16);
    const sizeAndLayout: u32 = load<u16>(page, 18);
    const isValid =
      flags <= knownFlags &&
      lower >= headerBytes &&
      lower <= upper &&
      upper <= special &&
      special <= pageBytes &&
      lsn != 0 &&
      (sizeAndLayout & 0xff00) == pageBytes &&
      (sizeAndLayout & 0xff) <= newestLayout;
    if (!isValid) {
      store<u8>(verdicts + index, isInvalid);
      continue;
    }
    let verdict: u8 = lsn >= since ? isChanged : 0;
    if (withChecksums) {
      const stored: u32 = load<u16>(page, 8);
      if (stored != 0 && stored != checksumOf(page, pageBytes, block + index)) verdict |= isCorrupt;
    }
    store<u8>(verdicts + index, verdict);
  }
}
