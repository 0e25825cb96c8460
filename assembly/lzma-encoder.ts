/**
 * Encodes LZMA on a bare memory, for WebAssembly: AssemblyScript, not TypeScript. `scripts/build-wasm.ts` makes
 * `src/codecs/lzma/encoder-module.ts` of it. Callers lay out the memory; nothing is allocated here.
 *
 * Fast rather than small: matches are looked for at the four last distances, and at the two last places with the same hash
 * of four bytes. Symbols become pairs of a probability and a bit in a queue; the range encoder goes through the queue in a
 * loop of its own, where all it works with stays in registers.
 *
 * Format: the LZMA specification by Igor Pavlov, https://github.com/ip7z/7zip/blob/main/DOC/lzma.txt; lc 3, lp 0, pb 2.
 */

/** What lasts from call to call, 32 bits each but for low, at the beginning of the encoder's memory. */
const lowAt: usize = 0;
const rangeAt: usize = 8;
const cacheAt: usize = 12;
const cachedAt: usize = 16;
const stateAt: usize = 20;
const repsAt: usize = 24;
/** Where in the window is what is to be encoded next, and bytes encoded so far, modulo 2^32. */
const nextAt: usize = 40;
const positionAt: usize = 44;
/** End of what was written. */
const outAt: usize = 48;
const queuedAt: usize = 52;

/** Indexes of probabilities, 16 bits each. */
const isMatch: u32 = 0;
const isRep: u32 = isMatch + 12 * 16;
const isRep0: u32 = isRep + 12;
const isRep1: u32 = isRep0 + 12;
const isRep2: u32 = isRep1 + 12;
const isRep0Long: u32 = isRep2 + 12;
const slots: u32 = isRep0Long + 12 * 16;
const special: u32 = slots + 4 * 64;
const align: u32 = special + 128;
const lengths: u32 = align + 16;
const repLengths: u32 = lengths + 2 + 16 * 8 + 16 * 8 + 256;
const literals: u32 = repLengths + 2 + 16 * 8 + 16 * 8 + 256;
const probabilities: u32 = literals + 768 * 8;
/** Of one encoder of lengths, behind two choices. */
const low: u32 = 2;
const middle: u32 = low + 16 * 8;
const high: u32 = middle + 16 * 8;
/** In the queue: a bit without a probability. */
const direct: u32 = 0x7fff;

const probabilitiesAt: usize = 64;
const queueAt: usize = (probabilitiesAt + 2 * <usize>probabilities + 63) & ~63;
const queueEnd: usize = queueAt + 2 * 8192;
/** No symbol takes more. */
const symbolQueue: usize = 2 * 64;
/** The two last positions for each hash, the later one first: 512 KiB. */
const tableBits: u32 = 16;
const tableAt: usize = queueEnd;
const tableEnd: usize = tableAt + (8 << tableBits);

const top: u32 = 1 << 24;
const bits: u32 = 11;
const shift: u32 = 5;
const positionMask: u32 = 3;
const literalContextShift: u32 = 5;
/** Shorter ones are found at the last distances only. */
const minMatch: u32 = 4;
const maxMatch: u32 = 273;
/** With a match so long nothing better is looked for: at the last distances, behind, with the next byte. */
const goodRep: u32 = 16;
const goodMatch: u32 = 32;
/** A far match takes bits for its distance that a near one, or one at a last distance, saves. */
const middleDistance: u32 = 512;
const farDistance: u32 = 32768;
const muchNearer: u32 = 7;
const windowAt: usize = tableEnd;

/** Where input goes. */
export function windowStart(): usize {
  return windowAt;
}

/** Begins a stream. Output goes to `out`. */
export function start(out: usize): void {
  store<u64>(lowAt, 0);
  store<u32>(rangeAt, 0xffffffff);
  memory.fill(cacheAt, 0, outAt - cacheAt);
  store<u32>(cachedAt, 1);
  store<u32>(nextAt, <u32>windowAt);
  store<u32>(outAt, <u32>out);
  store<u32>(queuedAt, <u32>queueAt);
  for (let at: usize = 0; at < 2 * <usize>probabilities; at += 2) store<u16>(probabilitiesAt + at, 1024);
  memory.fill(tableAt, 0, tableEnd - tableAt);
}

