/**
 * What remains to do in CFB mode once the key stream is there, on a bare memory, for WebAssembly: AssemblyScript, not
 * TypeScript. `scripts/build-wasm.ts` makes `src/crypto/openpgp/message/wasm-module.ts` of it. Callers lay out the memory.
 */

const block: usize = 16;
/** Blocks that are done in one turn of the loop. */
const stride: usize = 64;

function xorBlock(at: usize, key: usize): void {
  v128.store(at, v128.xor(v128.load(at), v128.load(key)));
}

/** XORs `length` bytes at `at` with those at `key`, whole blocks; then moves the block behind these to `key`. */
export function xorBlocks(at: usize, key: usize, length: usize): void {
  const end = at + length;
  let from = key;
  for (; at + stride <= end; at += stride, from += stride) {
    xorBlock(at, from);
    xorBlock(at + block, from + block);
    xorBlock(at + 2 * block, from + 2 * block);
    xorBlock(at + 3 * block, from + 3 * block);
  }
  for (; at < end; at += block, from += block) xorBlock(at, from);
  v128.store(key, v128.load(from));
}
