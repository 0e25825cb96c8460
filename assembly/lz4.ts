/**
 * LZ4 blocks and xxHash32 on a bare memory, for WebAssembly: AssemblyScript, not TypeScript. `scripts/build-wasm.ts` makes
 * `src/codecs/lz4/wasm-module.ts` of it. Callers lay out the memory; nothing is allocated here.
 *
 * Formats: https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md and
 * https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md. Copies are done 16 bytes at a time and so read and write
 * up to 15 bytes behind their ends; callers leave that much free behind every area.
 */

/** Entries of the table of recent positions, as a power of two: 16 KiB, which stays in the first-level cache. */
const tableBits: u32 = 12;
const minMatch: usize = 4;
const maxOffset: usize = 65535;
/** The format's promises to decoders: the last bytes are literals, the last match starts so far from the end. */
const lastLiterals: usize = 5;
const lastMatchStart: usize = 12;
/** Misses before the search skips a byte more each time. */
const patienceBits: usize = 6;
/** Matches longer than this are copied by the machine's own routine. */
const longMatch: usize = 128;

/** Where the table entry for the five bytes at `at` is. */
function slotOf(table: usize, at: usize): usize {
  return table + ((<usize>(((load<u64>(at) << 24) * 889523592379) >> (64 - tableBits))) << 2);
}

function copyLoosely(to: usize, from: usize, end: usize): void {
  do {
    v128.store(to, v128.load(from));
    to += 16;
    from += 16;
  } while (to < end);
}

/** Writes the part of a length that its four bits in the token don't hold. */
function writeLength(out: usize, rest: usize): usize {
  for (; rest >= 255; rest -= 255) store<u8>(out++, 255);
  store<u8>(out++, <u8>rest);
  return out;
}

/** Writes the last sequence of a block, literals only. */
function writeTail(out: usize, from: usize, end: usize): usize {
  const length = end - from;
  if (length >= 15) {
    store<u8>(out, 0xf0);
    out = writeLength(out + 1, length - 15);
  } else store<u8>(out++, <u8>(length << 4));
  memory.copy(out, from, length);
  return out + length;
}

/** First place from `at` on where the bytes differ from those at `match`, at most `end`. */
function endOfMatch(at: usize, match: usize, end: usize): usize {
  while (at + 8 <= end) {
    const difference = load<u64>(at) ^ load<u64>(match);
    if (difference != 0) return at + <usize>(ctz<u64>(difference) >> 3);
    at += 8;
    match += 8;
  }
  while (at < end && load<u8>(at) == load<u8>(match)) {
    at += 1;
    match += 1;
  }
  return at;
}

/**
 * Compresses one block: greedy, with one candidate for each position. Returns the end of the output, which takes at most
 * `length + length / 255 + 16` bytes.
 *
 * @param table 16 KiB of scratch
 */
export function compress(table: usize, from: usize, length: usize, to: usize): usize {
  const end = from + length;
  let out = to;
  if (length <= lastMatchStart) return writeTail(out, from, end);
  memory.fill(table, 0, 4 << tableBits);
  // Positions are kept relative to this, so that an empty entry is always too far away.
  const base = from - maxOffset - 2;
  const searchEnd = end - lastMatchStart;
  const matchEnd = end - lastLiterals;
  let anchor = from;
  let at = from + 1;
  store<u32>(slotOf(table, from), <u32>(from - base));

  while (true) {
    let match: usize = 0;
    let next = at;
    let slot = slotOf(table, at);
    let misses: usize = 1 << patienceBits;
    do {
      at = next;
      next += misses++ >> patienceBits;
      if (next > searchEnd) return writeTail(out, anchor, end);
      match = base + <usize>load<u32>(slot);
      store<u32>(slot, <u32>(at - base));
      slot = slotOf(table, next);
    } while (at - match > maxOffset || load<u32>(match) != load<u32>(at));
    while (at > anchor && match > from && load<u8>(at - 1) == load<u8>(match - 1)) {
      at -= 1;
      match -= 1;
    }

    const literals = at - anchor;
    let token = out++;
    if (literals >= 15) {
      store<u8>(token, 0xf0);
      out = writeLength(out, literals - 15);
    } else store<u8>(token, <u8>(literals << 4));
    copyLoosely(out, anchor, out + literals);
    out += literals;

    // One match after the other as long as each begins where the last one ended.
    while (true) {
      store<u16>(out, <u16>(at - match));
      out += 2;
      at += minMatch;
      anchor = endOfMatch(at, match + minMatch, matchEnd);
      const more = anchor - at;
      at = anchor;
      if (more >= 15) {
        store<u8>(token, load<u8>(token) | 15);
        out = writeLength(out, more - 15);
      } else store<u8>(token, load<u8>(token) | (<u8>more));
      if (at >= searchEnd) return writeTail(out, anchor, end);
      store<u32>(slotOf(table, at - 2), <u32>(at - 2 - base));
      slot = slotOf(table, at);
      match = base + <usize>load<u32>(slot);
      store<u32>(slot, <u32>(at - base));
      if (at - match > maxOffset || load<u32>(match) != load<u32>(at)) break;
      token = out++;
      store<u8>(token, 0);
    }
    at += 1;
  }
}

