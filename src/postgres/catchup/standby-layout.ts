/** Where the files of a catchup go on a standby, and whether those that they build on are there. */
import { lstatSync, mkdirSync, readdirSync, realpathSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { CorruptError, messageOf } from '../../errors.ts';
import { makeDestination, requireEmpty } from '../backup/destination.ts';
import type { MemberPath } from '../backup/member-path.ts';
import { localPath, type RestoreLayout } from '../backup/restore-target.ts';
import { planTablespaces } from '../backup/tablespaces.ts';
import type { TablespaceSpec } from '../backup/tablespace-spec.ts';
import type { ChainPlan } from '../restore/chain-plan.ts';
import { CatchupError } from './standby.ts';

/** A data directory with its tablespaces. */
export interface StandbyLayout extends RestoreLayout {
  /** Of these tablespaces the standby knows nothing yet: their directories and links are to be made. */
  readonly newTablespaces: readonly string[];
  /** Directories that are symbolic links there: they stay. */
  readonly linkedDirectories: readonly MemberPath[];
}

/**
 * Tablespaces are where the standby has them; those that came since go where the primary has them, and must be empty.
 *
 * @throws DestinationError; CorruptError for what is no tablespace
 */
export function layoutOfStandby(dataDirectory: string, recorded: TablespaceSpec | undefined): StandbyLayout {
  // Everything where it was: the primary's locations, checked to be ones.
  const { directories } = planTablespaces({
    destination: recorded?.basePrefix ?? dataDirectory,
    recorded,
    spec: undefined,
  });
  const tablespaces: Record<string, string> = {};
  const newTablespaces: string[] = [];
  for (const [name, location] of Object.entries(directories)) {
    const link = join(dataDirectory, 'pg_tblspc', name);
    const stats = lstatSync(link, { throwIfNoEntry: false });
    if (stats === undefined) {
      requireEmpty(location);
      newTablespaces.push(name);
    }
    if (stats?.isDirectory() !== true) tablespaces[name] = stats === undefined ? location : targetOf(link);
  }
  const linkedDirectories = readdirSync(dataDirectory, { withFileTypes: true })
    .filter((entry) => entry.isSymbolicLink())
    .map((entry) => entry.name);
  return { destination: dataDirectory, tablespaces, newTablespaces, linkedDirectories };
}

function targetOf(link: string): string {
  try {
    return realpathSync(link);
  } catch (error) {
    throw new CatchupError(
      'cannotWrite',
      `cannot follow "${link}": ${messageOf(error)}`,
      'Repair the tablespace first.',
    );
  }
}

/** Makes the directories and links of new tablespaces. */
export function makeNewTablespaces({ destination, tablespaces, newTablespaces }: StandbyLayout): void {
  for (const name of newTablespaces) {
    const location = tablespaces[name] ?? '';
    makeDestination(location, 0o755);
    mkdirSync(join(destination, 'pg_tblspc'), { recursive: true, mode: 0o700 });
    symlinkSync(location, join(destination, 'pg_tblspc', name));
  }
}

/**
 * Makes sure that the standby has what the catchup builds on.
 *
 * @throws CatchupError (kind `cannotWrite`) when a file is missing of which the catchup has changed pages only
 */
export function requireFiles({ steps: [{ backup, files }], names }: ChainPlan, layout: StandbyLayout): void {
  if (names === undefined || files === undefined) throw new CorruptError(`"${backup}" has no list of its files`);
  const linked = new Set(layout.linkedDirectories);
  for (const [number, path] of names.entries()) {
    const action = files.actionOf(number);
    const [first = ''] = path.split('/');
    if (action !== undefined && path.includes('/') && linked.has(first)) {
      throw new CatchupError(
        'cannotWrite',
        `"${first}" of the standby is a symbolic link, and "${path}" would be written through it`,
        'Make it a directory first.',
      );
    }
    if (action !== 'increment') continue;
    if (lstatSync(localPath(layout, path), { throwIfNoEntry: false })?.isFile() === true) continue;
    throw new CatchupError(
      'cannotWrite',
      `the standby lacks "${path}", of which "${backup}" has only the pages that changed`,
      'A database that was made by copying files, or moved, has old pages in new files. Push again with --from-lsn 0, which takes everything, or make a new standby.',
    );
  }
}
