/** The engine made of lz4-napi's block calls. */
import { createRequire } from 'node:module';
import type * as lz4Napi from 'lz4-napi';
import { CorruptError } from '../../errors.ts';
import type { Lz4Engine } from './engine.ts';
import { Xxh32 } from './xxh32.ts';

/** lz4-napi puts the length of the plaintext before a block. When reading it serves as a limit. */
const prefixBytes = 4;

/** Makes an engine. @throws Error where lz4-napi has no build for this platform */
export function createNapiEngine(): Lz4Engine {
  const { compressSync, uncompressSync } = createRequire(import.meta.url)('lz4-napi') as typeof lz4Napi;
  let bytes = Buffer.alloc(0);
  let hash = new Xxh32();
  return {
    get bytes() {
      return bytes;
    },
    reserve(sizeBytes) {
      if (sizeBytes > bytes.length) bytes = Buffer.alloc(sizeBytes);
    },
    compress(from, length, to) {
      const packed = compressSync(bytes.subarray(from, from + length));
      return packed.copy(bytes, to, prefixBytes);
    },
    decompress(from, length, { at, maxBytes, windowBytes }) {
      const prefixed = Buffer.allocUnsafe(prefixBytes + length);
      prefixed.writeUInt32LE(maxBytes);
      bytes.copy(prefixed, prefixBytes, from, from + length);
      try {
        const plain = uncompressSync(prefixed, windowBytes === 0 ? undefined : bytes.subarray(at - windowBytes, at));
        return plain.copy(bytes, at);
      } catch (cause) {
        throw new CorruptError('malformed lz4 block', { cause });
      }
    },
    hashStart() {
      hash = new Xxh32();
    },
    hashUpdate(from, length) {
      hash.update(bytes.subarray(from, from + length));
    },
    hashDigest: () => hash.digest(),
  };
}
