/** Looks at a directory that is to be restored in place: it must be a stopped cluster, and the one that was backed up. */
import { lstatSync, readFileSync, readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { ArchiverError, codeOf, messageOf, type ErrorKind } from '../../errors.ts';
import { readStart } from '../../platform/files.ts';
import { DestinationError, requireEmpty } from '../backup/destination.ts';
import type { RestoreLayout } from '../backup/restore-target.ts';
import { controlFilePath } from '../pgdata.ts';
import { readMarker, type Marker } from './marker.ts';
import { isAlive, isRunning } from './process-identity.ts';

/** A cluster that is not running. */
export interface ExistingCluster {
  readonly systemIdentifier: bigint;
  /** Of a restore in place that was interrupted. */
  readonly marker: Marker | undefined;
}

/** Why a directory is not restored in place. */
export class InPlaceError extends ArchiverError {
  constructor(kind: ErrorKind, message: string, hint: string) {
    super(kind, message, { hint });
  }
}

const emptyHint = 'Leave --delta out to restore into an empty directory.';

/**
 * Examines the directory.
 *
 * @throws InPlaceError: kind `cannotWrite` when it holds no cluster, `busy` when a server or another restore may be at work
 *   in it
 */
export function examineCluster(dataDirectory: string): ExistingCluster {
  const marker = readMarker(dataDirectory);
  if (marker === undefined) requireCluster(dataDirectory);
  requireStopped(dataDirectory);
  if (marker !== undefined && isRunning(marker.process) && marker.process.pid !== process.pid) {
    throw new InPlaceError(
      'busy',
      `process ${marker.process.pid} is restoring into "${dataDirectory}"`,
      'Wait until it has ended.',
    );
  }
  const systemIdentifier = readIdentifier(dataDirectory) ?? marker?.systemIdentifier;
  if (systemIdentifier === undefined) throw noCluster(dataDirectory, `it has no "${controlFilePath}"`);
  return { systemIdentifier, marker };
}

/**
 * @param expected of the backup
 * @throws InPlaceError (kind `cannotWrite`) for another cluster
 */
export function requireSameCluster(
  dataDirectory: string,
  { systemIdentifier }: ExistingCluster,
  expected: bigint | undefined,
): void {
  if (systemIdentifier === expected) return;
  throw new InPlaceError(
    'cannotWrite',
    expected === undefined
      ? 'the backup does not tell which cluster it is of'
      : `the backup is of cluster ${expected}, and "${dataDirectory}" is cluster ${systemIdentifier}`,
    emptyHint,
  );
}

/** A server that starts before this is called again is refused from then on, by the missing `pg_control`. @throws InPlaceError (kind `busy`) */
export function requireStopped(dataDirectory: string): void {
  const path = join(dataDirectory, 'postmaster.pid');
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw new InPlaceError('busy', `cannot read "${path}": ${messageOf(error)}`, 'Stop the server first.');
  }
  const pid = Math.abs(Number.parseInt(text, 10));
  if (isAlive(pid)) {
    throw new InPlaceError('busy', `a server is running in "${dataDirectory}" (process ${pid})`, 'Stop it first.');
  }
  // It may run in another container, or on another machine that shares the disk.
  throw new InPlaceError(
    'busy',
    `"${path}" says that a server is running, though this machine has no process ${pid}`,
    'If no server runs in this directory, not in another container either, remove that file and run the restore again.',
  );
}

/**
 * Tablespaces may be written to where the cluster has them, where an interrupted restore has begun to put them, and
 * anywhere empty.
 *
 * @param mayMove the user has said where they go
 * @throws InPlaceError, DestinationError
 */
export function requireSameTablespaces(
  { destination, tablespaces }: RestoreLayout,
  { marker }: ExistingCluster,
  { mayMove }: { readonly mayMove: boolean },
): void {
  for (const [name, directory] of Object.entries(tablespaces)) {
    const link = join(destination, 'pg_tblspc', name);
    const present = leadsTo(link);
    if (present !== undefined && present === (realOf(directory) ?? directory)) continue;
    if (present !== undefined && !mayMove) {
      throw new InPlaceError(
        'cannotWrite',
        `tablespace "${name}" is in "${present}", and the restore would put it into "${directory}"`,
        'Say where tablespaces go by --restore-spec.',
      );
    }
    if (marker?.tablespaces[name] !== directory) requireEmpty(directory);
  }
  for (const name of entriesOf(join(destination, 'pg_tblspc'))) {
    const link = join(destination, 'pg_tblspc', name);
    if (Object.hasOwn(tablespaces, name) || !lstatSync(link).isSymbolicLink()) continue;
    throw new InPlaceError(
      'cannotWrite',
      `the backup has no tablespace "${name}", and the cluster has one in "${leadsTo(link) ?? 'a place that is gone'}"`,
      `Remove "${link}" and, unless another cluster uses it, the folder "PG_…" where it leads to: a recovery that makes the tablespace again must find it empty.`,
    );
  }
}

function requireCluster(dataDirectory: string): void {
  const isThere = (name: string, kind: 'isFile' | 'isDirectory'): boolean => {
    try {
      return lstatSync(join(dataDirectory, name))[kind]();
    } catch {
      return false;
    }
  };
  if (!isThere('PG_VERSION', 'isFile')) throw noCluster(dataDirectory, 'it has no "PG_VERSION"');
  if (!isThere('global', 'isDirectory')) throw noCluster(dataDirectory, 'it has no folder "global"');
}

function noCluster(dataDirectory: string, why: string): DestinationError {
  return new DestinationError(`"${dataDirectory}" is no data directory: ${why}`, { hint: emptyHint });
}

/** The first eight bytes: right even in a file that is damaged behind them. */
function readIdentifier(dataDirectory: string): bigint | undefined {
  try {
    const bytes = readStart(join(dataDirectory, controlFilePath), 8);
    return bytes.length < 8 ? undefined : bytes.readBigUInt64LE();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw new DestinationError(`cannot read "${controlFilePath}" of "${dataDirectory}": ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function leadsTo(link: string): string | undefined {
  try {
    if (!lstatSync(link).isSymbolicLink()) return link;
  } catch {
    return undefined;
  }
  return realOf(link) ?? 'a place that is gone';
}

function realOf(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

function entriesOf(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
