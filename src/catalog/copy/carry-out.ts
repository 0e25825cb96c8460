/**
 * Copies what a plan says: parts and logs, then what is written about the backups, then the sentinels one after the other.
 * Nothing is replaced but what a copy may replace. What was copied stays when a run ends early; the next one goes on with
 * the rest. What the notes of a database's backups are is known to the steps that it gives.
 */
import { CorruptError } from '../../errors.ts';
import { mapConcurrently } from '../../pipeline/concurrency.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Key, ObjectInfo, StoredObject } from '../../storage/storage.ts';
import { isPartial } from './copied-names.ts';
import type { CopiedObject } from './copied-object.ts';
import { ObjectCopier, type CopyOptions, type CopyResult } from './object-copier.ts';
import type { CopiedBackup, CopyPlan } from './plan.ts';

/** WAL-G takes the backup with the youngest sentinel for the newest, so that no two may have the same time. */
const pauseBetweenSentinelsMs = { local: 20, remote: 1100 };

/** A copy of which the parts are there. */
export interface NotesContext {
  /** The listing of the target, with the parts. */
  readonly written: ReadonlyMap<Key, ObjectInfo>;
  readonly copier: ObjectCopier;
  readonly options: CopyOptions;
}

/** What a copy of one database's backups does in its own way. */
export interface CopySteps {
  /** Makes sure that what the target has under the names of backups are copies of them. @throws TargetDiffersError */
  checkSameBackups(backups: readonly CopiedBackup[], options: CopyOptions): Promise<void>;
  /** Writes what the target lacks of the notes; returns all objects that the backup consists of but its sentinel. */
  writeNotes(backup: CopiedBackup, context: NotesContext): Promise<readonly StoredObject[]>;
  /** Writes the sentinel, with which the copy exists. @throws ObjectExistsError when there is another one meanwhile */
  writeSentinel(backup: CopiedBackup, completes: readonly StoredObject[], context: NotesContext): Promise<void>;
  /** What is written when all backups are there. */
  finish?(plan: CopyPlan, context: NotesContext): Promise<void>;
}

/**
 * @throws TargetDiffersError; the storages' errors; CorruptError when the source changed or is damaged. What was copied up
 *   to then stays
 */
export async function copyArchive(plan: CopyPlan, options: CopyOptions, steps: CopySteps): Promise<CopyResult> {
  const { target, concurrency, signal, logger, clock, reencode } = options;
  await steps.checkSameBackups(plan.backups, options);
  const copier = new ObjectCopier(options);
  const payload = [...plan.backups.flatMap(({ parts }) => parts), ...plan.logs];
  await mapConcurrently(payload, concurrency, (one) => copier.copy(one));
  const written = await listAll(target, signal);
  checkArrived(payload, written, { reencode });
  const pauseMs = pauseBetweenSentinelsMs[target.storage.isRemote === true ? 'remote' : 'local'];
  for (const backup of plan.backups) {
    options.check?.();
    const completes = await steps.writeNotes(backup, { written, copier, options });
    if (backup.isThere) {
      copier.count(undefined);
      continue;
    }
    await clock.sleep(pauseMs, signal);
    await steps.writeSentinel(backup, completes, { written, copier, options });
    logger.info('backup copied', { backup: backup.targetName, objects: completes.length + 1 });
  }
  await steps.finish?.(plan, { written, copier, options });
  return copier.result();
}

/** The parts of a backup as the target has them. */
export function partsIn(written: ReadonlyMap<Key, ObjectInfo>, { parts }: CopiedBackup): readonly StoredObject[] {
  return parts.map(({ to }) => ({ key: to, sizeBytes: written.get(to)?.sizeBytes ?? 0 }));
}

/** Everything below the prefix of an archive, by key. */
export async function listAll({ storage }: Transport, signal: AbortSignal): Promise<ReadonlyMap<Key, ObjectInfo>> {
  const found = new Map<Key, ObjectInfo>();
  for await (const info of storage.list('', { recursive: true, signal })) {
    if (info.kind === 'object') found.set(info.key, info);
  }
  return found;
}

/** Before anything makes a backup of it, all must be where it was written to, and as long. */
function checkArrived(
  payload: readonly CopiedObject[],
  written: ReadonlyMap<Key, ObjectInfo>,
  { reencode }: Pick<CopyOptions, 'reencode'>,
): void {
  for (const { object, to } of payload) {
    const there = written.get(to);
    if (isPartial(to) || (there !== undefined && (reencode || there.sizeBytes === object.sizeBytes))) continue;
    throw new CorruptError(`"${to}" is not in the target as it was written`, {
      hint: 'Someone else writes to or deletes from the target. Copy again when that has ended.',
    });
  }
}
