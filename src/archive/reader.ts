/** Reads tar archives as a stream and hands contents to sinks, without ever holding a member. */
import { ByteReader } from '../bytes/reader.ts';
import type { ByteSource } from '../bytes/stage.ts';
import { CorruptError } from '../errors.ts';
import { paddingBytes, tarBlockBytes, type TarHeader } from './header.ts';
import { isZero, parseGnuName, parseHeaderBlock, parsePaxRecords, withExtras } from './parse.ts';

/** Where the content of one member goes. */
export interface TarSink {
  /** Takes bytes that are lent for the call. */
  write(chunk: Uint8Array): void;
  /** Called once, after exactly the bytes that the header promised. */
  end(): void;
  /** Called instead when the member can't be completed, and after `write` or `end` threw. */
  abort(): void;
}

/** Records about the next member that are longer are refused. */
const maxRecordsBytes = 1 << 20;
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
    const defaults = new Map<string, string>();
    let extras = new Map<string, string>();
    for (;;) {
      const block = reader.take(tarBlockBytes) ?? (await reader.read(tarBlockBytes));
      const atEnd = block.length === 0 || (block.length === tarBlockBytes && block[0] === 0 && isZero(block));
      if (atEnd) {
        if (extras.size > 0) throw new CorruptError('tar archive ends within a member');
        await readZeros(reader);
        return;
      }
      if (block.length < tarBlockBytes) throw truncated();
      const { header, typeFlag } = parseHeaderBlock(block);
      switch (typeFlag) {
        case 'x':
          extras = new Map([...extras, ...parsePaxRecords(await readRecords(reader, header.sizeBytes))]);
          break;
        case 'g':
          for (const [key, value] of parsePaxRecords(await readRecords(reader, header.sizeBytes)))
            defaults.set(key, value);
          break;
        case 'L':
          extras.set('path', parseGnuName(await readRecords(reader, header.sizeBytes)));
          break;
        case 'K':
          extras.set('linkpath', parseGnuName(await readRecords(reader, header.sizeBytes)));
          break;
        default: {
          const whole =
            extras.size + defaults.size === 0 ? header : withExtras(header, new Map([...defaults, ...extras]));
          extras = new Map();
          const member = hasContent(whole) || whole.sizeBytes === 0 ? whole : { ...whole, sizeBytes: 0 };
          await readContent(reader, member, visit(member));
        }
      }
    }
  } finally {
    await reader.close();
  }
}

/** Members of other types have a size that means something else, or nothing. */
function hasContent({ type }: TarHeader): boolean {
  return type === 'file' || type === 'other';
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

async function readPadding(reader: ByteReader, sizeBytes: number): Promise<void> {
  const padding = paddingBytes(sizeBytes);
  if (padding > 0 && reader.take(padding) === undefined && (await reader.read(padding)).length < padding) {
    throw truncated();
  }
}

async function readRecords(reader: ByteReader, sizeBytes: number): Promise<Buffer> {
  if (sizeBytes > maxRecordsBytes) throw new CorruptError('tar header with records of more than 1 MiB');
  const body = Buffer.from(await reader.read(sizeBytes));
  if (body.length < sizeBytes) throw truncated();
  await readPadding(reader, sizeBytes);
  return body;
}

async function readZeros(reader: ByteReader): Promise<void> {
  for (;;) {
    const piece = await reader.readSome(pieceBytes);
    if (piece === undefined) return;
    if (!isZero(piece)) throw new CorruptError('tar archive goes on after its end');
  }
}

function truncated(): CorruptError {
  return new CorruptError('tar archive is cut short');
}
