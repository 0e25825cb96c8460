/** A WAL segment while it is being received, in memory. */
import type { ByteSource } from '../../bytes/stage.ts';
import { CorruptError } from '../../errors.ts';
import { formatLsn, toLsn, type Lsn } from '../lsn.ts';
import type { LocalFile } from '../../pipeline/local-file.ts';
import { WalMismatchError } from '../wal/inspect.ts';
import { readSegmentHeader, segmentHeaderBytes } from '../wal-page.ts';
import { segmentName, segmentStart, type SegmentId } from '../wal-segment.ts';

/** As the server gives its own WAL files. */
const mode = 0o600;
const chunkBytes = 1024 * 1024;
const zeros = Buffer.alloc(chunkBytes);

/** The server sends something else than what was received, or stored, at the same place before. */
export class DivergedWalError extends CorruptError {
  constructor(name: string, lsn: Lsn) {
    super(`the server sends other WAL from ${formatLsn(lsn)} on than what was received of "${name}" before`, {
      hint:
        'Two servers write the same timeline, or this one was restored without taking a new one. If this is the right ' +
        'server, move the object with the suffix .partial away.',
    });
  }
}

/** Grows from its beginning; bytes once there do not change, so that they may be stored meanwhile. */
export class ReceivedSegment {
  readonly id: SegmentId;
  readonly name: string;
  readonly start: Lsn;
  /** Memory for a whole one; what is beyond {@link filledBytes} may be of an earlier use. */
  readonly memory: Buffer;
  #filled = 0;
  #streamed = 0;

  constructor(id: SegmentId, memory: Buffer) {
    this.id = id;
    this.memory = memory;
    this.name = segmentName(id, memory.length);
    this.start = segmentStart(id, memory.length);
  }

  /** How much is known of it: what was streamed, or an earlier run has stored. */
  get filledBytes(): number {
    return this.#filled;
  }

  /** Where the next byte of the stream belongs. */
  get streamedTo(): Lsn {
    return toLsn(this.start + BigInt(this.#streamed));
  }

  get filledTo(): Lsn {
    return toLsn(this.start + BigInt(this.#filled));
  }

  get isWhole(): boolean {
    return this.#streamed === this.memory.length;
  }

  /**
   * Takes over what an earlier run has stored of it.
   *
   * @throws DivergedWalError when it differs from what was received since
   */
  merge(stored: Uint8Array): void {
    const both = Math.min(stored.length, this.#filled);
    if (this.memory.subarray(0, both).compare(stored.subarray(0, both)) !== 0) {
      throw new DivergedWalError(this.name, this.start);
    }
    this.memory.set(stored.subarray(both), both);
    this.#filled = Math.max(this.#filled, stored.length);
  }

  /** The stream begins anew with its first byte. */
  rewind(): void {
    this.#streamed = 0;
  }

  /**
   * Takes what fits of the next bytes of the stream.
   *
   * @returns how many bytes
   * @throws DivergedWalError when they differ from what is there already
   */
  add(bytes: Uint8Array): number {
    const taken = bytes.subarray(0, this.memory.length - this.#streamed);
    const known = taken.subarray(0, Math.max(0, this.#filled - this.#streamed));
    const there = this.memory.subarray(this.#streamed, this.#streamed + known.length);
    if (there.compare(known) !== 0) throw new DivergedWalError(this.name, this.streamedTo);
    this.memory.set(taken.subarray(known.length), this.#streamed + known.length);
    this.#streamed += taken.length;
    this.#filled = Math.max(this.#filled, this.#streamed);
    return taken.length;
  }

  /**
   * Looks at the header of its first page, once it is there.
   *
   * @throws WalMismatchError when it is of another cluster or place
   */
  check(systemIdentifier: bigint): void {
    if (this.#filled < segmentHeaderBytes) return;
    const header = readSegmentHeader(this.memory);
    if (header === undefined) throw new WalMismatchError(this.name, 'it does not begin like a WAL segment');
    if (header.systemIdentifier !== systemIdentifier) {
      throw new WalMismatchError(this.name, `it is of the cluster ${header.systemIdentifier}`);
    }
    if (header.start !== this.start || header.segmentBytes !== this.memory.length) {
      throw new WalMismatchError(this.name, `its header is that of position ${formatLsn(header.start)}`);
    }
  }

  /** The segment as a file of its full size: `length` bytes of what is there, then zeros. */
  file(name: string, length: number, modified: Date): LocalFile {
    return fileInMemory(name, { content: this.memory.subarray(0, length), sizeBytes: this.memory.length, modified });
  }
}

/** Bytes in memory as a file that can be archived. @param given.sizeBytes more than `content` has is zeros */
export function fileInMemory(
  name: string,
  given: { readonly content: Uint8Array; readonly sizeBytes: number; readonly modified: Date },
): LocalFile {
  const { content, sizeBytes, modified } = given;
  return {
    path: name,
    name,
    sizeBytes,
    mode,
    modifiedNs: BigInt(modified.getTime()) * 1_000_000n,
    read(target, position) {
      const length = Math.max(0, Math.min(target.length, sizeBytes - position));
      const piece = content.subarray(position, position + length);
      target.set(piece);
      target.fill(0, piece.length, length);
      return length;
    },
    // eslint-disable-next-line @typescript-eslint/require-await -- it is all there
    async *content(): ByteSource {
      for (let at = 0; at < content.length; at += chunkBytes) yield content.subarray(at, at + chunkBytes);
      for (let left = sizeBytes - content.length; left > 0; left -= chunkBytes) {
        yield zeros.subarray(0, Math.min(left, chunkBytes));
      }
    },
    close: () => undefined,
  };
}
