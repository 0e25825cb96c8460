/** The backups that a restore is made of: a full backup and the increments on top of it. */
import { ArchiverError, CorruptError } from '../../errors.ts';
import { ObjectNotFoundError } from '../../storage/errors.ts';
import type { Abortable, Storage } from '../../storage/storage.ts';
import { readSentinel } from './backup-record.ts';
import type { IncrementSentinel, Sentinel } from './sentinel.ts';

/** One backup of a chain. */
export interface ChainLink {
  readonly backup: string;
  readonly sentinel: Sentinel;
}

/** A chain that cannot be restored: a member is missing, or is not what the one above it builds on. */
export class BrokenChainError extends CorruptError {
  constructor(backup: string, what: string, cause?: unknown) {
    super(`backup "${backup}" ${what}`, {
      cause,
      hint: 'This backup cannot be restored; choose another one with backup-list, and replay binlogs from there.',
    });
  }
}

/**
 * Finds the backups that a backup needs.
 *
 * @returns the full one first, the given backup last
 * @throws BrokenChainError when one is missing or its LSNs do not continue the one below
 */
export async function readChain(
  storage: Storage,
  newest: ChainLink,
  options: Abortable = {},
): Promise<readonly ChainLink[]> {
  const chain: ChainLink[] = [newest];
  const seen = new Set([newest.backup]);
  for (let link = newest; link.sentinel.kind === 'increment';) {
    const { backup, sentinel } = link;
    if (seen.has(sentinel.parent)) throw new BrokenChainError(backup, 'builds on itself');
    seen.add(sentinel.parent);
    const parent = await readParent(storage, backup, sentinel, options);
    checkContinues(backup, sentinel, parent);
    link = { backup: sentinel.parent, sentinel: parent };
    chain.unshift(link);
  }
  return chain;
}

async function readParent(
  storage: Storage,
  backup: string,
  { parent }: IncrementSentinel,
  options: Abortable,
): Promise<Sentinel> {
  try {
    return await readSentinel(storage, parent, options);
  } catch (error) {
    if (error instanceof ObjectNotFoundError)
      throw new BrokenChainError(backup, `builds on "${parent}", which is not there`, error);
    if (error instanceof ArchiverError && error.kind === 'corrupt') {
      throw new BrokenChainError(backup, `builds on "${parent}", which is damaged: ${error.message}`, error);
    }
    throw error;
  }
}

/**
 * An increment holds all pages changed since its `from_lsn`: nothing is missing as long as that is not beyond the
 * `to_lsn` of what it is applied to. WAL-G's own, with WALG_DELTA_ORIGIN=LATEST_FULL, overlap.
 */
function checkContinues(backup: string, { parent, fromLsn }: IncrementSentinel, { toLsn }: Sentinel): void {
  if (fromLsn === undefined || toLsn === undefined || fromLsn <= toLsn) return;
  throw new BrokenChainError(backup, `begins at LSN ${fromLsn}, and "${parent}" ends at LSN ${toLsn}`);
}
