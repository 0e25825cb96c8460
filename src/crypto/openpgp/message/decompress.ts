/** Compressed packets (RFC 9580, 5.6): gpg compresses unless it is told not to; WAL-G and we don't. */
import type { Inflate, InflateRaw } from 'node:zlib';
import type { ByteSource } from '../../../bytes/stage.ts';
import { codeOf, CorruptError } from '../../../errors.ts';
import type { PacketBody } from './packet.ts';

const pieceBytes = 64 << 10;

/**
 * The packets in a compressed one.
 *
 * @throws CorruptError at once for a method that isn't known, later when the data are damaged
 */
export async function decompressed(body: PacketBody): Promise<ByteSource> {
  const [method] = await body.read(1);
  const { createInflate, createInflateRaw } = await import('node:zlib');
  switch (method) {
    case 0:
      return body.pieces();
    case 1:
      return inflated(body, createInflateRaw({ chunkSize: pieceBytes }));
    case 2:
      return inflated(body, createInflate({ chunkSize: pieceBytes }));
    case 3:
      throw new CorruptError('an OpenPGP message is compressed by bzip2, which is not read here', {
        hint: 'Decrypt it by gpg, or encrypt it again with gpg --compress-algo none.',
      });
    default:
      throw new CorruptError('an OpenPGP message is compressed in an unknown way');
  }
}

async function* inflated(body: PacketBody, inflate: Inflate | InflateRaw): ByteSource {
  let fedBytes = 0;
  const feed = async (): Promise<void> => {
    for await (const piece of body.pieces()) {
      fedBytes += piece.length;
      await new Promise<void>((resolve, reject) => {
        inflate.write(piece, (error) => {
          if (error) reject(error);
          else resolve();
        });
      });
    }
    inflate.end();
  };
  feed().catch((error: unknown) => inflate.destroy(error instanceof Error ? error : new Error(String(error))));
  try {
    for await (const piece of inflate as AsyncIterable<Uint8Array>) yield piece;
  } catch (error) {
    // What is malformed, or cut, has a code of zlib; anything else comes from the source.
    if (codeOf(error)?.startsWith('Z_') === true) throw malformed(error);
    throw error;
  } finally {
    inflate.destroy();
  }
  // zlib takes no more once its stream has ended.
  if (inflate.bytesWritten < fedBytes) throw malformed();
}

function malformed(cause?: unknown): CorruptError {
  return new CorruptError('the compressed data of an OpenPGP message are malformed', { cause });
}
