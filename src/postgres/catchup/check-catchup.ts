/** Whether a catchup fits a standby: together they must be what the primary was, and nothing else. */
import type { Transport } from '../../pipeline/transport.ts';
import type { Abortable } from '../../storage/storage.ts';
import { timelineOfBackup } from '../backup/names.ts';
import type { Sentinel } from '../backup/sentinel.ts';
import type { ControlFile } from '../control-file.ts';
import { readArchivedHistory, readLocalHistory } from '../history-files.ts';
import { formatLsn } from '../lsn.ts';
import { historyFileName, leadsThrough, parseTimelineHistory, spansOf } from '../timeline.ts';
import { CatchupError, reachedLsn, type Standby } from './standby.ts';

/**
 * Checks that both are of one cluster.
 *
 * @param identifier of the catchup; undefined: nobody knows
 * @throws CatchupError (kind `cannotWrite`)
 */
export function checkCluster(name: string, identifier: bigint | undefined, { control }: Standby): void {
  if (identifier === control.systemIdentifier) return;
  throw new CatchupError(
    'cannotWrite',
    `"${name}" is of cluster ${identifier ?? 'unknown'}, the standby is of cluster ${control.systemIdentifier}`,
    'Name a standby and a catchup of the same cluster.',
  );
}

/**
 * Checks that both have checksums of pages, or both have none: turning these on or off changes pages without their LSN.
 *
 * @param contents of the catchup's control file; undefined: of an unknown version
 * @throws CatchupError (kind `cannotWrite`)
 */
export function checkChecksums(name: string, contents: ControlFile | undefined, { control }: Standby): void {
  if (contents === undefined || contents.dataChecksumVersion === control.dataChecksumVersion) return;
  throw new CatchupError(
    'cannotWrite',
    `checksums of pages are ${contents.dataChecksumVersion === 0 ? 'off' : 'on'} in "${name}", and not so on the standby`,
    'Run pg_checksums on the stopped standby, too, or make a new one by backup-fetch.',
  );
}

/**
 * Checks that it begins no later than the standby has come, and that the primary's history leads through where the standby
 * is.
 *
 * @param archive where history files are, beside the standby's own
 * @throws CatchupError (kind `usage`) when another catchup is needed, (kind `cannotWrite`) when none helps
 */
export async function checkCatchup(
  catchup: { readonly name: string; readonly sentinel: Sentinel },
  standby: Standby,
  archive: Transport,
  options: Abortable,
): Promise<void> {
  const { name, sentinel } = catchup;
  const reached = reachedLsn(standby);
  if (sentinel.kind !== 'delta' || sentinel.parentLsn > reached) {
    const from = sentinel.kind === 'delta' ? formatLsn(sentinel.parentLsn) : 'an unknown LSN';
    throw new CatchupError(
      'usage',
      `"${name}" has the changes from ${from} on, and the standby has those before ${formatLsn(reached)} only`,
      `Push another on the primary: catchup-push … --from-lsn ${reached}`,
    );
  }
  const end = endOf(standby);
  if (sentinel.finishLsn === undefined || sentinel.finishLsn < end.lsn) {
    throw new CatchupError(
      'usage',
      `"${name}" is older than the standby, whose files go up to ${formatLsn(end.lsn)}`,
      `If the standby still lacks WAL, push another on the primary: catchup-push … --from-lsn ${reached}`,
    );
  }
  const { interruptedEnd } = standby;
  if (interruptedEnd !== undefined && sentinel.finishLsn < interruptedEnd) {
    throw new CatchupError(
      'usage',
      `"${name}" is older than the catchup that was interrupted, which has left files up to ${formatLsn(interruptedEnd)}`,
      `Run catchup-fetch with that one again, or with a newer one: catchup-push … --from-lsn ${reached}`,
    );
  }
  await checkHistory(name, standby, archive, options);
}

async function checkHistory(name: string, standby: Standby, archive: Transport, options: Abortable): Promise<void> {
  const end = endOf(standby);
  const timeline = timelineOfBackup(name);
  if (timeline === end.timeline) return;
  const elsewhere = `the standby is on timeline ${end.timeline}, and "${name}" is of timeline ${timeline ?? 'none'}`;
  const hint = 'Make a new standby by backup-fetch.';
  if (timeline === undefined || timeline < end.timeline) throw new CatchupError('cannotWrite', elsewhere, hint);
  const text =
    readLocalHistory(standby.dataDirectory, timeline) ?? (await readArchivedHistory(archive, timeline, options));
  if (text === undefined) {
    throw new CatchupError(
      'cannotWrite',
      `${elsewhere}: without "${historyFileName(timeline)}" it cannot be told whether one leads to the other`,
      `Copy that file from pg_wal of the primary to pg_wal of the standby.`,
    );
  }
  if (leadsThrough(spansOf(timeline, parseTimelineHistory(text, timeline)), end.timeline, end.lsn)) return;
  throw new CatchupError(
    'cannotWrite',
    `${elsewhere}, which branched off before ${formatLsn(end.lsn)}, where the standby is`,
    hint,
  );
}

/** The files may have changes up to here. */
function endOf({ control: { checkpoint, minRecoveryPoint } }: Standby): ControlFile['minRecoveryPoint'] {
  return minRecoveryPoint.lsn > checkpoint.lsn ? minRecoveryPoint : checkpoint;
}
