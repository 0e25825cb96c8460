/** The two parts that are written last: `pg_control.tar`, when all files are read, and `backup_label.tar`, after the stop. */
import { join } from 'node:path';
import { ownFileHeader, type TarHeader } from '../../archive/header.ts';
import { contentOf, writeTar } from '../../archive/writer.ts';
import { tarPartitionsFolder } from '../../catalog/layout.ts';
import { ArchiverError, CorruptError } from '../../errors.ts';
import { pushObject } from '../../pipeline/push-object.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Clock } from '../../platform/clock.ts';
import { readStart } from '../../platform/files.ts';
import type { Abortable } from '../../storage/storage.ts';
import { headerOf, type Owners } from '../cluster/member.ts';
import type { ClusterEntry } from '../cluster/walk.ts';
import { controlFileBytes, parseControlFile, UnknownControlVersionError } from '../control-file.ts';
import { controlFilePath } from '../pgdata.ts';
import { controlPart, labelMember, labelPart, tablespaceMapMember } from './names.ts';
import type { WrittenPart } from './push-part.ts';
import type { BackupEnd } from './session.ts';

const readAttempts = 10;
const rereadMs = 20;

/**
 * Reads the control file whole. The server writes it in place, so a read that fails its checksum is repeated; of a version
 * whose checksum is unknown, two reads must agree.
 *
 * @throws CorruptError when it never passes
 */
export async function readStableControlFile(dataDirectory: string, clock: Clock): Promise<Uint8Array> {
  const path = join(dataDirectory, controlFilePath);
  let last: Buffer | undefined;
  for (let attempt = 1; ; attempt += 1) {
    const bytes = readStart(path, controlFileBytes);
    try {
      parseControlFile(bytes);
      return bytes;
    } catch (error) {
      if (error instanceof UnknownControlVersionError && last?.equals(bytes) === true) return bytes;
      if (attempt >= readAttempts || !(error instanceof CorruptError)) throw error;
      last = bytes;
      await clock.sleep(rereadMs);
    }
  }
}

/** Pushes `pg_control.tar` with these bytes. */
export function pushControlPart(
  transport: Transport,
  control: {
    readonly backup: string;
    readonly entry: ClusterEntry;
    readonly bytes: Uint8Array;
    readonly owners: Owners;
  },
  options: Abortable,
): Promise<WrittenPart> {
  const { backup, entry, bytes, owners } = control;
  const header = headerOf({ ...entry, sizeBytes: bytes.length }, owners);
  return pushSmallPart(transport, `${tarPartitionsFolder(backup)}/${controlPart}`, [[header, bytes]], options);
}

/** Pushes `backup_label.tar` with the label and the tablespace map that the server returned. */
export async function pushLabelPart(
  transport: Transport,
  backup: string,
  { label, tablespaceMap }: Pick<BackupEnd, 'label' | 'tablespaceMap'>,
  options: Abortable,
): Promise<WrittenPart> {
  if (label === '') throw new ArchiverError('unexpected', 'the server returned an empty backup label');
  const members = [
    [labelMember, label],
    [tablespaceMapMember, tablespaceMap],
  ] as const;
  return await pushSmallPart(
    transport,
    `${tarPartitionsFolder(backup)}/${labelPart}`,
    members.map(([name, text]) => {
      const bytes = Buffer.from(text);
      return [ownFileHeader(name, bytes.length, 0), bytes] as const;
    }),
    options,
  );
}

async function pushSmallPart(
  transport: Transport,
  logicalKey: string,
  members: readonly (readonly [TarHeader, Uint8Array])[],
  { signal }: Abortable,
): Promise<WrittenPart> {
  const open = () => writeTar(members.map(([header, bytes]) => ({ header, open: () => contentOf(bytes) })));
  const { key, storedBytes } = await pushObject(transport, logicalKey, open, { signal });
  const memberBytes = members.reduce((sum, [, bytes]) => sum + bytes.length, 0);
  return { key, memberBytes, storedBytes };
}
