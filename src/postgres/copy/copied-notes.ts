/** The last steps of copying a backup: what is written about it, and its sentinel, with which the copy exists. */
import { collect, fromBytes, type ByteSource } from '../../bytes/stage.ts';
import { partsIn, type CopySteps, type NotesContext } from '../../catalog/copy/carry-out.ts';
import { isEncoded } from '../../catalog/copy/copied-names.ts';
import type { CopiedObject } from '../../catalog/copy/copied-object.ts';
import type { CopyOptions } from '../../catalog/copy/object-copier.ts';
import type { CopiedBackup } from '../../catalog/copy/plan.ts';
import { metadataKey } from '../../catalog/layout.ts';
import { pushSentinel } from '../../catalog/push-sentinel.ts';
import { readText } from '../../catalog/backup-store.ts';
import { CorruptError } from '../../errors.ts';
import { pushObject, pushPlain } from '../../pipeline/push-object.ts';
import { baseNameOf } from '../../storage/key.ts';
import type { StoredObject } from '../../storage/storage.ts';
import { parseSentinel } from '../backup/sentinel.ts';
import { checksumsKey, relabelChecksums } from '../in-place/checksums.ts';
import { rewriteFilesMetadata, rewriteMetadata, rewriteSentinel, type RewrittenParts } from './rewritten-notes.ts';
import { checkSameBackups } from './same-backups.ts';

/** How backups of PostgreSQL are copied. */
export const postgresCopySteps: CopySteps = { checkSameBackups, writeNotes, writeSentinel };

async function writeNotes(backup: CopiedBackup, context: NotesContext): Promise<readonly StoredObject[]> {
  const { written, copier, options } = context;
  const stored: StoredObject[] = [...partsIn(written, backup)];
  for (const note of backup.notes) {
    const { to, object, state } = note;
    if (state === 'present' || !options.reencode) {
      await copier.copy(note);
      stored.push({ key: to, sizeBytes: written.get(to)?.sizeBytes ?? object.sizeBytes });
    } else {
      const sizeBytes = await writeRewritten(backup, note, context);
      if (sizeBytes === undefined) continue;
      copier.count(sizeBytes);
      stored.push({ key: to, sizeBytes });
    }
  }
  return stored;
}

async function writeSentinel(
  backup: CopiedBackup,
  completes: readonly StoredObject[],
  context: NotesContext,
): Promise<void> {
  const { copier, options } = context;
  const bytes = await collect(copier.read(backup.sentinel));
  const text = options.reencode ? rewriteSentinel(bytes.toString(), partsOf(backup, context)) : bytes;
  const { signal, target } = options;
  await pushSentinel(target.storage, backup.name, Buffer.from(text), { signal, completes });
  copier.count(Buffer.byteLength(text));
}

/** Into a backup that is not complete yet: whatever is there of it was written by a copy that was cut off. */
async function writeRewritten(
  backup: CopiedBackup,
  note: CopiedObject,
  context: NotesContext,
): Promise<number | undefined> {
  const { copier, options } = context;
  const { target, signal, logger } = options;
  const parts = partsOf(backup, context);
  if (isEncoded(note.to)) return writeChecksums(backup, note, context);
  if (note.to === metadataKey(backup.name)) {
    const text = rewriteMetadata((await collect(copier.read(note))).toString(), parts);
    return pushPlain(target.storage, note.to, () => fromBytes(Buffer.from(text)), { signal, logger });
  }
  const open = (): ByteSource => rewriteFilesMetadata(copier.read(note), parts);
  return pushPlain(target.storage, note.to, open, { signal, logger });
}

/** Nothing is written of a list that is of another run: it does not count where it is, either. */
async function writeChecksums(
  backup: CopiedBackup,
  note: CopiedObject,
  context: NotesContext,
): Promise<number | undefined> {
  const { copier, options } = context;
  const { target, signal, logger } = options;
  const text = await readText(sourceOf(backup, options).storage, backup.sentinel.object.key, { signal });
  const from = parseSentinel(text, `sentinel of "${backup.name}"`);
  const to = parseSentinel(rewriteSentinel(text, partsOf(backup, context)));
  const open = (): ByteSource => relabelChecksums(copier.readDecoded(note), from, to);
  try {
    const { storedBytes } = await pushObject(target, checksumsKey(backup.name), open, { signal, logger });
    return storedBytes;
  } catch (error) {
    if (!(error instanceof CorruptError)) throw error;
    logger.warn('checksums not copied', { backup: backup.name, reason: error.message });
    return undefined;
  }
}

function sourceOf({ source }: CopiedBackup, { sources }: CopyOptions): CopyOptions['sources'][number] {
  const transport = sources[source];
  if (transport === undefined) throw new Error(`no source of number ${source}`);
  return transport;
}

function partsOf(backup: CopiedBackup, { written }: NotesContext): RewrittenParts {
  const names = new Map(backup.parts.map(({ object, to }) => [baseNameOf(object.key), baseNameOf(to)]));
  return {
    compressedBytes: partsIn(written, backup).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    nameOf: (name) => names.get(name) ?? name,
  };
}
