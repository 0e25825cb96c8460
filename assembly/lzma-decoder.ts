/**
 * Decodes LZMA on a bare memory, for WebAssembly: AssemblyScript, not TypeScript. `scripts/build-wasm.ts` makes
 * `src/codecs/lzma/decoder-module.ts` of it. Callers lay out the memory; nothing is allocated here.
 *
 * Format: the LZMA specification by Igor Pavlov, https://github.com/ip7z/7zip/blob/main/DOC/lzma.txt. The range decoder is
 * written out wherever a bit is decoded: only then does it stay in registers.
 */

/** What lasts from call to call, 32 bits each, at the beginning of the decoder's memory. */
const rangeAt: usize = 0;
const codeAt: usize = 4;
const stateAt: usize = 8;
/** The last four distances, less one. */
const repsAt: usize = 12;
/** Bytes of a match that there was no room for. */
const pendingAt: usize = 28;
const inputAt: usize = 32;
const outAt: usize = 36;
/** lc, the masks of lp and pb. */
const literalBitsAt: usize = 40;
const literalMaskAt: usize = 44;
const positionMaskAt: usize = 48;
const dictionaryAt: usize = 52;
const windowAt: usize = 56;
const windowEndAt: usize = 60;

/** Of one decoder of lengths: two choices, 16 trees of 8 for short lengths, 16 of 8 for middle ones, one of 256. */
const lengthBytes: usize = 2 * (2 + 16 * 8 + 16 * 8 + 256);
/** Probabilities, 16 bits each, behind that. */
const probabilitiesAt: usize = 64;
const isMatchAt: usize = probabilitiesAt;
const isRepAt: usize = isMatchAt + 2 * 12 * 16;
const isRep0At: usize = isRepAt + 2 * 12;
const isRep1At: usize = isRep0At + 2 * 12;
const isRep2At: usize = isRep1At + 2 * 12;
const isRep0LongAt: usize = isRep2At + 2 * 12;
const slotsAt: usize = isRep0LongAt + 2 * 12 * 16;
const specialAt: usize = slotsAt + 2 * 4 * 64;
const alignAt: usize = specialAt + 2 * 128;
const lengthsAt: usize = alignAt + 2 * 16;
const repLengthsAt: usize = lengthsAt + lengthBytes;
const literalsAt: usize = repLengthsAt + lengthBytes;
const lowAt: usize = 2 * 2;
const middleAt: usize = lowAt + 2 * 16 * 8;
const highAt: usize = middleAt + 2 * 16 * 8;

const half: u32 = 1024;
const one: u32 = 2048;
const bits: u32 = 11;
const shift: u32 = 5;
const top: u32 = 1 << 24;
/** No symbol takes more bytes of input. */
const symbolBytes: usize = 20;

const minMatch: u32 = 2;
/** Answers of {@link decode}. */
const more: i32 = 0;
const endMarker: i32 = 1;
const malformed: i32 = 2;

/** End of the decoder's memory for that many lc + lp. */
export function memoryEnd(literalBits: u32): usize {
  return literalsAt + ((<usize>(2 * 768)) << literalBits);
}

/**
 * Begins a stream.
 *
 * @param code the bytes 1 … 4 of the stream, the first one highest
 * @param dictionary distances are at most that, at least 4096
 */
export function start(lc: u32, lp: u32, pb: u32, dictionary: u32, code: u32): void {
  store<u32>(rangeAt, 0xffffffff);
  store<u32>(codeAt, code);
  memory.fill(stateAt, 0, outAt - stateAt);
  store<u32>(literalBitsAt, lc);
  store<u32>(literalMaskAt, (1 << lp) - 1);
  store<u32>(positionMaskAt, (1 << pb) - 1);
  store<u32>(dictionaryAt, dictionary);
  const end = memoryEnd(lc + lp);
  for (let at = probabilitiesAt; at < end; at += 2) store<u16>(at, <u16>half);
}

/** Places of a match's bytes: from `distance` before, around the end of the window; overshoots by up to 15 bytes. */
function copyMatch(out: usize, distance: usize, count: usize): void {
  const window = <usize>load<u32>(windowAt);
  const end = out + count;
  let from = out - distance;
  if (out - window < distance) {
    const windowEnd = <usize>load<u32>(windowEndAt);
    from = windowEnd - (distance - (out - window));
    while (out < end && from < windowEnd) store<u8>(out++, load<u8>(from++));
    from = window;
  }
  if (distance >= 16) {
    for (; out < end; out += 16, from += 16) v128.store(out, v128.load(from));
  } else if (distance == 1) {
    const run = i8x16.splat(load<u8>(from));
    for (; out < end; out += 16) v128.store(out, run);
  } else {
    while (out < end) store<u8>(out++, load<u8>(from++));
  }
}

