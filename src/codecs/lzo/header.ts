/** The header of an lzop file. All numbers are big-endian. */
import { crc32 } from 'node:zlib';
import type { ByteReader } from '../../bytes/reader.ts';
import { CorruptError } from '../../errors.ts';
import { adler32 } from './adler32.ts';

/** First bytes of every lzop file. */
export const magic = Buffer.from('894c5a4f000d0a1a0a', 'hex');

const flags = {
  plainAdler32: 0x1,
  packedAdler32: 0x2,
  extraField: 0x40,
  plainCrc32: 0x100,
  packedCrc32: 0x200,
  filter: 0x800,
  headerCrc32: 0x1000,
} as const;

const firstVersion = 0x0900;
/** From then on headers tell the version that is needed, the level, and all of the time. */
const longerVersion = 0x0940;
/** Three compressors of one format, LZO1X. */
const methods = [1, 2, 3];

/** Which checksums stand before each block. */
export interface LzopHeader {
  readonly plainAdler32: boolean;
  readonly plainCrc32: boolean;
  readonly packedAdler32: boolean;
  readonly packedCrc32: boolean;
}

/**
 * Reads a header, up to and with its checksum; the magic was read before.
 *
 * @throws CorruptError when it is malformed, or of a kind that WAL-E never wrote
 */
export async function readHeader(reader: ByteReader): Promise<LzopHeader> {
  const seen: Buffer[] = [];
  const number = async (bytes: number): Promise<number> => {
    const piece = Buffer.from(await readExactly(reader, bytes));
    seen.push(piece);
    return piece.readUIntBE(0, bytes);
  };

  const version = await number(2);
  if (version < firstVersion) throw malformed();
  await number(2);
  if (version >= longerVersion) {
    const needed = await number(2);
    if (needed < firstVersion || needed > version) throw malformed();
  }
  const method = await number(1);
  if (version >= longerVersion) await number(1);
  const set = await number(4);
  const filter = (set & flags.filter) === 0 ? 0 : await number(4);
  await number(4);
  await number(4);
  if (version >= longerVersion) await number(4);
  const nameBytes = await number(1);
  if (nameBytes > 0) seen.push(Buffer.from(await readExactly(reader, nameBytes)));

  const header = Buffer.concat(seen);
  const expected = (set & flags.headerCrc32) === 0 ? adler32(header) : crc32(header);
  if ((await readWord(reader)) !== expected) throw new CorruptError('lzop header fails its checksum');
  if (!methods.includes(method)) throw new CorruptError(`lzop file has a method that is not LZO1X: ${method}`);
  if (filter !== 0) throw new CorruptError(`lzop file has a filter: ${filter}`);
  if ((set & flags.extraField) !== 0) throw new CorruptError('lzop file has an extra field');
  return {
    plainAdler32: (set & flags.plainAdler32) !== 0,
    plainCrc32: (set & flags.plainCrc32) !== 0,
    packedAdler32: (set & flags.packedAdler32) !== 0,
    packedCrc32: (set & flags.packedCrc32) !== 0,
  };
}

/** The next 32 bits. @throws CorruptError where the source ends before */
export async function readWord(reader: ByteReader): Promise<number> {
  const bytes = await readExactly(reader, 4);
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0);
}

/** The next bytes, lent. @throws CorruptError where the source ends before */
export async function readExactly(reader: ByteReader, count: number): Promise<Uint8Array> {
  const bytes = await reader.read(count);
  if (bytes.length < count) throw new CorruptError('lzop file is cut short');
  return bytes;
}

function malformed(): CorruptError {
  return new CorruptError('malformed lzop header');
}
