/**
 * AES in CFB mode as OpenPGP has it (RFC 9580, 5.7), made of modes that OpenSSL runs faster.
 *
 * In CFB the key stream of a block is the encrypted ciphertext of the block before it. For a writer that is what CBC makes
 * of the plaintext; for a reader it is what ECB makes of the ciphertext, many blocks at once. What remains is the XOR.
 */
import { createCipheriv, type Cipheriv } from 'node:crypto';
import type { SessionKey } from '../key-ring.ts';
import { blockBytes, type Workspace } from './workspace.ts';

/** One stream, from its first byte on; the IV is zero. */
export class CfbStream {
  readonly #cipher: Cipheriv;
  readonly #workspace: Workspace;

  constructor({ cipher, key }: SessionKey, direction: 'encrypt' | 'decrypt', workspace: Workspace) {
    const bits = cipher.slice('aes'.length);
    const zeros = Buffer.alloc(blockBytes);
    this.#cipher =
      direction === 'encrypt'
        ? createCipheriv(`aes-${bits}-cbc`, key, zeros)
        : createCipheriv(`aes-${bits}-ecb`, key, null);
    this.#workspace = workspace;
    workspace.next.set(this.#cipher.update(zeros));
  }

  /**
   * Encrypts or decrypts what stands in the workspace, in place.
   *
   * @param start a multiple of four
   * @param end whole blocks behind it, but for the end of the stream
   */
  apply(start: number, end: number): void {
    const { bytes, next } = this.#workspace;
    const wholeEnd = end - ((end - start) % blockBytes);
    if (wholeEnd > start) {
      const keyStream = this.#cipher.update(bytes.subarray(start, wholeEnd));
      this.#workspace.xorBlocks(start, wholeEnd, keyStream);
      free(keyStream);
    }
    for (let at = wholeEnd; at < end; at += 1) bytes[at] = (bytes[at] ?? 0) ^ (next[at - wholeEnd] ?? 0);
  }
}

/**
 * Gives memory back at once. Left to the garbage collector, the buffers of ciphers pile up to 64 MiB, and then all of the
 * heap is marked: twice the time of the cipher itself.
 */
function free({ buffer, length }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === length) buffer.transfer(0);
}
