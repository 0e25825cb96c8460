/** Reads tar archives as a stream and hands contents to sinks, without ever holding a member. */
import { ByteReader } from '../bytes/reader.ts';
import type { ByteSource } from '../bytes/stage.ts';
import type { TarHeader } from './header.ts';
import { MemberHeaders, readPadding, truncated } from './member-headers.ts';

/** Where the content of one member goes. */
export interface TarSink {
  /** Takes bytes that are lent for the call. */
  write(chunk: Uint8Array): void;
  /** Called once, after exactly the bytes that the header promised. */
  end(): void;
  /** Called instead when the member can't be completed, and after `write` or `end` threw. */
  abort(): void;
}

const pieceBytes = 1 << 20;

/**
 * Reads an archive to the end of its source, calling `visit` for every member in order; undefined passes over its content.
 *
 * The end is the end marker, followed by nothing but zeros, or the end of the source where a header would begin. Reading
 * to the end of the source lets a decompressor before this check its checksum.
 *
 * @throws CorruptError when the archive is malformed or cut short; whatever source, `visit` and sinks throw. When it
 * returns or throws, the source has been ended
 */
export async function readTar(source: ByteSource, visit: (header: TarHeader) => TarSink | undefined): Promise<void> {
  const reader = new ByteReader(source);
  try {
    const headers = new MemberHeaders(reader);
    for (;;) {
      const header = await headers.next();
      if (header === undefined) return;
      await readContent(reader, header, visit(header));
    }
  } finally {
    await reader.close();
  }
}

async function readContent(reader: ByteReader, header: TarHeader, sink: TarSink | undefined): Promise<void> {
  let ended = false;
  try {
    for (let left = header.sizeBytes; left > 0;) {
      const wanted = Math.min(left, pieceBytes);
      const piece = reader.take(wanted) ?? (await reader.readSome(wanted));
      if (piece === undefined) throw truncated();
      left -= piece.length;
      sink?.write(piece);
    }
    sink?.end();
    ended = true;
  } finally {
    if (!ended) sink?.abort();
  }
  await readPadding(reader, header.sizeBytes);
}