/** Range encodes what is in the queue, and empties it. */
function encodeQueue(end: usize): void {
  let lowest = load<u64>(lowAt);
  let range = load<u32>(rangeAt);
  for (let entry = queueAt; entry < end; entry += 2) {
    const pair = <u32>load<u16>(entry);
    const bit = pair & 1;
    const index = pair >> 1;
    if (index == direct) {
      range >>>= 1;
      lowest += <u64>(range & (0 - bit));
    } else {
      const at = probabilitiesAt + ((<usize>index) << 1);
      const probability = <i32>load<u16>(at);
      const bound = (range >>> bits) * <u32>probability;
      lowest += <u64>(bound & (0 - bit));
      range = bit != 0 ? range - bound : bound;
      store<u16>(at, <u16>(probability + (((bit != 0 ? 31 : 2048) - probability) >> shift)));
    }
    if (range < top) {
      range <<= 8;
      lowest = shiftOut(lowest);
    }
  }
  store<u64>(lowAt, lowest);
  store<u32>(rangeAt, range);
}

/** Writes the highest byte, as soon as no carry can change it any more. */
function shiftOut(lowest: u64): u64 {
  if (<u32>lowest < 0xff000000 || lowest >> 32 != 0) {
    const carry = <u32>(lowest >> 32);
    let out = <usize>load<u32>(outAt);
    let cache = load<u32>(cacheAt);
    for (let cached = load<u32>(cachedAt); cached > 0; cached -= 1) {
      store<u8>(out++, <u8>(cache + carry));
      cache = 0xff;
    }
    store<u32>(outAt, <u32>out);
    store<u32>(cachedAt, 0);
    store<u32>(cacheAt, (<u32>(lowest >> 24)) & 0xff);
  }
  store<u32>(cachedAt, load<u32>(cachedAt) + 1);
  return (lowest & 0x00ffffff) << 8;
}

function push(queue: usize, index: u32, bit: u32): usize {
  store<u16>(queue, <u16>((index << 1) | bit));
  return queue + 2;
}

/** A value of so many bits in a tree, highest first. */
function pushTree(queue: usize, tree: u32, value: u32, count: u32): usize {
  let node: u32 = 1;
  while (count > 0) {
    count -= 1;
    const bit = (value >> count) & 1;
    queue = push(queue, tree + node, bit);
    node = (node << 1) | bit;
  }
  return queue;
}

/** The same, lowest first. */
function pushReverse(queue: usize, tree: u32, value: u32, count: u32): usize {
  let node: u32 = 1;
  for (; count > 0; count -= 1) {
    const bit = value & 1;
    value >>= 1;
    queue = push(queue, tree + node, bit);
    node = (node << 1) | bit;
  }
  return queue;
}

function pushLength(queue: usize, coder: u32, length: u32, positionState: u32): usize {
  length -= 2;
  if (length < 8) {
    queue = push(queue, coder, 0);
    return pushTree(queue, coder + low + (positionState << 3), length, 3);
  }
  queue = push(queue, coder, 1);
  if (length < 16) {
    queue = push(queue, coder + 1, 0);
    return pushTree(queue, coder + middle + (positionState << 3), length - 8, 3);
  }
  queue = push(queue, coder + 1, 1);
  return pushTree(queue, coder + high, length - 16, 8);
}

/** A distance less one. */
function pushDistance(queue: usize, distance: u32, length: u32): usize {
  const lengthState = min<u32>(length - 2, 3);
  if (distance < 4) return pushTree(queue, slots + (lengthState << 6), distance, 6);
  const highest = 31 - clz<u32>(distance);
  const slot = (highest << 1) | ((distance >> (highest - 1)) & 1);
  queue = pushTree(queue, slots + (lengthState << 6), slot, 6);
  let lowBits = highest - 1;
  if (slot < 14) {
    const base = (2 | (slot & 1)) << lowBits;
    return pushReverse(queue, special + base - slot, distance - base, lowBits);
  }
  while (lowBits > 4) {
    lowBits -= 1;
    queue = push(queue, direct, (distance >> lowBits) & 1);
  }
  return pushReverse(queue, align, distance & 15, 4);
}

function pushLiteral(queue: usize, at: usize, previous: u32, state: u32, rep0: u32): usize {
  const tree = literals + 768 * (previous >> literalContextShift);
  if (state < 7) return pushTree(queue, tree, load<u8>(at), 8);
  // After a match the byte that it would have gone on with tells something, as long as the bits agree.
  let symbol = (<u32>load<u8>(at)) | 256;
  let matched = <u32>load<u8>(at - rep0 - 1);
  let agreed: u32 = 256;
  do {
    matched <<= 1;
    queue = push(queue, tree + agreed + (matched & agreed) + (symbol >> 8), (symbol >> 7) & 1);
    symbol <<= 1;
    agreed &= ~(matched ^ symbol);
  } while (symbol < 0x10000);
  return queue;
}

