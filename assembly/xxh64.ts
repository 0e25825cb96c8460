/**
 * xxHash64, seed 0, on a bare memory, for WebAssembly: AssemblyScript, not TypeScript. `scripts/build-wasm.ts` makes
 * `src/postgres/in-place/xxh64-module.ts` of it. Callers lay out the memory; the state takes 32 bytes.
 *
 * Format: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
 */

const prime1: u64 = 0x9e3779b185ebca87;
const prime2: u64 = 0xc2b2ae3d27d4eb4f;
const prime3: u64 = 0x165667b19e3779f9;
const prime4: u64 = 0x85ebca77c2b2ae63;
const prime5: u64 = 0x27d4eb2f165667c5;

function round(lane: u64, word: u64): u64 {
  return rotl<u64>(lane + word * prime2, 31) * prime1;
}

function merge(hash: u64, lane: u64): u64 {
  return (hash ^ round(0, lane)) * prime1 + prime4;
}

/** Begins a hash. */
export function hashStart(state: usize): void {
  store<u64>(state, prime1 + prime2);
  store<u64>(state, prime2, 8);
  store<u64>(state, 0, 16);
  store<u64>(state, 0 - prime1, 24);
}

/** Hashes bytes, a multiple of 32. */
export function hashStripes(state: usize, from: usize, length: usize): void {
  const end = from + length;
  let lane1 = load<u64>(state);
  let lane2 = load<u64>(state, 8);
  let lane3 = load<u64>(state, 16);
  let lane4 = load<u64>(state, 24);
  for (; from < end; from += 32) {
    lane1 = round(lane1, load<u64>(from));
    lane2 = round(lane2, load<u64>(from, 8));
    lane3 = round(lane3, load<u64>(from, 16));
    lane4 = round(lane4, load<u64>(from, 24));
  }
  store<u64>(state, lane1);
  store<u64>(state, lane2, 8);
  store<u64>(state, lane3, 16);
  store<u64>(state, lane4, 24);
}

/** Hashes the last bytes, at most 31, and returns the result. `total` counts all bytes. */
export function hashEnd(state: usize, from: usize, length: usize, total: u64): u64 {
  let hash: u64 = prime5;
  if (total >= 32) {
    const lane1 = load<u64>(state);
    const lane2 = load<u64>(state, 8);
    const lane3 = load<u64>(state, 16);
    const lane4 = load<u64>(state, 24);
    hash = rotl<u64>(lane1, 1) + rotl<u64>(lane2, 7) + rotl<u64>(lane3, 12) + rotl<u64>(lane4, 18);
    hash = merge(merge(merge(merge(hash, lane1), lane2), lane3), lane4);
  }
  hash += total;
  const end = from + length;
  for (; from + 8 <= end; from += 8) hash = rotl<u64>(hash ^ round(0, load<u64>(from)), 27) * prime1 + prime4;
  if (from + 4 <= end) {
    hash = rotl<u64>(hash ^ (<u64>load<u32>(from) * prime1), 23) * prime2 + prime3;
    from += 4;
  }
  for (; from < end; from += 1) hash = rotl<u64>(hash ^ (<u64>load<u8>(from) * prime5), 11) * prime1;
  hash = (hash ^ (hash >> 33)) * prime2;
  hash = (hash ^ (hash >> 29)) * prime3;
  return hash ^ (hash >> 32);
}
