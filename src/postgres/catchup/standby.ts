/** The standby that a catchup is unpacked over: what it is, how far it came, and taking it out of service meanwhile. */
import { existsSync, lstatSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ArchiverError, codeOf, type ErrorKind } from '../../errors.ts';
import { readStart, syncFolder } from '../../platform/files.ts';
import { labelMember } from '../backup/names.ts';
import { controlFileBytes, parseControlFile, type ClusterState, type ControlFile } from '../control-file.ts';
import { requireStopped } from '../in-place/existing-cluster.ts';
import { formatLsn, parseLsn, type Lsn } from '../lsn.ts';
import { controlFilePath } from '../pgdata.ts';

/** The control file of the standby while a catchup is unpacked: it tells how far the standby had come before. */
const setAsidePath = `${controlFilePath}.before_catchup`;
/** Where the catchup ends that is being unpacked: the files may have its changes, also when it was interrupted. */
const endPath = `${setAsidePath}.end`;

/** A stopped standby. */
export interface Standby {
  readonly dataDirectory: string;
  readonly control: ControlFile;
  /** End of a catchup that was interrupted. */
  readonly interruptedEnd?: Lsn | undefined;
}

/** Why a directory cannot be caught up. */
export class CatchupError extends ArchiverError {
  constructor(kind: ErrorKind, message: string, hint: string) {
    super(kind, message, { hint });
  }
}

/** In these states the files have all changes before the redo position, and none that the primary does not have. */
const goodStates: readonly ClusterState[] = ['shut down', 'shut down in recovery', 'in archive recovery'];

/**
 * Examines a data directory.
 *
 * @throws CatchupError: kind `busy` when a server may be running in it, `cannotWrite` when it is no standby that can go on
 *   from where it is
 */
export function examineStandby(dataDirectory: string): Standby {
  requireStopped(dataDirectory);
  const path = [controlFilePath, setAsidePath]
    .map((name) => join(dataDirectory, name))
    .find((candidate) => existsSync(candidate));
  if (path === undefined) throw noStandby(dataDirectory, `it has no "${controlFilePath}"`);
  if (!existsSync(join(dataDirectory, 'standby.signal'))) {
    throw noStandby(dataDirectory, 'it has no "standby.signal", so a server would not follow its primary');
  }
  const control = parseControlFile(readStart(path, controlFileBytes));
  if (!goodStates.includes(control.state)) {
    throw noStandby(dataDirectory, `its state is "${control.state}"`);
  }
  // What an interrupted catchup has left beside the control file that it set aside is its own label.
  const isInterrupted = !path.endsWith(controlFilePath);
  if (!isInterrupted && isFile(join(dataDirectory, labelMember))) {
    throw noStandby(dataDirectory, `its "${labelMember}" says that it was restored and never started`);
  }
  const end = join(dataDirectory, endPath);
  const interruptedEnd = isInterrupted && existsSync(end) ? parseLsn(readFileSync(end, 'utf8')) : undefined;
  return { dataDirectory, control, interruptedEnd };
}

/** Where the standby is: all changes before are in its files. */
export function reachedLsn({ control }: Standby): ControlFile['checkpoint']['redo'] {
  return control.checkpoint.redo;
}

/**
 * From now on no server starts in it.
 *
 * @param end of the catchup that is unpacked then
 * @throws InPlaceError (kind `busy`) when one has started meanwhile: nothing is changed then
 */
export function takeOutOfService({ dataDirectory }: Standby, end: Lsn): void {
  requireStopped(dataDirectory);
  const noted = join(dataDirectory, endPath);
  writeFileSync(`${noted}.tmp`, formatLsn(end), { mode: 0o600, flush: true });
  renameSync(`${noted}.tmp`, noted);
  const path = join(dataDirectory, controlFilePath);
  const aside = join(dataDirectory, setAsidePath);
  let isOurs = true;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    // An interrupted catchup has done it.
    isOurs = false;
  }
  try {
    // It may have started between the look and the deed.
    requireStopped(dataDirectory);
  } catch (error) {
    if (isOurs) {
      renameSync(aside, path);
      rmSync(noted, { force: true });
    }
    throw error;
  }
  syncFolder(join(dataDirectory, 'global'));
}

/** Removes what was kept of before, once there is another control file. */
export function forgetSetAside({ dataDirectory }: Standby): void {
  for (const path of [setAsidePath, endPath]) rmSync(join(dataDirectory, path), { force: true });
}

function noStandby(dataDirectory: string, why: string): CatchupError {
  return new CatchupError(
    'cannotWrite',
    `"${dataDirectory}" is no standby that can be caught up: ${why}`,
    'A catchup needs a standby that was running and was stopped; make a new one by backup-fetch instead.',
  );
}

function isFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
