/** xxHash32, the checksum of LZ4 frames (https://github.com/Cyan4973/xxHash, doc/xxhash_spec.md). */

const prime1 = 0x9e3779b1;
const prime2 = 0x85ebca77;
const prime3 = 0xc2b2ae3d;
const prime4 = 0x27d4eb2f;
const prime5 = 0x165667b1;
const stripeBytes = 16;

/** A running hash, seed 0. */
export class Xxh32 {
  #lane1 = (prime1 + prime2) | 0;
  #lane2 = prime2 | 0;
  #lane3 = 0;
  #lane4 = -prime1 | 0;
  #totalBytes = 0;
  readonly #rest = new Uint8Array(stripeBytes);
  #restBytes = 0;

  /** Hashes further bytes. */
  update(bytes: Uint8Array): void {
    this.#totalBytes += bytes.length;
    let at = 0;
    if (this.#restBytes > 0) {
      at = Math.min(stripeBytes - this.#restBytes, bytes.length);
      this.#rest.set(bytes.subarray(0, at), this.#restBytes);
      this.#restBytes += at;
      if (this.#restBytes < stripeBytes) return;
      this.#stripes(this.#rest, 0, stripeBytes);
      this.#restBytes = 0;
    }
    const end = bytes.length - ((bytes.length - at) % stripeBytes);
    this.#stripes(bytes, at, end);
    this.#restBytes = bytes.length - end;
    this.#rest.set(bytes.subarray(end));
  }

  /** The hash of everything so far, 0 … 2^32 − 1. */
  digest(): number {
    let hash =
      this.#totalBytes >= stripeBytes
        ? rotate(this.#lane1, 1) + rotate(this.#lane2, 7) + rotate(this.#lane3, 12) + rotate(this.#lane4, 18)
        : prime5;
    hash = (hash + this.#totalBytes) | 0;
    const rest = new DataView(this.#rest.buffer);
    let at = 0;
    for (; at + 4 <= this.#restBytes; at += 4) {
      hash = Math.imul(rotate((hash + Math.imul(rest.getInt32(at, true), prime3)) | 0, 17), prime4);
    }
    for (; at < this.#restBytes; at += 1) {
      hash = Math.imul(rotate((hash + Math.imul(rest.getUint8(at), prime5)) | 0, 11), prime1);
    }
    hash = Math.imul(hash ^ (hash >>> 15), prime2);
    hash = Math.imul(hash ^ (hash >>> 13), prime3);
    return (hash ^ (hash >>> 16)) >>> 0;
  }

  #stripes(bytes: Uint8Array, from: number, to: number): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let [lane1, lane2, lane3, lane4] = [this.#lane1, this.#lane2, this.#lane3, this.#lane4];
    for (let at = from; at < to; at += stripeBytes) {
      lane1 = round(lane1, view.getInt32(at, true));
      lane2 = round(lane2, view.getInt32(at + 4, true));
      lane3 = round(lane3, view.getInt32(at + 8, true));
      lane4 = round(lane4, view.getInt32(at + 12, true));
    }
    this.#lane1 = lane1;
    this.#lane2 = lane2;
    this.#lane3 = lane3;
    this.#lane4 = lane4;
  }
}

/** The hash of one piece of bytes, seed 0. */
export function xxh32(bytes: Uint8Array): number {
  const hash = new Xxh32();
  hash.update(bytes);
  return hash.digest();
}

function round(lane: number, word: number): number {
  return Math.imul(rotate((lane + Math.imul(word, prime2)) | 0, 13), prime1);
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}