/**
 * Decompresses one block. Returns the end of the plaintext, 0 when the block is malformed or its plaintext longer than
 * `maxLength`.
 *
 * @param window bytes before `to` that the block may refer to
 */
export function decompress(from: usize, length: usize, to: usize, maxLength: usize, window: usize): usize {
  const end = from + length;
  const limit = to + maxLength;
  const lowest = to - window;
  let out = to;
  while (from < end) {
    const token = <usize>load<u8>(from++);
    let literals = token >> 4;
    if (literals == 15) {
      let byte: usize;
      do {
        if (from >= end) return 0;
        byte = <usize>load<u8>(from++);
        literals += byte;
      } while (byte == 255);
    }
    if (literals > end - from || literals > limit - out) return 0;
    copyLoosely(out, from, out + literals);
    out += literals;
    from += literals;
    if (from == end) return out;

    if (end - from < 2) return 0;
    const offset = <usize>load<u16>(from);
    from += 2;
    let matched = token & 15;
    if (matched == 15) {
      let byte: usize;
      do {
        if (from >= end) return 0;
        byte = <usize>load<u8>(from++);
        matched += byte;
      } while (byte == 255);
    }
    matched += minMatch;
    if (offset == 0 || offset > out - lowest || matched > limit - out) return 0;
    copyMatch(out, offset, matched);
    out += matched;
  }
  return 0;
}

/** Copies bytes from `offset` before; what is copied may be what was just written. */
function copyMatch(out: usize, offset: usize, length: usize): void {
  const stop = out + length;
  let match = out - offset;
  if (length > longMatch) {
    // Each round doubles what there is to copy from.
    for (let size = offset; out < stop; size <<= 1) {
      if (size > stop - out) size = stop - out;
      memory.copy(out, match, size);
      out += size;
    }
  } else if (offset >= 16) {
    copyLoosely(out, match, stop);
  } else {
    // A short period is stretched to at least 16 bytes first.
    const period = ((<usize>15 + offset) / offset) * offset;
    const stretched = match + period < stop ? match + period : stop;
    while (out < stretched) store<u8>(out++, load<u8>(match++));
    if (out < stop) copyLoosely(out, out - period, stop);
  }
}

const prime1: u32 = 0x9e3779b1;
const prime2: u32 = 0x85ebca77;
const prime3: u32 = 0xc2b2ae3d;
const prime4: u32 = 0x27d4eb2f;
const prime5: u32 = 0x165667b1;

function round(lane: u32, word: u32): u32 {
  return rotl<u32>(lane + word * prime2, 13) * prime1;
}

/** Begins a hash, seed 0. Its state takes 16 bytes. */
export function hashStart(state: usize): void {
  store<u32>(state, prime1 + prime2);
  store<u32>(state, prime2, 4);
  store<u32>(state, 0, 8);
  store<u32>(state, 0 - prime1, 12);
}

/** Hashes bytes, a multiple of 16. */
export function hashStripes(state: usize, from: usize, length: usize): void {
  const end = from + length;
  let lane1 = load<u32>(state);
  let lane2 = load<u32>(state, 4);
  let lane3 = load<u32>(state, 8);
  let lane4 = load<u32>(state, 12);
  for (; from < end; from += 16) {
    lane1 = round(lane1, load<u32>(from));
    lane2 = round(lane2, load<u32>(from, 4));
    lane3 = round(lane3, load<u32>(from, 8));
    lane4 = round(lane4, load<u32>(from, 12));
  }
  store<u32>(state, lane1);
  store<u32>(state, lane2, 4);
  store<u32>(state, lane3, 8);
  store<u32>(state, lane4, 12);
}

/** Hashes the last bytes, at most 15, and returns the result. `total` counts all bytes, modulo 2^32. */
export function hashEnd(state: usize, from: usize, length: usize, total: u32, short: bool): u32 {
  let hash = short
    ? prime5
    : rotl<u32>(load<u32>(state), 1) +
      rotl<u32>(load<u32>(state, 4), 7) +
      rotl<u32>(load<u32>(state, 8), 12) +
      rotl<u32>(load<u32>(state, 12), 18);
  hash += total;
  const end = from + length;
  for (; from + 4 <= end; from += 4) hash = rotl<u32>(hash + load<u32>(from) * prime3, 17) * prime4;
  for (; from < end; from += 1) hash = rotl<u32>(hash + <u32>load<u8>(from) * prime5, 11) * prime1;
  hash = (hash ^ (hash >> 15)) * prime2;
  hash = (hash ^ (hash >> 13)) * prime3;
  return hash ^ (hash >> 16);
}
