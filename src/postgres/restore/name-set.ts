/**
 * A set of names in shared memory, numbered: every worker thread looks members up in it, without a copy of the names of a
 * large cluster in each. An open-addressing hash table over UTF-8 bytes.
 */

const headWords = 2;
/** Where its bytes are, their length plus one (so that 0 means an empty slot also with an empty name), its number. */
const entryWords = 3;
const encoder = new TextEncoder();

/** A fixed set of names. Each has a number from 0 to `size` − 1. */
export interface NameSet {
  /** The memory, for {@link openNameSet} in another thread. */
  readonly shared: SharedArrayBuffer;
  readonly size: number;
  /** The number of a name; undefined when it is not in the set. */
  numberOf(name: string): number | undefined;
  /** All names with their numbers, in any order. */
  entries(): Iterable<readonly [number, string]>;
}

/** Makes the set. Names that come twice count once. */
export function createNameSet(names: Iterable<string>): NameSet {
  const encoded = [...new Set(names)].map((name) => encoder.encode(name));
  const slots = Math.max(8, 2 ** Math.ceil(Math.log2(encoded.length * 2 + 1)));
  const textBytes = encoded.reduce((sum, name) => sum + name.length, 0);
  const tableWords = headWords + slots * entryWords;
  const shared = new SharedArrayBuffer(tableWords * 4 + textBytes);
  const words = new Int32Array(shared, 0, tableWords);
  const text = new Uint8Array(shared, tableWords * 4);
  words[0] = slots;
  words[1] = encoded.length;
  let offset = 0;
  encoded.forEach((name, number) => {
    text.set(name, offset);
    let slot = hashOf(name) & (slots - 1);
    while (words[headWords + slot * entryWords + 1] !== 0) slot = (slot + 1) & (slots - 1);
    words.set([offset, name.length + 1, number], headWords + slot * entryWords);
    offset += name.length;
  });
  return openNameSet(shared);
}

/** The set that another thread made. */
export function openNameSet(shared: SharedArrayBuffer): NameSet {
  const [slots = 0, size = 0] = new Int32Array(shared, 0, headWords);
  const tableWords = headWords + slots * entryWords;
  const words = new Int32Array(shared, 0, tableWords);
  const text = new Uint8Array(shared, tableWords * 4);

  function nameAt(entry: number): Uint8Array {
    const offset = words[entry] ?? 0;
    return text.subarray(offset, offset + (words[entry + 1] ?? 1) - 1);
  }

  return {
    shared,
    size,
    numberOf(name) {
      const wanted = encoder.encode(name);
      for (let slot = hashOf(wanted) & (slots - 1); ; slot = (slot + 1) & (slots - 1)) {
        const entry = headWords + slot * entryWords;
        if (words[entry + 1] === 0) return undefined;
        if (Buffer.compare(nameAt(entry), wanted) === 0) return words[entry + 2];
      }
    },
    *entries() {
      for (let slot = 0; slot < slots; slot += 1) {
        const entry = headWords + slot * entryWords;
        if (words[entry + 1] !== 0) yield [words[entry + 2] ?? 0, Buffer.from(nameAt(entry)).toString()];
      }
    },
  };
}

/** FNV-1a. */
function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
