/** The backup that a delta builds on: its choice, before the server is asked for a backup. Rules: `postgres-commands.md` 4.3. */
import { BackupNotFoundError, findBackup, type BackupSelector } from '../../catalog/backup-store.ts';
import type { TimeNs } from '../../catalog/time.ts';
import { ArchiverError } from '../../errors.ts';
import type { Abortable, Storage } from '../../storage/storage.ts';
import { readBackupRecord, readSentinel, type BackupRecord } from '../backup/backup-record.ts';
import { selectBackup } from '../backup/list.ts';
import { timelineOfBackup, walFileNameOf } from '../backup/names.ts';
import { readChain, type ChainLink } from '../restore/chain.ts';
import type { Lsn } from '../lsn.ts';

/** A backup that deltas can build on. */
export interface DeltaBase {
  readonly name: string;
  /** The timeline that it ended on. */
  readonly finishTimeline: number;
  readonly startLsn: Lsn;
  readonly finishLsn: Lsn;
  readonly startTime: TimeNs;
  readonly systemIdentifier: bigint | undefined;
  readonly pgVersion: number;
  /** The full backup at the root of its chain; itself if it is one. */
  readonly root: string;
  /** `DeltaCount` of a delta of it. */
  readonly steps: number;
  /** It and what it builds on, itself first. */
  readonly chain: readonly ChainLink[];
}

/** What is wanted. */
export interface BaseRequest {
  readonly maxSteps: number;
  readonly origin: 'LATEST' | 'LATEST_FULL';
  readonly selector: BackupSelector;
  /** The new backup is to be permanent. */
  readonly isPermanent: boolean;
}

/** A base, or the reason why there is none: then the backup is a full one. */
export type BaseChoice = { readonly base: DeltaBase } | { readonly base?: undefined; readonly reason: string };

/**
 * Chooses the base.
 *
 * @throws BackupNotFoundError for a name that is not there, AmbiguousBackupError for user data of several
 */
export async function chooseBase(storage: Storage, request: BaseRequest, options: Abortable): Promise<BaseChoice> {
  const { maxSteps, origin, selector } = request;
  if (maxSteps === 0) return { reason: 'WALG_DELTA_MAX_STEPS is 0' };
  let candidate: BackupRecord;
  try {
    candidate = await selectBackup(storage, selector, options);
  } catch (error) {
    if (selector.by === 'name' || !(error instanceof BackupNotFoundError)) throw error;
    return { reason: selector.by === 'latest' ? 'there is no backup yet' : 'no backup has the given user data' };
  }
  const { name, metadata } = candidate;
  if (candidate.problem !== undefined || metadata === undefined) {
    return { reason: `the metadata of "${name}" cannot be read: ${candidate.problem?.message ?? 'there is none'}` };
  }
  const found = await readIntactChain(storage, name, options);
  if (typeof found === 'string') return { reason: found };
  const [newest] = found;
  const steps = (newest?.sentinel.kind === 'delta' ? newest.sentinel.steps : 0) + 1;
  if (steps > maxSteps) return { reason: `"${name}" has ${steps - 1} deltas below it, and the limit is ${maxSteps}` };
  if (metadata.isPermanent && !request.isPermanent && origin !== 'LATEST_FULL') {
    return { reason: `"${name}" is permanent, and the new backup is not` };
  }
  if (origin === 'LATEST') return asBase(found, steps, metadata.startTime);
  const root = found.at(-1);
  if (root === undefined || root.backup === name) return asBase(found, steps, metadata.startTime);
  const rootRecord = await readBackupRecord(storage, await findBackup(storage, root.backup, options), options);
  if (rootRecord.metadata === undefined) return { reason: `the metadata of "${root.backup}" cannot be read` };
  return asBase([root], steps, rootRecord.metadata.startTime);
}

/** A chain that a restore would refuse is nothing to build on. */
async function readIntactChain(
  storage: Storage,
  name: string,
  options: Abortable,
): Promise<readonly ChainLink[] | string> {
  try {
    return await readChain(storage, { backup: name, sentinel: await readSentinel(storage, name, options) }, options);
  } catch (error) {
    const isDamaged = error instanceof ArchiverError && ['missing', 'corrupt'].includes(error.kind);
    if (!isDamaged) throw error;
    return `"${name}" cannot be restored: ${error.message}`;
  }
}

function asBase(chain: readonly ChainLink[], steps: number, startTime: TimeNs): BaseChoice {
  const [link] = chain;
  if (link === undefined) throw new TypeError('a chain of no backups');
  const { backup: name, sentinel } = link;
  const { startLsn, finishLsn, systemIdentifier, pgVersion } = sentinel;
  const finishTimeline = sentinel.finishTimeline ?? timelineOfBackup(name);
  if (startLsn === undefined || finishLsn === undefined || finishTimeline === undefined) {
    return { reason: `"${name}" does not say where in the WAL it began and ended` };
  }
  if (sentinel.dataDirectoryBytes === undefined) {
    return { reason: `"${name}" was made over the replication protocol, or by an old release` };
  }
  if (sentinel.filesMetadataDisabled) return { reason: `"${name}" has no files metadata` };
  const root = sentinel.kind === 'delta' ? sentinel.root : name;
  return {
    base: { name, finishTimeline, startLsn, finishLsn, startTime, systemIdentifier, pgVersion, root, steps, chain },
  };
}

/** Name of a delta that begins in this WAL file. */
export function deltaBackupName(walFileName: string, base: string): string {
  return `base_${walFileName}_D_${walFileNameOf(base)}`;
}
