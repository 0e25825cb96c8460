/**
 * Copies what a plan says: parts and WAL, then what is written about the backups, then the sentinels one after the other.
 * Nothing is replaced but what a copy may replace. What was copied stays when a run ends early; the next one goes on with
 * the rest.
 */
import { CorruptError } from '../../errors.ts';
import { mapConcurrently } from '../../pipeline/concurrency.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Key, ObjectInfo } from '../../storage/storage.ts';
import { isPartial } from './copied-names.ts';
import { writeNotes, writeSentinel } from './copied-notes.ts';
import { ObjectCopier, type CopyOptions, type CopyResult } from './object-copier.ts';
import type { CopiedObject, CopyPlan } from './plan.ts';
import { checkSameBackups } from './same-content.ts';

/** WAL-G takes the backup with the youngest sentinel for the newest, so that no two may have the same time. */
const pauseBetweenSentinelsMs = { local: 20, remote: 1100 };

/**
 * @throws TargetDiffersError; the storages' errors; CorruptError when the source changed or is damaged. What was copied up
 *   to then stays
 */
export async function copyArchive(plan: CopyPlan, options: CopyOptions): Promise<CopyResult> {
  const { sources, target, concurrency, signal, logger, clock, reencode } = options;
  await checkSameBackups(plan.backups, { sources, target, signal });
  const copier = new ObjectCopier(options);
  const payload = [...plan.backups.flatMap(({ parts }) => parts), ...plan.wal];
  await mapConcurrently(payload, concurrency, (one) => copier.copy(one));
  const written = await listAll(target, signal);
  checkArrived(payload, written, { reencode });
  const pauseMs = pauseBetweenSentinelsMs[target.storage.isRemote === true ? 'remote' : 'local'];
  for (const backup of plan.backups) {
    options.check?.();
    const completes = await writeNotes(backup, { written, copier, options });
    if (backup.isThere) {
      copier.count(undefined);
      continue;
    }
    await clock.sleep(pauseMs, signal);
    await writeSentinel(backup, completes, { written, copier, options });
    logger.info('backup copied', { backup: backup.name, objects: completes.length + 1 });
  }
  return copier.result();
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
