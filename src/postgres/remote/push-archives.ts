/** Stores what the server streams as the parts of a backup, and notes what is to be recorded of it. */
import type { TarHeader } from '../../archive/header.ts';
import { contentOf, writeTar } from '../../archive/writer.ts';
import { rateLimited, type RateLimiter } from '../../bytes/rate-limiter.ts';
import { compose, counted, type ByteSource } from '../../bytes/stage.ts';
import { tarPartitionsFolder } from '../../catalog/layout.ts';
import { CorruptError } from '../../errors.ts';
import { pushObject, type PushOptions } from '../../pipeline/push-object.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Progress } from '../../platform/progress.ts';
import type { PushedPart } from '../backup/push-part.ts';
import { controlPart, labelMember, partName } from '../backup/names.ts';
import { parseControlFile, UnknownControlVersionError } from '../control-file.ts';
import { controlFilePath } from '../pgdata.ts';
import type { ServerArchive } from './archives.ts';
import { withManifestMember } from './manifest-member.ts';
import { recut } from './recut.ts';

/** What {@link pushArchives} needs. */
export interface PushArchivesOptions {
  /** Of the backup. */
  readonly name: string;
  readonly transport: Transport;
  readonly thresholdBytes: number;
  /** Of what the server sends, when it cannot be asked to send slower. */
  readonly limiter: RateLimiter | undefined;
  readonly progress: Progress;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** A regular file of the backup. */
export interface StreamedFile {
  /** As the member is named. */
  readonly name: string;
  readonly mtimeSeconds: number;
}

/** What was stored. */
export interface PushedArchives {
  readonly parts: readonly Pick<PushedPart, 'key' | 'storedBytes'>[];
  readonly files: readonly StreamedFile[];
  /** What the server sent of tar archives. */
  readonly receivedBytes: number;
}

const mostControlBytes = 64 * 1024;

/**
 * Stores the archives, part after part, as fast as the storage takes them: nothing is held, the server waits meanwhile. A
 * part that its storage breaks off cannot be asked for again, and fails the backup.
 *
 * @throws CorruptError when something is missing without which nobody could restore the backup, and what server and
 * storage fail with
 */
export async function pushArchives(
  archives: AsyncIterable<ServerArchive>,
  options: PushArchivesOptions,
): Promise<PushedArchives> {
  const { transport, thresholdBytes, limiter, progress, signal } = options;
  const folder = tarPartitionsFolder(options.name);
  const parts: Pick<PushedPart, 'key' | 'storedBytes'>[] = [];
  const files: StreamedFile[] = [];
  let receivedBytes = 0;
  const found: { label: boolean; control: readonly [TarHeader, readonly Buffer[]] | undefined } = {
    label: false,
    control: undefined,
  };

  async function push(name: string, open: () => ByteSource, write: PushOptions): Promise<void> {
    const { key, storedBytes } = await pushObject(transport, `${folder}/${name}`, open, { ...write, signal });
    options.logger.debug('part pushed', { key, storedBytes });
    parts.push({ key, storedBytes });
  }

  function visit(header: TarHeader): ((piece: Uint8Array) => void) | undefined {
    const { name, type, sizeBytes, mtimeSeconds } = header;
    if (type !== 'file') return undefined;
    files.push({ name, mtimeSeconds });
    found.label ||= name === labelMember;
    if (name !== controlFilePath) return undefined;
    if (sizeBytes > mostControlBytes) throw new CorruptError(`the server sent a pg_control of ${sizeBytes} bytes`);
    const pieces: Buffer[] = [];
    found.control = [header, pieces];
    return (piece) => pieces.push(Buffer.from(piece));
  }

  const received = counted((bytes) => {
    receivedBytes += bytes;
    progress.update(receivedBytes);
  });
  const incoming = limiter === undefined ? received : compose(rateLimited(limiter, signal), received);
  for await (const { content, bytes } of archives) {
    if (content.kind === 'manifest') {
      await withManifestMember(bytes, options.clock, async (member) => {
        visit(member.header);
        await push(partName(parts.length + 1), () => writeTar([member]), {});
      });
      continue;
    }
    const prefix = content.kind === 'tablespace' ? `pg_tblspc/${content.oid}/` : '';
    for await (const part of recut(incoming(bytes), { prefix, thresholdBytes, visit })) {
      await push(partName(parts.length + 1), () => part, { attempts: 1 });
    }
  }

  if (!found.label) throw new CorruptError('the server sent no backup_label');
  if (found.control === undefined) throw new CorruptError('the server sent no global/pg_control');
  const [header, pieces] = found.control;
  const controlBytes = Buffer.concat(pieces);
  checkControlFile(controlBytes);
  await push(controlPart, () => writeTar([{ header, open: () => contentOf(controlBytes) }]), {});
  return { parts, files, receivedBytes };
}

/** The server writes the file in place, and older ones read it for a backup without a lock. */
function checkControlFile(bytes: Uint8Array): void {
  try {
    parseControlFile(bytes);
  } catch (error) {
    if (error instanceof UnknownControlVersionError) return;
    throw new CorruptError('the server sent a pg_control that is damaged', {
      cause: error,
      hint: 'It may have been written just then. Push again; if it happens again, look at the disk of the server.',
    });
  }
}