/** Length of what is the same at two places, up to `limit`. */
function same(at: usize, match: usize, limit: u32): u32 {
  const end = at + limit;
  let place = at;
  while (place + 8 <= end) {
    const difference = load<u64>(place) ^ load<u64>(match);
    if (difference != 0) return <u32>(place - at) + <u32>(ctz<u64>(difference) >> 3);
    place += 8;
    match += 8;
  }
  while (place < end && load<u8>(place) == load<u8>(match)) {
    place += 1;
    match += 1;
  }
  return <u32>(place - at);
}

function slotOf(at: usize): usize {
  return tableAt + ((<usize>((load<u32>(at) * 2654435761) >>> (32 - tableBits))) << 3);
}

function remember(slot: usize, position: u32): void {
  store<u64>(slot, (load<u64>(slot) << 32) | position);
}

/** Whether a match for its length is worth more at a last distance. */
function isRepBetter(repLength: u32, length: u32, distance: u32): bool {
  if (repLength < 2) return false;
  const worth = repLength + (distance >= farDistance ? 3 : distance >= middleDistance ? 2 : 1);
  return worth >= length;
}

/**
 * Encodes from where it stopped. 8 bytes behind the input may be read.
 *
 * @param end end of the input in the window
 * @param last whether it is the end of the stream: otherwise the last bytes wait, since a match may go on
 * @param dictionary distances are at most that
 * @param outLimit stops when so much was written; up to 16 KiB more
 * @returns whether it stopped for want of input
 */
