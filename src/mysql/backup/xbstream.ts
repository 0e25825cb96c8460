/**
 * Reading the xbstream format of XtraBackup and mariadb-backup as it passes: chunks of files, each with a CRC-32. Format:
 * `mysql.md` 19 of the specification.
 */
import { crc32 } from 'node:zlib';
import { CorruptError } from '../../errors.ts';

/** What such a stream begins with, and each of its chunks. */
export const xbstreamMagic = Buffer.from('XBSTCK01');

/** What a reader is told, in the order of the stream; `bytes` are lent. */
export interface XbstreamVisitor {
  /**
   * Bytes of a file. Of a sparse file those without its holes.
   *
   * @param offset where they belong in it; of all pieces of a chunk that of the chunk, plus what came before
   */
  payload?(path: string, bytes: Uint8Array, offset: bigint): void;
  /** A file is complete. */
  end?(path: string): void;
}

const fixedBytes = 14;
const maxPathBytes = 512;
const mapEntryBytes = 8;
const maxMapEntries = 4 * 1024 * 1024;
const ignorableFlag = 1;

type Part = 'fixed' | 'path' | 'map size' | 'lengths' | 'map' | 'payload';

/** Takes a stream in pieces of any size and checks all of it. Memory: one header, at most 32 MB with a map of holes. */
export class XbstreamReader {
  readonly #visitor: XbstreamVisitor;
  readonly #open = new Set<string>();
  #part: Part = 'fixed';
  #needed = fixedBytes;
  #header = Buffer.alloc(1024);
  #filled = 0;
  #at = 0;
  #chunkAt = 0;
  #flags = 0;
  #type = '';
  #path = '';
  #mapEntries = 0;
  #left = 0n;
  #offset = 0n;
  #expectedCrc = 0;
  #crc = 0;
  #notUnderstood: string | undefined;

  constructor(visitor: XbstreamVisitor = {}) {
    this.#visitor = visitor;
  }

  /** Why nothing is checked any more: a kind of chunk that nobody knew when this was written. */
  get notUnderstood(): string | undefined {
    return this.#notUnderstood;
  }

  /** Takes the next bytes. @throws CorruptError when they cannot be what follows, or a checksum is wrong */
  feed(bytes: Uint8Array): void {
    let from = 0;
    while (from < bytes.length && this.#notUnderstood === undefined) {
      from += this.#part === 'payload' ? this.#takePayload(bytes, from) : this.#takeHeader(bytes, from);
    }
    this.#at += bytes.length;
  }

  /** What is missing at the end, for a message; undefined: nothing. */
  missing(): string | undefined {
    if (this.#notUnderstood !== undefined) return undefined;
    if (this.#part !== 'fixed' || this.#filled > 0) {
      const where = this.#path === '' || this.#part === 'fixed' ? '' : ` of ${JSON.stringify(this.#path)}`;
      return `it ends in the middle of a chunk${where}`;
    }
    const [open] = this.#open;
    return open === undefined ? undefined : `it ends before the end of ${JSON.stringify(open)}`;
  }

  #takeHeader(bytes: Uint8Array, from: number): number {
    if (this.#part === 'fixed' && this.#filled === 0) this.#chunkAt = this.#at + from;
    const count = Math.min(this.#needed - this.#filled, bytes.length - from);
    if (this.#filled + count > this.#header.length) {
      const larger = Buffer.alloc(Math.min(this.#needed, Math.max(this.#filled + count, this.#header.length * 2)));
      larger.set(this.#header.subarray(0, this.#filled));
      this.#header = larger;
    }
    this.#header.set(bytes.subarray(from, from + count), this.#filled);
    this.#filled += count;
    if (this.#filled === this.#needed) {
      this.#filled = 0;
      this.#finishPart();
      // Parts of no bytes: an empty path or payload.
      while (this.#needed === 0 && this.#part !== 'payload') this.#finishPart();
    }
    return count;
  }

  #finishPart(): void {
    const header = this.#header.subarray(0, this.#needed);
    switch (this.#part) {
      case 'fixed':
        this.#finishFixed(header);
        return;
      case 'path':
        this.#finishPath(header);
        return;
      case 'map size':
        this.#mapEntries = header.readUInt32LE(0);
        if (this.#mapEntries > maxMapEntries) throw this.#damaged(`a map of ${this.#mapEntries} holes`);
        this.#expect('lengths', 20);
        return;
      case 'lengths':
        this.#left = header.readBigUInt64LE(0);
        this.#offset = header.readBigUInt64LE(8);
        this.#expectedCrc = header.readUInt32LE(16);
        this.#crc = 0;
        if (this.#type === 'S') this.#expect('map', this.#mapEntries * mapEntryBytes);
        else this.#beginPayload();
        return;
      case 'map':
        this.#crc = crc32(header, this.#crc);
        this.#beginPayload();
        return;
      case 'payload':
        return;
    }
  }

  #finishFixed(header: Buffer): void {
    if (!header.subarray(0, 8).equals(xbstreamMagic)) throw this.#damaged('no chunk where one must begin');
    this.#flags = header[8] ?? 0;
    this.#type = String.fromCharCode(header[9] ?? 0);
    const pathBytes = header.readUInt32LE(10);
    if (pathBytes > maxPathBytes) throw this.#damaged(`a path of ${pathBytes} bytes`);
    const isKnown = 'PSE'.includes(this.#type);
    if (!isKnown && (this.#flags & ignorableFlag) === 0) {
      this.#notUnderstood = `chunks of type ${JSON.stringify(this.#type)}`;
    }
    this.#expect('path', pathBytes);
  }

  #finishPath(header: Buffer): void {
    this.#path = header.toString();
    if (this.#type === 'E') {
      this.#open.delete(this.#path);
      this.#visitor.end?.(this.#path);
      this.#expect('fixed', fixedBytes);
      return;
    }
    if (this.#type !== 'S' && this.#type !== 'P') {
      this.#expect('lengths', 20);
      return;
    }
    this.#open.add(this.#path);
    if (this.#type === 'S') this.#expect('map size', 4);
    else this.#expect('lengths', 20);
  }

  #expect(part: Part, bytes: number): void {
    this.#part = part;
    this.#needed = bytes;
  }

  #beginPayload(): void {
    this.#part = 'payload';
    if (this.#left === 0n) this.#endPayload();
  }

  #takePayload(bytes: Uint8Array, from: number): number {
    const available = bytes.length - from;
    const count = this.#left < BigInt(available) ? Number(this.#left) : available;
    const piece = bytes.subarray(from, from + count);
    this.#crc = crc32(piece, this.#crc);
    if (this.#type === 'P' || this.#type === 'S') this.#visitor.payload?.(this.#path, piece, this.#offset);
    this.#offset += BigInt(count);
    this.#left -= BigInt(count);
    if (this.#left === 0n) this.#endPayload();
    return count;
  }

  #endPayload(): void {
    if (this.#crc !== this.#expectedCrc) throw this.#damaged(`a wrong checksum of ${JSON.stringify(this.#path)}`);
    this.#expect('fixed', fixedBytes);
  }

  #damaged(what: string): CorruptError {
    return new CorruptError(`the xbstream is damaged: ${what}, in the chunk at byte ${this.#chunkAt}`);
  }
}
