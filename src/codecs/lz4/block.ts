/** LZ4 blocks, by lz4-napi's raw block calls. */
import { createRequire } from 'node:module';
import type * as lz4Napi from 'lz4-napi';
import { CorruptError } from '../../errors.ts';
import { windowBytes } from './frame.ts';

// By require(): the package is CommonJS and an import would cost a parse of it by the lexer.
const { compressSync, uncompressSync } = createRequire(import.meta.url)('lz4-napi') as typeof lz4Napi;

/** What lz4-napi puts before a block: the size of the plaintext. */
const prefixBytes = 4;

/**
 * Compresses one block into `target` at `at`, which has room for `plain.length` bytes.
 *
 * @returns the compressed length; 0 when it wouldn't be smaller than the plaintext
 */
export function compressBlock(plain: Uint8Array, target: Uint8Array, at: number): number {
  const packed = compressSync(asBuffer(plain));
  const length = packed.length - prefixBytes;
  if (length >= plain.length) return 0;
  target.set(packed.subarray(prefixBytes), at);
  return length;
}

/**
 * Decompresses one block of at most `maxBytes` plain bytes.
 *
 * @param window plaintext before the block that it may refer to; empty for independent blocks
 * @throws CorruptError when it is malformed or longer
 */
export function decompressBlock(packed: Uint8Array, maxBytes: number, window: Uint8Array): Uint8Array {
  const prefixed = Buffer.allocUnsafe(prefixBytes + packed.length);
  prefixed.writeUInt32LE(maxBytes);
  prefixed.set(packed, prefixBytes);
  try {
    return uncompressSync(prefixed, window.length === 0 ? undefined : asBuffer(window.subarray(-windowBytes)));
  } catch (cause) {
    throw new CorruptError('malformed lz4 block', { cause });
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