/**
 * Decodes until the input or the room for output is used up.
 *
 * @param inputEnd end of the input; so that nothing is read behind it, work stops {@link symbolBytes} before
 * @param last whether nothing follows: all of the input is used, and up to {@link symbolBytes} behind it are read; the
 *   input has then ended too early if the place of the input is behind its end
 * @param out place in the window; from there to `outEnd` there is no wrap
 * @param position bytes decoded so far, modulo 2^32
 * @param history bytes before `out` that matches may refer to, at most the dictionary
 */
export function decode(inputEnd: usize, last: bool, out: usize, outEnd: usize, position: u32, history: u32): i32 {
  let input = <usize>load<u32>(inputAt);
  const inputLimit = last ? inputEnd + 1 : inputEnd - symbolBytes + 1;
  let range = load<u32>(rangeAt);
  let code = load<u32>(codeAt);
  let state = load<u32>(stateAt);
  let rep0 = load<u32>(repsAt);
  let rep1 = load<u32>(repsAt, 4);
  let rep2 = load<u32>(repsAt, 8);
  let rep3 = load<u32>(repsAt, 12);
  let pending = load<u32>(pendingAt);
  const literalBits = load<u32>(literalBitsAt);
  const literalMask = load<u32>(literalMaskAt);
  const positionMask = load<u32>(positionMaskAt);
  const dictionary = load<u32>(dictionaryAt);
  const window = <usize>load<u32>(windowAt);
  const windowBytes = <usize>load<u32>(windowEndAt) - window;
  // Places in the window become positions, and back, by a difference.
  const positionOffset = position - <u32>out;
  const historyOffset = history - <u32>out;
  let answer = more;

  if (pending > 0) {
    const count = min<u32>(pending, <u32>(outEnd - out));
    copyMatch(out, rep0 + 1, count);
    out += count;
    pending -= count;
  }
  let previous: u32 = 0;
  if (historyOffset + <u32>out > 0) previous = load<u8>(out == window ? out + windowBytes - 1 : out - 1);

  while (out < outEnd && input < inputLimit) {
    const positionState = (positionOffset + <u32>out) & positionMask;
    let at = isMatchAt + (((state << 4) + positionState) << 1);
    let probability = <u32>load<u16>(at);
    if (range < top) {
      range <<= 8;
      code = (code << 8) | load<u8>(input++);
    }
    let bound = (range >>> bits) * probability;
    if (code < bound) {
      range = bound;
      store<u16>(at, <u16>(probability + ((one - probability) >> shift)));
      const context = (((positionOffset + <u32>out) & literalMask) << literalBits) + (previous >> (8 - literalBits));
      const tree = literalsAt + 1536 * <usize>context;
      let symbol: u32 = 1;
      if (state < 7) {
        do {
          at = tree + (symbol << 1);
          probability = load<u16>(at);
          if (range < top) {
            range <<= 8;
            code = (code << 8) | load<u8>(input++);
          }
          bound = (range >>> bits) * probability;
          if (code < bound) {
            range = bound;
            store<u16>(at, <u16>(probability + ((one - probability) >> shift)));
            symbol <<= 1;
          } else {
            range -= bound;
            code -= bound;
            store<u16>(at, <u16>(probability - (probability >> shift)));
            symbol = (symbol << 1) + 1;
          }
        } while (symbol < 256);
        state = state < 4 ? 0 : state - 3;
      } else {
        const distance = <usize>rep0 + 1;
        let matched = <u32>load<u8>(out - window < distance ? out + windowBytes - distance : out - distance);
        let agreed: u32 = 256;
        do {
          matched <<= 1;
          const bit = matched & agreed;
          at = tree + ((agreed + bit + symbol) << 1);
          probability = load<u16>(at);
          if (range < top) {
            range <<= 8;
            code = (code << 8) | load<u8>(input++);
          }
          bound = (range >>> bits) * probability;
          if (code < bound) {
            range = bound;
            store<u16>(at, <u16>(probability + ((one - probability) >> shift)));
            symbol <<= 1;
            agreed &= ~bit;
          } else {
            range -= bound;
            code -= bound;
            store<u16>(at, <u16>(probability - (probability >> shift)));
            symbol = (symbol << 1) + 1;
            agreed &= bit;
          }
        } while (symbol < 256);
        state = state < 10 ? state - 3 : state - 6;
      }
      previous = symbol & 255;
      store<u8>(out++, <u8>previous);
      continue;
    }
    range -= bound;
    code -= bound;
    store<u16>(at, <u16>(probability - (probability >> shift)));

    let lengths = lengthsAt;
    at = isRepAt + (state << 1);
    probability = load<u16>(at);
    if (range < top) {
      range <<= 8;
      code = (code << 8) | load<u8>(input++);
    }
    bound = (range >>> bits) * probability;
    if (code < bound) {
      range = bound;
      store<u16>(at, <u16>(probability + ((one - probability) >> shift)));
    } else {
      range -= bound;
      code -= bound;
      store<u16>(at, <u16>(probability - (probability >> shift)));
      lengths = repLengthsAt;
      at = isRep0At + (state << 1);
      probability = load<u16>(at);
      if (range < top) {
        range <<= 8;
        code = (code << 8) | load<u8>(input++);
      }
      bound = (range >>> bits) * probability;
      if (code < bound) {
        range = bound;
        store<u16>(at, <u16>(probability + ((one - probability) >> shift)));
        at = isRep0LongAt + (((state << 4) + positionState) << 1);
        probability = load<u16>(at);
        if (range < top) {
          range <<= 8;
          code = (code << 8) | load<u8>(input++);
        }
        bound = (range >>> bits) * probability;
        if (code < bound) {
          range = bound;
          store<u16>(at, <u16>(probability + ((one - probability) >> shift)));
          if (rep0 >= historyOffset + <u32>out) {
            answer = malformed;
            break;
          }
          const distance = <usize>rep0 + 1;
          previous = load<u8>(out - window < distance ? out + windowBytes - distance : out - distance);
          store<u8>(out++, <u8>previous);
          state = state < 7 ? 9 : 11;
          continue;
        }
        range -= bound;
        code -= bound;
        store<u16>(at, <u16>(probability - (probability >> shift)));
      } else {
        range -= bound;
        code -= bound;
        store<u16>(at, <u16>(probability - (probability >> shift)));
        let distance = rep1;
        at = isRep1At + (state << 1);
        probability = load<u16>(at);
        if (range < top) {
          range <<= 8;
          code = (code << 8) | load<u8>(input++);
        }
        bound = (range >>> bits) * probability;
        if (code < bound) {
          range = bound;
          store<u16>(at, <u16>(probability + ((one - probability) >> shift)));
        } else {
          range -= bound;
          code -= bound;
          store<u16>(at, <u16>(probability - (probability >> shift)));
          distance = rep2;
          at = isRep2At + (state << 1);
          probability = load<u16>(at);
          if (range < top) {
            range <<= 8;
            code = (code << 8) | load<u8>(input++);
          }
          bound = (range >>> bits) * probability;
          if (code < bound) {
            range = bound;
            store<u16>(at, <u16>(probability + ((one - probability) >> shift)));
          } else {
            range -= bound;
            code -= bound;
            store<u16>(at, <u16>(probability - (probability >> shift)));
            distance = rep3;
            rep3 = rep2;
          }
          rep2 = rep1;
        }
        rep1 = rep0;
        rep0 = distance;
      }
      state = state < 7 ? 8 : 11;
    }

    let tree = lengths + lowAt + (positionState << 4);
    let leaves: u32 = 8;
    let length = minMatch;
    at = lengths;
    probability = load<u16>(at);
    if (range < top) {
      range <<= 8;
      code = (code << 8) | load<u8>(input++);
    }
    bound = (range >>> bits) * probability;
    if (code < bound) {
      range = bound;
      store<u16>(at, <u16>(probability + ((one - probability) >> shift)));
    } else {
      range -= bound;
      code -= bound;
      store<u16>(at, <u16>(probability - (probability >> shift)));
      tree = lengths + middleAt + (positionState << 4);
      length = minMatch + 8;
      at = lengths + 2;
      probability = load<u16>(at);
      if (range < top) {
        range <<= 8;
        code = (code << 8) | load<u8>(input++);
      }
      bound = (range >>> bits) * probability;
      if (code < bound) {
        range = bound;
        store<u16>(at, <u16>(probability + ((one - probability) >> shift)));
      } else {
        range -= bound;
        code -= bound;
        store<u16>(at, <u16>(probability - (probability >> shift)));
        tree = lengths + highAt;
        leaves = 256;
        length = minMatch + 16;
      }
    }
    let symbol: u32 = 1;
    do {
      at = tree + (symbol << 1);
      probability = load<u16>(at);
      if (range < top) {
        range <<= 8;
        code = (code << 8) | load<u8>(input++);
      }
      bound = (range >>> bits) * probability;
      if (code < bound) {
        range = bound;
        store<u16>(at, <u16>(probability + ((one - probability) >> shift)));
        symbol <<= 1;
      } else {
        range -= bound;
        code -= bound;
        store<u16>(at, <u16>(probability - (probability >> shift)));
        symbol = (symbol << 1) + 1;
      }
    } while (symbol < leaves);
    length += symbol - leaves;

    if (lengths == lengthsAt) {
      state = state < 7 ? 7 : 10;
      tree = slotsAt + (min<u32>(length - minMatch, 3) << 7);
      symbol = 1;
      do {
        at = tree + (symbol << 1);
        probability = load<u16>(at);
        if (range < top) {
          range <<= 8;
          code = (code << 8) | load<u8>(input++);
        }
        bound = (range >>> bits) * probability;
        if (code < bound) {
          range = bound;
          store<u16>(at, <u16>(probability + ((one - probability) >> shift)));
          symbol <<= 1;
        } else {
          range -= bound;
          code -= bound;
          store<u16>(at, <u16>(probability - (probability >> shift)));
          symbol = (symbol << 1) + 1;
        }
      } while (symbol < 64);
      const slot = symbol - 64;
      let distance = slot;
      if (slot >= 4) {
        let lowBits = (slot >> 1) - 1;
        distance = 2 | (slot & 1);
        if (slot < 14) {
          distance <<= lowBits;
          tree = specialAt + ((distance - slot) << 1);
        } else {
          // Bits in the middle have no probabilities.
          for (; lowBits > 4; lowBits -= 1) {
            if (range < top) {
              range <<= 8;
              code = (code << 8) | load<u8>(input++);
            }
            range >>= 1;
            code -= range;
            const borrowed: u32 = 0 - (code >> 31);
            code += range & borrowed;
            distance = (distance << 1) + borrowed + 1;
          }
          distance <<= lowBits;
          tree = alignAt;
        }
        let lowBit: u32 = 1;
        const lowEnd: u32 = 1 << lowBits;
        symbol = 1;
        do {
          at = tree + (symbol << 1);
          probability = load<u16>(at);
          if (range < top) {
            range <<= 8;
            code = (code << 8) | load<u8>(input++);
          }
          bound = (range >>> bits) * probability;
          if (code < bound) {
            range = bound;
            store<u16>(at, <u16>(probability + ((one - probability) >> shift)));
            symbol <<= 1;
          } else {
            range -= bound;
            code -= bound;
            store<u16>(at, <u16>(probability - (probability >> shift)));
            symbol = (symbol << 1) + 1;
            distance += lowBit;
          }
          lowBit <<= 1;
        } while (lowBit < lowEnd);
        if (distance == 0xffffffff) {
          answer = endMarker;
          break;
        }
      }
      rep3 = rep2;
      rep2 = rep1;
      rep1 = rep0;
      rep0 = distance;
    }
    if (rep0 >= historyOffset + <u32>out || rep0 >= dictionary) {
      answer = malformed;
      break;
    }
    const count = min<u32>(length, <u32>(outEnd - out));
    copyMatch(out, <usize>rep0 + 1, count);
    out += count;
    pending = length - count;
    previous = load<u8>(out - 1);
  }

  store<u32>(rangeAt, range);
  store<u32>(codeAt, code);
  store<u32>(stateAt, state);
  store<u32>(repsAt, rep0);
  store<u32>(repsAt, rep1, 4);
  store<u32>(repsAt, rep2, 8);
  store<u32>(repsAt, rep3, 12);
  store<u32>(pendingAt, pending);
  store<u32>(inputAt, <u32>input);
  store<u32>(outAt, <u32>out);
  return answer;
}

/** Whether the stream may end here: the range decoder has nothing left. Reads up to one byte. */
export function isFinished(): bool {
  let code = load<u32>(codeAt);
  if (load<u32>(rangeAt) < top) {
    const input = <usize>load<u32>(inputAt);
    code = (code << 8) | load<u8>(input);
    store<u32>(rangeAt, load<u32>(rangeAt) << 8);
    store<u32>(codeAt, code);
    store<u32>(inputAt, <u32>(input + 1));
  }
  return code == 0;
}
