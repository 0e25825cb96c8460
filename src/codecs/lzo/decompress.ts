/** Reads lzop files (`.lzo`), as WAL-E wrote them. */
import { crc32 } from 'node:zlib';
import { ByteReader } from '../../bytes/reader.ts';
import type { ByteSource } from '../../bytes/stage.ts';
import { CorruptError } from '../../errors.ts';
import { adler32 } from './adler32.ts';
import { decompressBlock } from './block.ts';
import { magic, readExactly, readHeader, readWord, type LzopHeader } from './header.ts';

/** The limit of lzop itself; WAL-E's blocks have 256 KiB. */
const maxBlockBytes = 64 << 20;
/** No block can expand more. */
const maxExpansion = 256;
const pieceBytes = 256 << 10;

/**
 * Decompresses lzop files, one after another, until the source ends, a block at a time.
 *
 * Ends with CorruptError when one is malformed, cut short, or fails a checksum; a block is handed on when it was checked.
 */
export async function* decompressLzo(source: ByteSource): ByteSource {
  const reader = new ByteReader(source);
  try {
    let start = await reader.read(magic.length);
    do {
      if (!magic.equals(start)) throw new CorruptError(`not an lzop file${start.length === 0 ? ': it is empty' : ''}`);
      yield* readBlocks(reader, await readHeader(reader));
      start = await reader.read(magic.length);
    } while (start.length > 0);
  } finally {
    await reader.close();
  }
}

async function* readBlocks(reader: ByteReader, header: LzopHeader): ByteSource {
  let memory = new Uint8Array(0);
  for (;;) {
    const plainBytes = await readWord(reader);
    if (plainBytes === 0) return;
    const packedBytes = await readWord(reader);
    if (packedBytes === 0 || packedBytes > plainBytes || plainBytes > maxBlockBytes) throw malformed();
    if (plainBytes / packedBytes > maxExpansion) throw malformed();
    const isStored = packedBytes === plainBytes;
    const plainSums = await readChecksums(reader, header.plainAdler32, header.plainCrc32);
    const packedSums = await readChecksums(reader, header.packedAdler32 && !isStored, header.packedCrc32 && !isStored);
    let plain = await readExactly(reader, packedBytes);
    verify(plain, packedSums);
    if (!isStored) {
      if (memory.length < plainBytes) memory = new Uint8Array(plainBytes);
      decompressBlock(plain, memory.subarray(0, plainBytes));
      plain = memory.subarray(0, plainBytes);
    }
    verify(plain, plainSums);
    for (let at = 0; at < plainBytes; at += pieceBytes) yield plain.subarray(at, at + pieceBytes);
  }
}

interface Checksums {
  readonly adler32: number | undefined;
  readonly crc32: number | undefined;
}

async function readChecksums(reader: ByteReader, hasAdler32: boolean, hasCrc32: boolean): Promise<Checksums> {
  return {
    adler32: hasAdler32 ? await readWord(reader) : undefined,
    crc32: hasCrc32 ? await readWord(reader) : undefined,
  };
}

function verify(bytes: Uint8Array, expected: Checksums): void {
  const isGood =
    (expected.adler32 === undefined || expected.adler32 === adler32(bytes)) &&
    (expected.crc32 === undefined || expected.crc32 === crc32(bytes));
  if (!isGood) throw new CorruptError('lzop block fails its checksum');
}

function malformed(): CorruptError {
  return new CorruptError('malformed lzop block');
}