export function encode(end: usize, last: bool, dictionary: u32, outLimit: usize): bool {
  // So far before, neither a match nor what is remembered of it ends with the input: chunks make no difference.
  const stop = last ? end : max<usize>(end - maxMatch - minMatch, windowAt);
  let at = <usize>load<u32>(nextAt);
  let position = load<u32>(positionAt);
  let state = load<u32>(stateAt);
  let rep0 = load<u32>(repsAt);
  let rep1 = load<u32>(repsAt, 4);
  let rep2 = load<u32>(repsAt, 8);
  let rep3 = load<u32>(repsAt, 12);
  let queue = <usize>load<u32>(queuedAt);
  let previous: u32 = at > windowAt ? load<u8>(at - 1) : 0;

  while (at < stop) {
    if (queue > queueEnd - symbolQueue) {
      encodeQueue(queue);
      queue = queueAt;
      if (<usize>load<u32>(outAt) >= outLimit) break;
    }
    const limit = min<u32>(<u32>(end - at), maxMatch);
    const history = min<u32>(<u32>(at - windowAt), dictionary);
    const positionState = position & positionMask;
    const head = load<u32>(at);

    let length: u32 = 0;
    let distance: u32 = 0;
    let rep: u32 = 0;
    let repLength: u32 = 0;
    if (limit >= 2) {
      if (rep0 < history && load<u16>(at - rep0 - 1) == <u16>head) repLength = same(at, at - rep0 - 1, limit);
      if (repLength < goodRep) {
        if (rep1 < history && load<u16>(at - rep1 - 1) == <u16>head) {
          const found = same(at, at - rep1 - 1, limit);
          if (found > repLength) {
            repLength = found;
            rep = 1;
          }
        }
        if (rep2 < history && load<u16>(at - rep2 - 1) == <u16>head) {
          const found = same(at, at - rep2 - 1, limit);
          if (found > repLength) {
            repLength = found;
            rep = 2;
          }
        }
        if (rep3 < history && load<u16>(at - rep3 - 1) == <u16>head) {
          const found = same(at, at - rep3 - 1, limit);
          if (found > repLength) {
            repLength = found;
            rep = 3;
          }
        }
      }
    }
    if (limit > minMatch) {
      const slot = slotOf(at);
      const recent = position - load<u32>(slot);
      const older = position - load<u32>(slot, 4);
      remember(slot, position);
      if (repLength < goodMatch) {
        // Positions go around after 4 GiB: what is compared is what stands there, whatever was remembered.
        if (recent - 1 < history && load<u32>(at - recent) == head) {
          length = same(at, at - recent, limit);
          distance = recent - 1;
        }
        if (length < goodMatch && older - 1 < history && load<u32>(at - older) == head) {
          const found = same(at, at - older, limit);
          if (found > length + 1) {
            length = found;
            distance = older - 1;
          }
        }
      }
      if (length > repLength && length < goodMatch) {
        const next = at + 1;
        const nextHead = load<u32>(next);
        const back = position + 1 - load<u32>(slotOf(next));
        if (back - 1 < history && load<u32>(next - back) == nextHead) {
          const found = same(next, next - back, limit - 1);
          if (
            found > length + 1 ||
            (found > length && back >> muchNearer <= distance) ||
            (found == length && back < distance >> muchNearer)
          )
            length = 0;
        }
        if (
          length > 0 &&
          rep0 < history &&
          load<u32>(next - rep0 - 1) == nextHead &&
          same(next, next - rep0 - 1, limit - 1) + 1 >= length
        )
          length = 0;
      }
    }

    if (isRepBetter(repLength, length, distance)) {
      queue = push(queue, isMatch + (state << 4) + positionState, 1);
      queue = push(queue, isRep + state, 1);
      if (rep == 0) {
        queue = push(queue, isRep0 + state, 0);
        queue = push(queue, isRep0Long + (state << 4) + positionState, 1);
      } else {
        queue = push(queue, isRep0 + state, 1);
        let chosen = rep1;
        if (rep == 1) {
          queue = push(queue, isRep1 + state, 0);
        } else {
          queue = push(queue, isRep1 + state, 1);
          queue = push(queue, isRep2 + state, rep - 2);
          chosen = rep2;
          if (rep == 3) {
            chosen = rep3;
            rep3 = rep2;
          }
          rep2 = rep1;
        }
        rep1 = rep0;
        rep0 = chosen;
      }
      queue = pushLength(queue, repLengths, repLength, positionState);
      state = state < 7 ? 8 : 11;
      length = repLength;
    } else if (length > 0) {
      queue = push(queue, isMatch + (state << 4) + positionState, 1);
      queue = push(queue, isRep + state, 0);
      queue = pushLength(queue, lengths, length, positionState);
      queue = pushDistance(queue, distance, length);
      rep3 = rep2;
      rep2 = rep1;
      rep1 = rep0;
      rep0 = distance;
      state = state < 7 ? 7 : 10;
    } else if (state >= 7 && rep0 < history && load<u8>(at - rep0 - 1) == <u8>head) {
      queue = push(queue, isMatch + (state << 4) + positionState, 1);
      queue = push(queue, isRep + state, 1);
      queue = push(queue, isRep0 + state, 0);
      queue = push(queue, isRep0Long + (state << 4) + positionState, 0);
      state = 11;
      length = 1;
    } else {
      queue = push(queue, isMatch + (state << 4) + positionState, 0);
      queue = pushLiteral(queue, at, previous, state, rep0);
      state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
      length = 1;
    }
    if (length > 1) {
      // Of a long match not all places are worth to be found again.
      const known = min<usize>(at + length, end - minMatch);
      const step: u32 = length <= 64 ? 1 : 4;
      let place = position + 1;
      for (let next = at + 1; next < known; next += step, place += step) remember(slotOf(next), place);
    }
    at += length;
    position += length;
    previous = load<u8>(at - 1);
  }

  store<u32>(nextAt, <u32>at);
  store<u32>(positionAt, position);
  store<u32>(stateAt, state);
  store<u32>(repsAt, rep0);
  store<u32>(repsAt, rep1, 4);
  store<u32>(repsAt, rep2, 8);
  store<u32>(repsAt, rep3, 12);
  store<u32>(queuedAt, <u32>queue);
  return at >= stop;
}

/** Writes the end marker and what the range encoder still holds, below 16 KiB. */
export function finish(): void {
  const state = load<u32>(stateAt);
  const positionState = load<u32>(positionAt) & positionMask;
  encodeQueue(<usize>load<u32>(queuedAt));
  let queue = queueAt;
  queue = push(queue, isMatch + (state << 4) + positionState, 1);
  queue = push(queue, isRep + state, 0);
  queue = pushLength(queue, lengths, 2, positionState);
  queue = pushDistance(queue, 0xffffffff, 2);
  encodeQueue(queue);
  let lowest = load<u64>(lowAt);
  for (let byte = 0; byte < 5; byte += 1) lowest = shiftOut(lowest);
}
