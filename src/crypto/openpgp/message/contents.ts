/** The packets in an encrypted one: a literal packet, alone, compressed, or among signatures. */
import { ByteReader } from '../../../bytes/reader.ts';
import type { ByteSource } from '../../../bytes/stage.ts';
import { CorruptError } from '../../../errors.ts';
import { decompressed } from './decompress.ts';
import { PacketBody, readHeader, tags } from './packet.ts';

/** Compressed packets in compressed packets; nobody writes two. */
const maxDepth = 4;
/** Signatures of some thousand people; markers, which are small, and endless where they are compressed. */
const maxPackets = 10_000;
/** b, t, u, l, 1, m: what a writer held the bytes for. They are handed on as they are. */
const formats = new Set([0x62, 0x74, 0x75, 0x6c, 0x31, 0x6d]);

/**
 * Yields the data of a message. Signatures are passed over: a crypter proves that an object wasn't changed, not who wrote it.
 *
 * Reads the source to its end, even behind the data.
 *
 * @throws CorruptError when there is no literal packet, more than one, or anything unknown
 */
export async function* literalData(packets: ByteSource, depth = 0): ByteSource {
  const reader = new ByteReader(packets);
  let found = false;
  try {
    for (let count = 1; ; count += 1) {
      const header = await readHeader(reader);
      if (header === undefined) break;
      if (count > maxPackets) throw new CorruptError('an OpenPGP message holds more packets than any has');
      const body = new PacketBody(reader, header);
      switch (header.tag) {
        case tags.literal:
        case tags.compressed:
          if (found) throw new CorruptError('an OpenPGP message holds data twice');
          found = true;
          if (header.tag === tags.literal) yield* literal(body);
          else if (depth < maxDepth) yield* literalData(await decompressed(body), depth + 1);
          else throw new CorruptError('an OpenPGP message is compressed too many times');
          break;
        case tags.signature:
        case tags.onePassSignature:
        case tags.marker:
        case tags.padding:
          await body.skip();
          break;
        default:
          throw new CorruptError('an OpenPGP message holds a packet that does not belong there');
      }
    }
    if (!found) throw new CorruptError('an OpenPGP message holds no data');
  } finally {
    await reader.close();
  }
}

async function* literal(body: PacketBody): ByteSource {
  const [format = 0, nameBytes = 0] = await body.read(2);
  if (!formats.has(format)) throw new CorruptError('an OpenPGP message holds data of an unknown format');
  await body.read(nameBytes + 4);
  yield* body.pieces();
}
