/** Cuts a tar archive that streams by into the parts of a backup, without ever holding a member. */
import { encodeHeader, paddingBytes, tarBlockBytes, type TarHeader } from '../../archive/header.ts';
import { MemberHeaders, readPadding, truncated } from '../../archive/member-headers.ts';
import { ByteReader } from '../../bytes/reader.ts';
import type { ByteSource } from '../../bytes/stage.ts';

/** How to cut. */
export interface RecutOptions {
  /** Goes before every name: `pg_tblspc/16384/`, or nothing. */
  readonly prefix: string;
  /** No part has more bytes of content than this, unless it is one file. */
  readonly thresholdBytes: number;
  /** Called for every member, as it is stored. @returns what to show its content to, in lent pieces */
  visit(header: TarHeader): ((piece: Uint8Array) => void) | undefined;
}

const pieceBytes = 256 << 10;
const endMark = new Uint8Array(2 * tarBlockBytes);

/**
 * The parts, each a whole tar archive, in turn: one is to be read to its end before the next one is asked for. An archive
 * without members gives none.
 *
 * @throws CorruptError, and whatever source and `visit` throw, from the part being read
 */
export async function* recut(archive: ByteSource, options: RecutOptions): AsyncGenerator<ByteSource, void> {
  const { prefix, thresholdBytes } = options;
  const reader = new ByteReader(archive);
  const headers = new MemberHeaders(reader);
  const state: { next: TarHeader | undefined; isWhole: boolean } = { next: undefined, isWhole: true };

  const wasRead = (): boolean => state.isWhole;

  async function* part(first: TarHeader): ByteSource {
    let contentBytes = 0;
    for (let next: TarHeader | undefined = first; next !== undefined;) {
      // The server names one folder "./pg_wal/archive_status/".
      const header: TarHeader = { ...next, name: prefix + next.name.replace(/^\.\//, '') };
      const show = options.visit(header);
      yield encodeHeader(header);
      for (let left = header.sizeBytes; left > 0;) {
        const piece = await reader.readSome(Math.min(left, pieceBytes));
        if (piece === undefined) throw truncated();
        left -= piece.length;
        show?.(piece);
        yield piece;
      }
      await readPadding(reader, header.sizeBytes);
      const padding = paddingBytes(header.sizeBytes);
      if (padding > 0) yield endMark.subarray(0, padding);
      contentBytes += header.sizeBytes;
      next = await headers.next();
      state.next = next;
      if (contentBytes > 0 && contentBytes + (next?.sizeBytes ?? 0) > thresholdBytes) break;
    }
    yield endMark;
    state.isWhole = true;
  }

  try {
    state.next = await headers.next();
    while (state.next !== undefined) {
      state.isWhole = false;
      yield part(state.next);
      if (!wasRead()) throw new Error('a part of the backup was not read to its end');
    }
  } finally {
    await reader.close();
  }
}
