/** The steps of copying backups of MySQL: their notes, their sentinels, and the GTIDs of the archive. */
import { collect, fromBytes } from '../../bytes/stage.ts';
import { partsIn, type CopySteps, type NotesContext } from '../../catalog/copy/carry-out.ts';
import { TargetDiffersError, type CopiedObject } from '../../catalog/copy/copied-object.ts';
import type { CopyOptions } from '../../catalog/copy/object-copier.ts';
import type { CopiedBackup } from '../../catalog/copy/plan.ts';
import { isJsonObject, parseJson, stringifyJson } from '../../catalog/json.ts';
import { pushSentinel } from '../../catalog/push-sentinel.ts';
import { CorruptError } from '../../errors.ts';
import { pushPlain } from '../../pipeline/push-object.ts';
import type { StoredObject } from '../../storage/storage.ts';
import { streamMetadataKey } from '../../stream/layout.ts';
import { readSentinel } from '../backup/backup-record.ts';
import { parseSentinel, rewriteSentinel, type Sentinel } from '../backup/sentinel.ts';

/** How backups of MySQL are copied. */
export function mysqlCopySteps(gtidSentinel: CopiedObject | undefined, prefix: string): CopySteps {
  return {
    checkSameBackups,
    writeNotes,
    writeSentinel: (backup, completes, context) => writeSentinel(backup, completes, { ...context, prefix }),
    async finish(_plan, { copier, options: { target, signal, logger } }) {
      if (gtidSentinel === undefined) return;
      const text = await collect(copier.read(gtidSentinel));
      copier.count(await pushPlain(target.storage, gtidSentinel.to, () => fromBytes(text), { signal, logger }));
    },
  };
}

async function checkSameBackups(
  backups: readonly CopiedBackup[],
  { sources, target, signal }: CopyOptions,
): Promise<void> {
  const differences: string[] = [];
  for (const { name, targetName, source, isThere, sentinel } of backups) {
    const from = sources[source];
    if (!isThere || from === undefined) continue;
    const ours = await readSentinel(from.storage, name, { signal });
    const theirs = await readSentinel(target.storage, targetName, { signal });
    if (!isSameBackup(ours, theirs)) differences.push(`"${sentinel.to}", another backup of that name`);
  }
  if (differences.length > 0) throw new TargetDiffersError(differences);
}

/** Marks, names of bases and stored sizes are the affair of each archive. */
function isSameBackup(a: Sentinel, b: Sentinel): boolean {
  return (
    a.kind === b.kind &&
    a.startTime === b.startTime &&
    a.stopTime === b.stopTime &&
    a.hostname === b.hostname &&
    a.binlogStart === b.binlogStart &&
    a.uncompressedBytes === b.uncompressedBytes &&
    a.toLsn === b.toLsn
  );
}

async function writeNotes(backup: CopiedBackup, context: NotesContext): Promise<readonly StoredObject[]> {
  const { written, copier, options } = context;
  const stored: StoredObject[] = [...partsIn(written, backup)];
  for (const note of backup.notes) {
    const { to, object, state } = note;
    const isRewritten = to === streamMetadataKey(backup.targetName) && state !== 'present';
    if (isRewritten) {
      const sizeBytes = await writeStreamMetadata(note, context);
      copier.count(sizeBytes);
      stored.push({ key: to, sizeBytes });
    } else {
      await copier.copy(note);
      stored.push({ key: to, sizeBytes: written.get(to)?.sizeBytes ?? object.sizeBytes });
    }
  }
  return stored;

  /** Into a backup that is not complete yet: whatever is there of it was written by a copy that was cut off. */
  function writeStreamMetadata(note: CopiedObject, { copier: source }: NotesContext): Promise<number> {
    const { target, signal, logger, reencode } = options;
    return collect(source.read(note)).then((bytes) => {
      const text = reencode ? recompressed(bytes.toString(), target.codec.extension) : bytes.toString();
      return pushPlain(target.storage, note.to, () => fromBytes(Buffer.from(text)), { signal, logger });
    });
  }
}

/** `stream_metadata.json` of a copy whose parts have another suffix; what it does not know stays. */
function recompressed(text: string, extension: string): string {
  const metadata = parseJson(text, 'stream metadata');
  if (!isJsonObject(metadata)) throw new CorruptError('stream metadata is not a JSON object');
  return stringifyJson({ ...metadata, compression: extension === '' ? undefined : extension });
}

async function writeSentinel(
  backup: CopiedBackup,
  completes: readonly StoredObject[],
  { written, copier, options, prefix }: NotesContext & { readonly prefix: string },
): Promise<void> {
  const { target, signal, reencode } = options;
  const bytes = await collect(copier.read(backup.sentinel));
  const text = reencode || prefix !== '' ? rewritten(bytes.toString()) : bytes;
  await pushSentinel(target.storage, backup.targetName, Buffer.from(text), { signal, completes });
  copier.count(Buffer.byteLength(text));

  function rewritten(before: string): string {
    const what = `sentinel of "${backup.name}"`;
    const sentinel = parseSentinel(before, what);
    const isIncrement = prefix !== '' && sentinel.kind === 'increment';
    return rewriteSentinel(
      before,
      {
        ...(isIncrement ? { parent: prefix + sentinel.parent, root: prefix + sentinel.root } : {}),
        ...(reencode
          ? { compressedBytes: partsIn(written, backup).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) }
          : {}),
      },
      what,
    );
  }
}
