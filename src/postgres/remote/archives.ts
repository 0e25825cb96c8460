/** Takes the archives of a base backup out of what the server streams: one stream each (to version 14), or all in one. */
import type { ByteSource } from '../../bytes/stage.ts';
import { CorruptError } from '../../errors.ts';
import type { StreamedMessage } from '../server/streamed-command.ts';
import type { BaseBackupRequest } from './base-backup-command.ts';

/** What an archive is of. */
export type ArchiveContent =
  | { readonly kind: 'data directory' }
  /** Members are named from its root on. */
  | { readonly kind: 'tablespace'; readonly oid: string }
  /** No tar but the text of `backup_manifest`. */
  | { readonly kind: 'manifest' };

/** An archive, to be read to its end before the next one is asked for. Chunks are lent. */
export interface ServerArchive {
  readonly content: ArchiveContent;
  readonly bytes: ByteSource;
}

type NextMessage = () => Promise<StreamedMessage>;

/** @param oids of the archives in the order that the server told; undefined: the data directory */
// eslint-disable-next-line @typescript-eslint/require-await -- as the other form
export async function* archivesInTurn(
  next: NextMessage,
  oids: readonly (string | undefined)[],
  { withManifest }: Pick<BaseBackupRequest, 'withManifest'>,
): AsyncGenerator<ServerArchive, void> {
  for (const oid of oids) {
    yield {
      content: oid === undefined ? { kind: 'data directory' } : { kind: 'tablespace', oid },
      bytes: wholeStream(next),
    };
  }
  if (withManifest) yield { content: { kind: 'manifest' }, bytes: wholeStream(next) };
}

async function* wholeStream(next: NextMessage): ByteSource {
  if ((await next()).kind !== 'copy') throw unexpected();
  for (;;) {
    const message = await next();
    if (message.kind === 'end of copy') return;
    if (message.kind !== 'data') throw unexpected();
    yield message.bytes;
  }
}

/** Where in the stream of all archives the reader is. */
type Place = { readonly at: 'archive'; readonly content: ArchiveContent } | { readonly at: 'end' };

/** Every message of the stream begins with a letter: `n`ew archive, `m`anifest, `d`ata, `p`rogress. */
export async function* archivesInOneStream(next: NextMessage): AsyncGenerator<ServerArchive, void> {
  let place: Place | undefined;

  async function* content(): ByteSource {
    for (;;) {
      const message = await next();
      if (message.kind === 'end of copy') {
        place = { at: 'end' };
        return;
      }
      if (message.kind !== 'data') throw unexpected();
      switch (String.fromCharCode(message.bytes[0] ?? 0)) {
        case 'd':
          yield message.bytes.subarray(1);
          break;
        case 'p':
          break;
        case 'n':
          place = { at: 'archive', content: contentOf(message.bytes) };
          return;
        case 'm':
          place = { at: 'archive', content: { kind: 'manifest' } };
          return;
        default:
          throw unexpected();
      }
    }
  }

  if ((await next()).kind !== 'copy') throw unexpected();
  if ((await content()[Symbol.asyncIterator]().next()).done !== true) throw unexpected();
  while (place?.at === 'archive') {
    const archive = { content: place.content, bytes: content() };
    place = undefined;
    yield archive;
    await passOver(archive.bytes);
  }
}

/** Whoever does not want an archive has not read its end. */
async function passOver(bytes: ByteSource): Promise<void> {
  const chunks = bytes[Symbol.asyncIterator]();
  while ((await chunks.next()).done !== true);
}

/** `n`, the name of the archive (`16384.tar` or `base.tar`), and the path of the tablespace, both ended by NUL. */
function contentOf(bytes: Uint8Array): ArchiveContent {
  const name = Buffer.from(bytes.subarray(1)).toString('latin1').split('\0', 1)[0] ?? '';
  if (name === 'base.tar') return { kind: 'data directory' };
  const oid = /^(\d{1,10})\.tar$/.exec(name)?.[1];
  if (oid === undefined)
    throw new CorruptError(`the server sent an archive of an unknown name: ${JSON.stringify(name)}`);
  return { kind: 'tablespace', oid };
}

function unexpected(): CorruptError {
  return new CorruptError('the server sent something else than a backup is made of', {
    hint: 'Its version may be newer than this program knows; look for an update.',
  });
}
