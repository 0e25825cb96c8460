/** The backup that an increment builds on, or why there is none. Rules: `mysql.md` 7 of the specification. */
import { BackupNotFoundError, findBackup, type BackupSelector } from '../../catalog/backup-store.ts';
import { ArchiverError } from '../../errors.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Abortable, Storage } from '../../storage/storage.ts';
import type { MysqlServer } from '../server/server.ts';
import { readBackupRecord, selectBackup, type BackupRecord } from './backup-record.ts';
import { readChain, type ChainLink } from './chain.ts';
import { isSameLineage } from './lineage.ts';
import { readPositionNote, type Lineage } from './position-note.ts';

/** What is wanted of an increment. */
export interface IncrementRequest {
  readonly maxSteps: number;
  readonly origin: 'LATEST' | 'LATEST_FULL';
  readonly selector: BackupSelector;
  /** The new backup is to be permanent. */
  readonly isPermanent: boolean;
}

/** What a base is compared with. */
export interface IncrementEvidence {
  readonly server: Pick<MysqlServer, 'flavor' | 'version' | 'serverUuid' | 'query'>;
  readonly hostname: string;
  readonly lineage: Lineage | undefined;
}

/** A backup that an increment can build on. */
export interface IncrementBase {
  readonly name: string;
  /** Pages changed after it are what the increment holds. */
  readonly lsn: bigint;
  readonly root: string;
  /** `DeltaCount` of the increment. */
  readonly steps: number;
  /** The full backup first, the base last. */
  readonly chain: readonly ChainLink[];
}

/** An increment of a server that has fewer pages than its base. */
export class RolledBackError extends ArchiverError {
  constructor(from: bigint, to: bigint) {
    super('config', `the increment ends at LSN ${to}, before LSN ${from} that it begins at`, {
      hint: 'The server was rolled back since the backup that it builds on, perhaps to a snapshot: make a full backup.',
    });
  }
}

/** A base, or the reason why there is none: then the backup is a full one. */
export type BaseChoice = { readonly base: IncrementBase } | { readonly base?: undefined; readonly reason: string };

/**
 * Chooses the base.
 *
 * @throws BackupNotFoundError for a name that is not there, AmbiguousBackupError for user data of several
 */
export async function chooseBase(
  storage: Storage,
  request: IncrementRequest,
  evidence: IncrementEvidence,
  options: Abortable & { readonly clock: Clock },
): Promise<BaseChoice> {
  const { maxSteps, origin, selector } = request;
  if (maxSteps === 0) return { reason: 'WALG_DELTA_MAX_STEPS is 0' };
  const candidate = await findCandidate(storage, selector, options);
  if (typeof candidate === 'string') return { reason: candidate };
  const { name, sentinel } = candidate;
  if (sentinel === undefined) return { reason: `the sentinel of "${name}" cannot be read` };
  const steps = (sentinel.kind === 'increment' ? sentinel.steps : 0) + 1;
  if (steps > maxSteps)
    return { reason: `"${name}" has ${steps - 1} increments below it, and the limit is ${maxSteps}` };
  if (sentinel.isPermanent && !request.isPermanent && origin !== 'LATEST_FULL') {
    return { reason: `"${name}" is permanent, and the new backup is not` };
  }
  const chain = await readIntactChain(storage, { backup: name, sentinel }, options);
  if (typeof chain === 'string') return { reason: chain };
  const links = origin === 'LATEST_FULL' ? chain.slice(0, 1) : chain;
  const base = links.at(-1);
  const root = links[0];
  if (base === undefined || root === undefined) throw new TypeError('a chain of no backups');
  const lsn = base.sentinel.toLsn;
  if (lsn === undefined) return { reason: `"${base.backup}" does not say up to which LSN it goes` };
  const doubt = await doubtAbout(storage, base, lsn, evidence, options);
  if (doubt !== undefined) return { reason: doubt };
  // Steps go on being counted, so that WALG_DELTA_MAX_STEPS brings a full backup now and then.
  return { base: { name: base.backup, lsn, root: root.backup, steps, chain: links } };
}

async function findCandidate(
  storage: Storage,
  selector: BackupSelector,
  options: Abortable & { readonly clock: Clock },
): Promise<BackupRecord | string> {
  try {
    if (selector.by === 'name') {
      return await readBackupRecord(storage, await findBackup(storage, selector.name, options), options);
    }
    return await selectBackup(storage, selector, options);
  } catch (error) {
    if (selector.by === 'name' || !(error instanceof BackupNotFoundError)) throw error;
    return selector.by === 'latest' ? 'there is no backup yet' : 'no backup has the given user data';
  }
}

/** A chain that a restore would refuse is nothing to build on. */
async function readIntactChain(
  storage: Storage,
  newest: ChainLink,
  options: Abortable,
): Promise<readonly ChainLink[] | string> {
  try {
    return await readChain(storage, newest, options);
  } catch (error) {
    if (!(error instanceof ArchiverError) || error.kind !== 'corrupt') throw error;
    return `"${newest.backup}" cannot be restored: ${error.message}`;
  }
}

/** Whether the server's pages may be others than those that the base was made of. */
async function doubtAbout(
  storage: Storage,
  { backup, sentinel }: ChainLink,
  lsn: bigint,
  { server, hostname, lineage }: IncrementEvidence,
  options: Abortable,
): Promise<string | undefined> {
  if (sentinel.hostname !== hostname) {
    return `"${backup}" was made on "${sentinel.hostname ?? '?'}", and this is "${hostname}"`;
  }
  if (sentinel.serverVersion !== server.version) {
    return `"${backup}" was made of version "${sentinel.serverVersion ?? '?'}", and the server is "${server.version}" now`;
  }
  const now = await currentLsn(server);
  if (now !== undefined && now < lsn) return `"${backup}" goes up to LSN ${lsn}, and the server is at LSN ${now} only`;
  if (server.flavor === 'mysql') {
    if (sentinel.serverUuid !== undefined && sentinel.serverUuid === server.serverUuid) return undefined;
    return `"${backup}" was made of another server (its UUID differs)`;
  }
  const note = await readPositionNote(storage, backup, options);
  if (note?.lineage === undefined) return `"${backup}" does not tell which data directory it was made of`;
  if (lineage === undefined) return 'the data directory of the server cannot be looked into from here';
  return isSameLineage(note.lineage, lineage) ? undefined : `the data directory is not the one that "${backup}" is of`;
}

async function currentLsn(server: Pick<MysqlServer, 'query'>): Promise<bigint | undefined> {
  // Of MariaDB, and of MySQL since 8.0.30.
  const names = `'Innodb_lsn_current', 'Innodb_redo_log_current_lsn'`;
  const [row] = await server.query(`SHOW GLOBAL STATUS WHERE Variable_name IN (${names})`);
  const text = row?.['Value'] ?? '';
  return /^\d+$/.test(text) ? BigInt(text) : undefined;
}
