/** Packets of OpenPGP: their tags, headers and lengths (RFC 9580, 4.2), and the body behind any form of length. */
import type { ByteReader } from '../../../bytes/reader.ts';
import type { ByteSource } from '../../../bytes/stage.ts';
import { CorruptError } from '../../../errors.ts';

/** Kinds of packets (RFC 9580, 5). */
export const tags = {
  sessionKeyForKey: 1,
  signature: 2,
  sessionKeyForPassphrase: 3,
  onePassSignature: 4,
  compressed: 8,
  encrypted: 9,
  marker: 10,
  literal: 11,
  protected: 18,
  modificationDetection: 19,
  aeadEncrypted: 20,
  padding: 21,
} as const;

/** First octets of the headers that a writer makes. */
export const headerOctets = {
  literal: 0xc0 + tags.literal,
  protected: 0xc0 + tags.protected,
  modificationDetection: 0xc0 + tags.modificationDetection,
} as const;

/** The smallest first part of a packet in parts. */
export const minPartBytes = 512;

const partFlag = 0xe0;
const pieceBytes = 64 << 10;
/** Pieces of this size are handed on as they come. */
const largePieceBytes = 16 << 10;
const skippedBytes = 4096;
const maxReadBytes = 1 << 20;

/** What stands before a body. */
export interface PacketHeader {
  /** One of {@link tags}, any other, or 0 where there is no packet at all. */
  readonly tag: number;
  /** Length of the body, of its first part, or infinite: up to the end of what holds the packet. */
  readonly bytes: number;
  /** Whether another length and another part follow. */
  readonly inParts: boolean;
  /** The header as it was read. */
  readonly raw: Uint8Array;
}

/** The length in new format, 1, 2 or 5 octets, of a whole body or the last of its parts. */
export function lengthOctets(bytes: number): Uint8Array {
  if (bytes < 192) return Uint8Array.of(bytes);
  if (bytes < 8384) return Uint8Array.of(192 + ((bytes - 192) >> 8), (bytes - 192) & 0xff);
  return Uint8Array.of(255, bytes >>> 24, (bytes >>> 16) & 0xff, (bytes >>> 8) & 0xff, bytes & 0xff);
}

/** The length of a part that is followed by others. @param bytes a power of two from {@link minPartBytes} to 2^30 */
export function partOctet(bytes: number): number {
  return partFlag + 31 - Math.clz32(bytes);
}

/** Reads a header; undefined at the end of the source. @throws CorruptError when it is cut short */
export async function readHeader(reader: ByteReader): Promise<PacketHeader | undefined> {
  const start = await reader.read(1);
  const [octet] = start;
  if (octet === undefined) return undefined;
  const raw = [octet];
  if (octet < 0x80) return { tag: 0, bytes: 0, inParts: false, raw: Uint8Array.of(octet) };
  if (octet >= 0xc0) {
    const { bytes, inParts } = await readLength(reader, raw);
    return { tag: octet & 0x3f, bytes, inParts, raw: Uint8Array.from(raw) };
  }
  const lengthType = octet & 3;
  let bytes = Number.POSITIVE_INFINITY;
  if (lengthType < 3) bytes = await readNumber(reader, 1 << lengthType, raw);
  return { tag: (octet >> 2) & 0x0f, bytes, inParts: false, raw: Uint8Array.from(raw) };
}

/** @param first its first octet if that has been read */
async function readLength(
  reader: ByteReader,
  raw: number[],
  first?: number,
): Promise<{ readonly bytes: number; readonly inParts: boolean }> {
  const octet = first ?? (await readNumber(reader, 1, raw));
  if (octet < 192) return { bytes: octet, inParts: false };
  if (octet < partFlag) {
    return { bytes: ((octet - 192) << 8) + (await readNumber(reader, 1, raw)) + 192, inParts: false };
  }
  if (isPartOctet(octet)) return { bytes: partBytesOf(octet), inParts: true };
  return { bytes: await readNumber(reader, 4, raw), inParts: false };
}

function isPartOctet(octet: number): boolean {
  return octet >= partFlag && octet < 255;
}

