/** Bytes on their way from one loop to another, of which at most so many are held. */
import type { ByteSource } from '../bytes/stage.ts';

/** Pieces are gathered up to this size, so that small ones cost little. */
const pieceBytes = 256 << 10;

interface Piece {
  readonly memory: Buffer;
  length: number;
}

/** One loop puts in, another takes out; each waits for the other where it must. */
export class ByteQueue {
  readonly #limitBytes: number;
  readonly #pieces: Piece[] = [];
  readonly #spare: Buffer[] = [];
  #heldBytes = 0;
  #ending: { readonly error: unknown } | 'whole' | undefined;
  #abandoned = false;
  #wakeReader: (() => void) | undefined;
  #wakeWriter: (() => void) | undefined;

  /** @param limitBytes what it holds before whoever puts in waits; it may come to hold one chunk more */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Nobody takes out any more. */
  get isAbandoned(): boolean {
    return this.#abandoned;
  }

  /** Copies bytes; returns a promise to await when there is no room for more. Once abandoned, it drops them. */
  put(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#abandoned || bytes.length === 0) return undefined;
    for (let at = 0; at < bytes.length;) at += this.#append(bytes.subarray(at));
    this.#heldBytes += bytes.length;
    this.#wakeReader?.();
    if (this.#heldBytes < this.#limitBytes) return undefined;
    return new Promise((resolve) => {
      this.#wakeWriter = resolve;
    });
  }

  /** Nothing more comes: the bytes are whole, or end with an error. Only the first ending counts. */
  end(failure?: { readonly error: unknown }): void {
    this.#ending ??= failure ?? 'whole';
    this.#wakeReader?.();
  }

  /** Nobody takes out any more, or ever began to: what is put in from now on is dropped. */
  abandon(): void {
    this.#abandoned = true;
    this.#pieces.length = 0;
    this.#wakeWriter?.();
  }

  /** The bytes, to be read once; an error is thrown as soon as it is known, whatever is still held. */
  async *bytes(): ByteSource {
    try {
      for (;;) {
        if (this.#ending !== undefined && this.#ending !== 'whole') throw this.#ending.error;
        const piece = this.#pieces.shift();
        if (piece === undefined) {
          if (this.#ending !== undefined) return;
          await new Promise<void>((resolve) => {
            this.#wakeReader = resolve;
          });
          continue;
        }
        yield piece.memory.subarray(0, piece.length);
        if (this.#spare.length === 0) this.#spare.push(piece.memory);
        this.#heldBytes -= piece.length;
        if (this.#heldBytes < this.#limitBytes) this.#wakeWriter?.();
      }
    } finally {
      this.abandon();
    }
  }

  #append(bytes: Uint8Array): number {
    const last = this.#pieces.at(-1);
    const piece = last === undefined || last.length === last.memory.length ? this.#newPiece() : last;
    const length = Math.min(bytes.length, piece.memory.length - piece.length);
    piece.memory.set(bytes.subarray(0, length), piece.length);
    piece.length += length;
    return length;
  }

  #newPiece(): Piece {
    const memory = this.#spare.pop() ?? Buffer.allocUnsafeSlow(Math.min(pieceBytes, Math.max(this.#limitBytes, 4096)));
    const piece = { memory, length: 0 };
    this.#pieces.push(piece);
    return piece;
  }
}
