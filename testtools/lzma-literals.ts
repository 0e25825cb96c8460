/** Writes LZMA streams of literals only, of the kinds that `xz` doesn't write: any lc, lp and pb, a known size, no end marker. */

/** What kind of stream. */
export interface LzmaKind {
  readonly lc?: number;
  readonly lp?: number;
  readonly pb?: number;
  readonly dictionaryBytes?: number;
  /** What the header says; without it the size is unknown. */
  readonly sizeBytes?: bigint;
  readonly endMarker: boolean;
}

const one = 2048;
const top = 2 ** 24;

/** A stream with its header. */
export function lzmaLiterals(plain: Uint8Array, kind: LzmaKind): Buffer {
  const { lc = 3, lp = 0, pb = 2, dictionaryBytes = 1 << 16, sizeBytes = 2n ** 64n - 1n, endMarker } = kind;
  const header = Buffer.alloc(13);
  header.writeUInt8((pb * 5 + lp) * 9 + lc);
  header.writeUInt32LE(dictionaryBytes, 1);
  header.writeBigUInt64LE(sizeBytes, 5);

  const encoder = new RangeEncoder();
  let previous = 0;
  plain.forEach((byte, position) => {
    encoder.bit(`match ${position & ((1 << pb) - 1)}`, 0);
    const context = ((position & ((1 << lp) - 1)) << lc) + (previous >> (8 - lc));
    encoder.tree(`literal ${context}`, byte, 8);
    previous = byte;
  });
  if (endMarker) {
    encoder.bit(`match ${plain.length & ((1 << pb) - 1)}`, 1);
    encoder.bit('rep', 0);
    encoder.bit('choice', 0);
    encoder.tree(`length ${plain.length & ((1 << pb) - 1)}`, 0, 3);
    encoder.tree('slot', 63, 6);
    encoder.direct(2 ** 26 - 1, 26);
    encoder.tree('align', 15, 4);
  }
  return Buffer.concat([header, encoder.end()]);
}

/** Adaptive bits, each with a probability that has a name. */
class RangeEncoder {
  readonly #probabilities = new Map<string, number>();
  readonly #bytes: number[] = [];
  #low = 0;
  #range = 2 ** 32 - 1;
  #cache = 0;
  #cached = 1;

  bit(name: string, bit: number): void {
    const probability = this.#probabilities.get(name) ?? one / 2;
    const bound = Math.floor(this.#range / one) * probability;
    if (bit === 0) {
      this.#range = bound;
      this.#probabilities.set(name, probability + ((one - probability) >> 5));
    } else {
      this.#low += bound;
      this.#range -= bound;
      this.#probabilities.set(name, probability - (probability >> 5));
    }
    this.#normalize();
  }

  /** Bits from the highest on, each with a probability of its own for what came before. */
  tree(name: string, value: number, bits: number): void {
    let node = 1;
    for (let left = bits - 1; left >= 0; left -= 1) {
      const bit = (value >> left) & 1;
      this.bit(`${name} ${node}`, bit);
      node = node * 2 + bit;
    }
  }

  direct(value: number, bits: number): void {
    for (let left = bits - 1; left >= 0; left -= 1) {
      this.#range = Math.floor(this.#range / 2);
      if (((value >> left) & 1) === 1) this.#low += this.#range;
      this.#normalize();
    }
  }

  end(): Buffer {
    for (let byte = 0; byte < 5; byte += 1) this.#shift();
    return Buffer.from(this.#bytes);
  }

  #normalize(): void {
    while (this.#range < top) {
      this.#range *= 256;
      this.#shift();
    }
  }

  /** The highest byte of what is to be written waits, since a carry may still change it. */
  #shift(): void {
    const low = this.#low % 2 ** 32;
    const carry = Math.floor(this.#low / 2 ** 32);
    if (low < 0xff000000 || carry > 0) {
      for (; this.#cached > 0; this.#cached -= 1) {
        this.#bytes.push((this.#cache + carry) & 255);
        this.#cache = 255;
      }
      this.#cache = Math.floor(low / 2 ** 24);
    }
    this.#cached += 1;
    this.#low = (low % 2 ** 24) * 256;
  }
}