function partBytesOf(octet: number): number {
  return 2 ** (octet & 31);
}

async function readNumber(reader: ByteReader, octets: number, raw: number[]): Promise<number> {
  const bytes = reader.take(octets) ?? (await reader.read(octets));
  if (bytes.length < octets) throw cutShort();
  raw.push(...bytes);
  return bytes.reduce((value, octet) => value * 256 + octet, 0);
}

/** The body of a packet that is read in order, joined where it comes in parts. */
export class PacketBody {
  readonly #reader: ByteReader;
  #leftBytes: number;
  #inParts: boolean;
  /** First octet of a length, read already. */
  #octet: number | undefined;

  constructor(reader: ByteReader, { bytes, inParts }: PacketHeader) {
    this.#reader = reader;
    this.#leftBytes = bytes;
    this.#inParts = inParts;
  }

  /**
   * Fills a buffer from `at` on.
   *
   * @returns where the bytes end: the end of the buffer, or before it where the body ends
   * @throws CorruptError when the source ends before the body does
   */
  async fill(target: Uint8Array, at = 0): Promise<number> {
    let end = at;
    while (end < target.length) {
      const piece = this.#takeSome(target.length - end) ?? (await this.#readSome(target.length - end));
      if (piece === undefined) break;
      target.set(piece, end);
      end += piece.length;
    }
    return end;
  }

  /** The next bytes in new memory, at most 1 MiB. @throws CorruptError when there are fewer, or more are asked for */
  async read(count: number): Promise<Uint8Array> {
    if (count > maxReadBytes) throw new CorruptError('an OpenPGP packet is larger than it can be');
    const bytes = new Uint8Array(count);
    if ((await this.fill(bytes)) < count) throw new CorruptError('an OpenPGP packet is shorter than its contents');
    return bytes;
  }

  /** The rest, in pieces of up to 64 KiB: what comes in large ones is not copied, what comes in small ones is gathered. */
  async *pieces(): ByteSource {
    const gathered = new Uint8Array(pieceBytes);
    for (;;) {
      const piece = this.#takeSome(pieceBytes) ?? (await this.#readSome(pieceBytes));
      if (piece === undefined) return;
      if (piece.length >= largePieceBytes) {
        yield piece;
        continue;
      }
      gathered.set(piece);
      yield gathered.subarray(0, await this.fill(gathered, piece.length));
    }
  }

  /** Passes over the rest. */
  async skip(): Promise<void> {
    const scratch = new Uint8Array(skippedBytes);
    while ((await this.fill(scratch)) === scratch.length);
  }

  /** Some of the body, at most `limit` bytes; undefined when that takes waiting. Most of gpg's parts have 8 KiB. */
  #takeSome(limit: number): Uint8Array | undefined {
    if (this.#leftBytes === 0 && this.#inParts) {
      this.#octet ??= this.#reader.take(1)?.[0];
      if (this.#octet === undefined || !isPartOctet(this.#octet)) return undefined;
      this.#leftBytes = partBytesOf(this.#octet);
      this.#octet = undefined;
    }
    const piece = this.#leftBytes === 0 ? undefined : this.#reader.takeSome(Math.min(this.#leftBytes, limit));
    if (piece !== undefined) this.#leftBytes -= piece.length;
    return piece;
  }

  /** Some of the body, at most `limit` bytes and at least one; undefined at its end. */
  async #readSome(limit: number): Promise<Uint8Array | undefined> {
    while (this.#leftBytes === 0) {
      if (!this.#inParts) return undefined;
      const { bytes, inParts } = await readLength(this.#reader, [], this.#octet);
      this.#octet = undefined;
      this.#leftBytes = bytes;
      this.#inParts = inParts;
    }
    const piece = await this.#reader.readSome(Math.min(this.#leftBytes, limit));
    if (piece !== undefined) this.#leftBytes -= piece.length;
    else if (this.#leftBytes !== Number.POSITIVE_INFINITY) throw cutShort();
    return piece;
  }
}

/** The error of a source that ends too early. */
export function cutShort(): CorruptError {
  return new CorruptError('an OpenPGP message is cut short');
}
