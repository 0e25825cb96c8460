/** Writes tar archives: contents are read straight into the one buffer whose filled chunks are handed on. */
import type { ByteSource } from '../bytes/stage.ts';
import { encodeHeader, paddingBytes, tarBlockBytes, type TarHeader } from './header.ts';

/** Content of a file. */
export interface TarContent {
  /** Fills the beginning of `target` with the next bytes and returns how many; 0 = no more. */
  read(target: Uint8Array): number;
  /** Called once, also after an error. */
  close(): void;
}

/** A member to be written. */
export interface TarMember {
  /** Read after `open`, so that opening may settle it. */
  readonly header: TarHeader;
  /** Opens the content of a file; undefined: it has vanished, and the member is left out. Only empty files may lack this. */
  open?(): TarContent | undefined;
}

/** Options of {@link writeTar}. */
export interface TarWriterOptions {
  /** Length of the chunks, a multiple of 512; default 256 KiB. */
  readonly chunkBytes?: number;
  /** Memory of that length for the chunks; default: new. */
  readonly chunk?: Uint8Array | undefined;
}

/** Small enough to be still in the cache when the next stage reads it. */
const defaultChunkBytes = 256 << 10;

/**
 * Writes members one after another, each with exactly the content length of its header: content that ends early is
 * filled up with zeros, content that goes on is cut.
 *
 * All chunks but the last are `chunkBytes` long and share one buffer. Ends with two zero blocks, without padding to 10 KiB.
 */
// eslint-disable-next-line @typescript-eslint/require-await -- a ByteSource is asynchronous, reading files here is not
export async function* writeTar(members: Iterable<TarMember>, options: TarWriterOptions = {}): ByteSource {
  const { chunkBytes = options.chunk?.length ?? defaultChunkBytes } = options;
  const { chunk = new Uint8Array(chunkBytes) } = options;
  let at = 0;

  for (const member of members) {
    const content = member.open?.();
    if (member.open !== undefined && content === undefined) continue;
    try {
      const { header } = member;
      const encoded = encodeHeader(header);
      for (let done = 0; done < encoded.length; done += tarBlockBytes) {
        chunk.set(encoded.subarray(done, done + tarBlockBytes), at);
        at += tarBlockBytes;
        if (at < chunkBytes) continue;
        yield chunk;
        at = 0;
      }
      if (header.type !== 'file' || header.sizeBytes === 0) continue;
      if (content === undefined) throw new TypeError(`no content for tar member "${header.name}"`);
      let left = header.sizeBytes;
      let ended = false;
      while (left > 0) {
        const target = chunk.subarray(at, Math.min(chunkBytes, at + left));
        const length = ended ? 0 : content.read(target);
        if (length === 0) {
          ended = true;
          target.fill(0);
        }
        const filled = length === 0 ? target.length : length;
        at += filled;
        left -= filled;
        if (at < chunkBytes) continue;
        yield chunk;
        at = 0;
      }
      const padding = paddingBytes(header.sizeBytes);
      chunk.fill(0, at, (at += padding));
      if (at === chunkBytes) {
        yield chunk;
        at = 0;
      }
    } finally {
      content?.close();
    }
  }

  for (let block = 0; block < 2; block += 1) {
    chunk.fill(0, at, (at += tarBlockBytes));
    if (at < chunkBytes) continue;
    yield chunk;
    at = 0;
  }
  if (at > 0) yield chunk.subarray(0, at);
}

/** Content that is in memory. */
export function contentOf(bytes: Uint8Array): TarContent {
  let done = 0;
  return {
    read(target) {
      const part = bytes.subarray(done, done + target.length);
      target.set(part);
      done += part.length;
      return part.length;
    },
    close: () => undefined,
  };
}
