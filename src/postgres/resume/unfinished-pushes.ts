/** Finds what pushes that were cut off have left: whole parts, which a new backup can take over. */
import { backupOfSentinel, backupsFolder, tarPartitionsFolder } from '../../catalog/layout.ts';
import { withoutExtension } from '../../codecs/open.ts';
import { CorruptError } from '../../errors.ts';
import type { Logger } from '../../platform/logger.ts';
import { ObjectNotFoundError } from '../../storage/errors.ts';
import { baseNameOf } from '../../storage/key.ts';
import type { Abortable, ObjectInfo, Storage } from '../../storage/storage.ts';
import type { SourceFiles, SourcePart } from '../composers/unchanged-parts.ts';
import { collectBaseFiles } from '../delta/base-files.ts';
import { readFilesMetadata } from '../backup/files-metadata-reader.ts';
import { pendingKey } from '../backup/pending.ts';
import { pushFilesKey, readPushRecord, type PushIdentity, type PushRecord } from './push-record.ts';

/** What looking for them needs. */
export interface SearchContext extends Abortable {
  readonly logger: Logger;
  /** The backup that is being made. */
  readonly backup: string;
  /** False while another run is pushing the backup of that name. */
  readonly tryLock: (backup: string) => Promise<boolean>;
}

/** Pushes of the same cluster, from the same directory and machine, that nobody is running any more; the newest first. */
export async function findUnfinishedPushes(
  storage: Storage,
  identity: PushIdentity,
  { backup, logger, tryLock, ...options }: SearchContext,
): Promise<readonly PushRecord[]> {
  const folders: string[] = [];
  const complete = new Set<string | undefined>([backup]);
  for await (const entry of storage.list(backupsFolder, options)) {
    if (entry.kind === 'folder') folders.push(baseNameOf(entry.key));
    else complete.add(backupOfSentinel(entry.key));
  }
  const found: PushRecord[] = [];
  for (const name of folders) {
    if (complete.has(name)) continue;
    try {
      const record = await readPushRecord(storage, name, options);
      if (!isSame(record, identity) || !(await tryLock(name))) continue;
      // Whole, and waiting for backup-finalize: its push could not remove its note any more.
      if ((await storage.stat(pendingKey(name), options)) !== undefined) continue;
      found.push(record);
    } catch (error) {
      if (error instanceof ObjectNotFoundError) continue;
      if (!(error instanceof CorruptError)) throw error;
      logger.warn('what a push noted that was cut off cannot be read', { backup: name, error: error.message });
    }
  }
  return found.sort((a, b) => Number(b.startTime - a.startTime));
}

/** The parts that are stored of such a push, and what is known of their files. @throws ObjectNotFoundError, CorruptError */
export async function readUnfinished(
  storage: Storage,
  { backup, startTime }: PushRecord,
  options: Abortable,
): Promise<SourceFiles> {
  const stored = new Map<string, ObjectInfo>();
  for await (const entry of storage.list(tarPartitionsFolder(backup), options)) {
    if (entry.kind === 'object') stored.set(withoutExtension(baseNameOf(entry.key)), entry);
  }
  const parts: SourcePart[] = [];
  const key = pushFilesKey(backup);
  const collected = collectBaseFiles();
  await readFilesMetadata(
    await storage.read(key, options),
    {
      file: collected.file,
      tarFileSet(tar, members) {
        const part = stored.get(tar);
        if (part !== undefined) parts.push({ key: part.key, sizeBytes: part.sizeBytes, members });
      },
    },
    `"${key}"`,
  );
  return { startTime, files: collected.files(), parts };
}

function isSame(one: PushIdentity, other: PushIdentity): boolean {
  return (
    one.systemIdentifier === other.systemIdentifier &&
    one.hostname === other.hostname &&
    one.dataDirectory === other.dataDirectory
  );
}
