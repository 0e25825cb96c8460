/** Reads a source in pieces of chosen length, for parsers. Pieces that lie within one chunk are not copied. */
import type { ByteSource } from './stage.ts';

const nothing = new Uint8Array(0);

/**
 * A cursor over a source. Every piece it returns is lent: valid until the next call of any of its methods.
 *
 * Errors of the source pass through. Memory is bounded by the largest piece asked for, plus what the source lends.
 */
export class ByteReader {
  readonly #iterator: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = nothing;
  #at = 0;
  #ended = false;
  #joined: Uint8Array = nothing;

  constructor(source: ByteSource) {
    this.#iterator = source[Symbol.asyncIterator]();
  }

  /** The next `count` bytes, without waiting; undefined when they aren't all in the chunk at hand. */
  take(count: number): Uint8Array | undefined {
    const end = this.#at + count;
    if (end > this.#chunk.length) return undefined;
    const piece = this.#chunk.subarray(this.#at, end);
    this.#at = end;
    return piece;
  }

  /** The next `count` bytes; fewer only where the source ends. */
  async read(count: number): Promise<Uint8Array> {
    if (this.#at === this.#chunk.length) await this.#advance();
    return this.take(count) ?? (await this.#join(count));
  }

  /** Whatever is at hand, without waiting, at most `limit` bytes; undefined when there is nothing. */
  takeSome(limit: number): Uint8Array | undefined {
    const left = this.#chunk.length - this.#at;
    return left === 0 ? undefined : this.take(Math.min(left, limit));
  }

  /** Whatever is at hand, at most `limit` bytes and at least one; undefined at the end of the source. */
  async readSome(limit: number): Promise<Uint8Array | undefined> {
    if (this.#at === this.#chunk.length) await this.#advance();
    return this.takeSome(limit);
  }

  /** Ends the source early; needed whenever it wasn't read to its end. */
  async close(): Promise<void> {
    this.#chunk = nothing;
    this.#at = 0;
    if (this.#ended) return;
    this.#ended = true;
    await this.#iterator.return?.();
  }

  async #advance(): Promise<void> {
    this.#chunk = nothing;
    this.#at = 0;
    while (!this.#ended && this.#chunk.length === 0) {
      const next = await this.#iterator.next();
      if (next.done === true) this.#ended = true;
      else this.#chunk = next.value;
    }
  }

  async #join(count: number): Promise<Uint8Array> {
    let length = 0;
    for (;;) {
      const part = this.#chunk.subarray(this.#at, this.#at + count - length);
      // Grows with what really arrives, so that a hostile count costs nothing.
      if (this.#joined.length < length + part.length)
        this.#joined = grown(this.#joined, length, length + part.length, count);
      this.#joined.set(part, length);
      length += part.length;
      this.#at += part.length;
      if (length === count) break;
      await this.#advance();
      if (this.#chunk.length === 0) break;
    }
    return this.#joined.subarray(0, length);
  }
}

function grown(old: Uint8Array, used: number, needed: number, limit: number): Uint8Array {
  const larger = new Uint8Array(Math.min(limit, Math.max(needed, old.length * 2, 4096)));
  larger.set(old.subarray(0, used));
  return larger;
}
