/** The backups that a restore is made of: a full backup and the deltas on top of it. */
import { ArchiverError, CorruptError } from '../../errors.ts';
import { ObjectNotFoundError } from '../../storage/errors.ts';
import type { Abortable, Storage } from '../../storage/storage.ts';
import { readSentinel } from '../backup/backup-record.ts';
import type { DeltaSentinel, Sentinel } from '../backup/sentinel.ts';
import { formatLsn } from '../lsn.ts';

/** One backup of a chain. */
export interface ChainLink {
  readonly backup: string;
  readonly sentinel: Sentinel;
}

/** A chain that cannot be restored: a member is missing, or is not what the one above it builds on. */
export class BrokenChainError extends CorruptError {
  constructor(backup: string, what: string) {
    super(`backup "${backup}" ${what}`, {
      hint: 'This backup cannot be restored; choose another one with backup-list, such as the full backup it builds on, and recover from there.',
    });
  }
}

/**
 * Finds the backups that a backup needs, down to the full one.
 *
 * @returns the given backup first, the full one last
 * @throws BrokenChainError
 */
export async function readChain(
  storage: Storage,
  newest: ChainLink,
  options: Abortable,
): Promise<readonly ChainLink[]> {
  const chain: ChainLink[] = [newest];
  const seen = new Set([newest.backup]);
  for (let link = newest; link.sentinel.kind === 'delta';) {
    const { backup, sentinel } = link;
    if (seen.has(sentinel.parent)) throw new BrokenChainError(backup, 'builds on itself');
    seen.add(sentinel.parent);
    const parent = await readParent(storage, backup, sentinel, options);
    checkParent(backup, sentinel, parent);
    link = { backup: sentinel.parent, sentinel: parent };
    chain.push(link);
  }
  return chain;
}

async function readParent(
  storage: Storage,
  backup: string,
  { parent }: DeltaSentinel,
  options: Abortable,
): Promise<Sentinel> {
  try {
    return await readSentinel(storage, parent, options);
  } catch (error) {
    if (!(error instanceof ObjectNotFoundError)) throw error;
    throw new BrokenChainError(backup, `builds on "${parent}", which is not there`);
  }
}

function checkParent(backup: string, child: DeltaSentinel, parent: Sentinel): void {
  const [root, steps] = parent.kind === 'full' ? [child.parent, 1] : [parent.root, parent.steps + 1];
  // With WALG_DELTA_ORIGIN=LATEST_FULL every delta is of the full backup, and they count on all the same.
  const countsOn = parent.kind === 'full' && child.steps > steps;
  if ((child.steps !== steps && !countsOn) || child.root !== root) {
    throw new BrokenChainError(
      backup,
      `calls itself delta ${child.steps} on "${child.root}", and with "${child.parent}", on which it builds, it is delta ${steps} on "${root}"`,
    );
  }
  const { startLsn, finishLsn, systemIdentifier } = parent;
  if (startLsn !== child.parentLsn) {
    const start = startLsn === undefined ? 'nobody knows where' : `at ${formatLsn(startLsn)}`;
    throw new BrokenChainError(
      backup,
      `builds on a backup that began at ${formatLsn(child.parentLsn)}, and "${child.parent}" began ${start}`,
    );
  }
  if (finishLsn !== undefined && child.startLsn !== undefined && finishLsn > child.startLsn) {
    throw new BrokenChainError(backup, `began before "${child.parent}", on which it builds, had ended`);
  }
  const identifiers = [child.systemIdentifier, systemIdentifier];
  if (!identifiers.includes(undefined) && child.systemIdentifier !== systemIdentifier) {
    throw new BrokenChainError(backup, `and "${child.parent}", on which it builds, are of different clusters`);
  }
}

/** Says which member of a chain an error is about. */
export function inChain(link: ChainLink, newest: string, error: unknown): unknown {
  if (link.backup === newest || !(error instanceof ArchiverError) || error.message.includes(link.backup)) return error;
  return new ArchiverError(error.kind, `"${link.backup}", on which "${newest}" builds: ${error.message}`, {
    cause: error,
    hint: error.hint,
  });
}
