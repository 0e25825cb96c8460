/** Goes from member to member of a tar archive, through the records of PAX and GNU that precede them. */
import type { ByteReader } from '../bytes/reader.ts';
import { CorruptError } from '../errors.ts';
import { paddingBytes, tarBlockBytes, type TarHeader } from './header.ts';
import { isZero, parseGnuName, parseHeaderBlock, parsePaxRecords, withExtras } from './parse.ts';

/** Records about the next member that are longer are refused. */
const maxRecordsBytes = 1 << 20;
const pieceBytes = 1 << 20;

/** The headers of an archive, in turn. Whoever asks for the next one has read the content before, padding included. */
export class MemberHeaders {
  readonly #reader: ByteReader;
  readonly #defaults = new Map<string, string>();

  constructor(reader: ByteReader) {
    this.#reader = reader;
  }

  /**
   * The next member, its size that of its content; undefined at the end, which is the end marker, followed by nothing but
   * zeros, or the end of the source where a header would begin. Then the source has been read to its end, so that a
   * decompressor before this has checked its checksum.
   *
   * @throws CorruptError, and what the source throws
   */
  async next(): Promise<TarHeader | undefined> {
    const reader = this.#reader;
    let extras = new Map<string, string>();
    for (;;) {
      const block = reader.take(tarBlockBytes) ?? (await reader.read(tarBlockBytes));
      const atEnd = block.length === 0 || (block.length === tarBlockBytes && block[0] === 0 && isZero(block));
      if (atEnd) {
        if (extras.size > 0) throw new CorruptError('tar archive ends within a member');
        await this.#readZeros();
        return undefined;
      }
      if (block.length < tarBlockBytes) throw truncated();
      const { header, typeFlag } = parseHeaderBlock(block);
      switch (typeFlag) {
        case 'x':
          extras = new Map([...extras, ...parsePaxRecords(await this.#readRecords(header.sizeBytes))]);
          break;
        case 'g':
          for (const [key, value] of parsePaxRecords(await this.#readRecords(header.sizeBytes)))
            this.#defaults.set(key, value);
          break;
        case 'L':
          extras.set('path', parseGnuName(await this.#readRecords(header.sizeBytes)));
          break;
        case 'K':
          extras.set('linkpath', parseGnuName(await this.#readRecords(header.sizeBytes)));
          break;
        default: {
          const whole =
            extras.size + this.#defaults.size === 0
              ? header
              : withExtras(header, new Map([...this.#defaults, ...extras]));
          return hasContent(whole) || whole.sizeBytes === 0 ? whole : { ...whole, sizeBytes: 0 };
        }
      }
    }
  }

  async #readRecords(sizeBytes: number): Promise<Buffer> {
    if (sizeBytes > maxRecordsBytes) throw new CorruptError('tar header with records of more than 1 MiB');
    const body = Buffer.from(await this.#reader.read(sizeBytes));
    if (body.length < sizeBytes) throw truncated();
    await readPadding(this.#reader, sizeBytes);
    return body;
  }

  async #readZeros(): Promise<void> {
    for (;;) {
      const piece = await this.#reader.readSome(pieceBytes);
      if (piece === undefined) return;
      if (!isZero(piece)) throw new CorruptError('tar archive goes on after its end');
    }
  }
}

/** Reads what fills the last block of so much content up. @throws CorruptError */
export async function readPadding(reader: ByteReader, sizeBytes: number): Promise<void> {
  const padding = paddingBytes(sizeBytes);
  if (padding > 0 && reader.take(padding) === undefined && (await reader.read(padding)).length < padding) {
    throw truncated();
  }
}

/** The archive ended where it may not. */
export function truncated(): CorruptError {
  return new CorruptError('tar archive is cut short');
}

/** Members of other types have a size that means something else, or nothing. */
function hasContent({ type }: TarHeader): boolean {
  return type === 'file' || type === 'other';
}
