/** What a cluster that is restored in place has on disk, beside what the backup has. */
import { lstatSync, readdirSync, type Dirent, type Stats } from 'node:fs';
import { createTurns } from '../../bytes/turns.ts';
import { codeOf, messageOf } from '../../errors.ts';
import { DestinationError } from '../backup/destination.ts';
import type { MemberPath } from '../backup/member-path.ts';
import type { RestoreLayout } from '../backup/restore-target.ts';
import { controlFilePath } from '../pgdata.ts';
import type { NameSet } from '../restore/name-set.ts';
import { markerName } from './marker.ts';

/** Something on disk that the backup does not have, or not like that. */
export interface Surplus {
  /** Absolute. */
  readonly local: string;
  readonly type: 'directory' | 'link' | 'other';
  readonly sizeBytes: number;
}

/** What was found; arrays go by the numbers of the names of the backup. */
export interface LocalFiles {
  /** Sizes of files; −1: no such file. */
  readonly sizes: Float64Array;
  readonly modes: Uint16Array;
  /** In the order of removal: what is in a directory before it. */
  readonly surplus: readonly Surplus[];
  /** Absolute paths of all directories that were gone through. */
  readonly directories: readonly string[];
}

/** What to go through. */
export interface LocalFilesOptions {
  readonly layout: RestoreLayout;
  /** Of all members of the backup. */
  readonly names: NameSet;
  /** Members that the backup has and that are not restored. */
  readonly leaveOut: readonly MemberPath[];
  readonly signal: AbortSignal;
}

/** Logs of the server are in no backup; they are kept, since they may tell why it is restored. */
const logFolders: readonly MemberPath[] = ['log', 'pg_log'];

/**
 * Goes through a data directory and its tablespaces, without following any link. In the directory of a tablespace, which
 * clusters of several versions may share, only what has the name of a folder of the backup counts.
 *
 * @throws DestinationError
 */
export async function findLocalFiles({ layout, names, leaveOut, signal }: LocalFilesOptions): Promise<LocalFiles> {
  const sizes = new Float64Array(names.size).fill(-1);
  const modes = new Uint16Array(names.size);
  const surplus: Surplus[] = [];
  const directories: string[] = [];
  const kept = new Set<MemberPath>([markerName, controlFilePath]);
  const ignored = new Set(leaveOut);
  const roots = new Set(Object.values(layout.tablespaces));
  const turn = createTurns();

  async function visit(directory: string, prefix: MemberPath): Promise<void> {
    directories.push(directory);
    for (const entry of entriesOf(directory)) {
      signal.throwIfAborted();
      await turn();
      const local = `${directory}/${entry.name}`;
      const path = `${prefix}${entry.name}`;
      if (kept.has(path)) continue;
      if (entry.isDirectory()) await visitDirectory(local, path);
      else visitFile(local, path);
    }
  }

  async function visitDirectory(local: string, path: MemberPath): Promise<void> {
    // Of a file system, not of the server.
    if (path === 'lost+found') return;
    if (roots.has(local) || logFolders.includes(path)) return;
    await visit(local, `${path}/`);
    if (names.numberOf(path) === undefined) surplus.push({ local, type: 'directory', sizeBytes: 0 });
  }

  function visitFile(local: string, path: MemberPath): void {
    const stats = statsOf(local);
    if (stats === undefined) return;
    const number = ignored.has(path) ? undefined : names.numberOf(path);
    // A file that has another name elsewhere would change there, too.
    if (number === undefined || !stats.isFile() || stats.nlink > 1) {
      const type = stats.isSymbolicLink() ? 'link' : 'other';
      surplus.push({ local, type, sizeBytes: stats.isFile() ? stats.size : 0 });
      return;
    }
    sizes[number] = stats.size;
    modes[number] = stats.mode & 0o7777;
  }

  await visit(layout.destination, '');
  for (const [path, local] of tablespaceFolders(layout, names)) await visit(local, `${path}/`);
  return { sizes, modes, surplus, directories };
}

/** The folders of the backup directly in tablespaces, `pg_tblspc/16384/PG_17_202406281`, and where they are. */
function tablespaceFolders({ tablespaces }: RestoreLayout, names: NameSet): ReadonlyMap<MemberPath, string> {
  const folders = new Map<MemberPath, string>();
  if (Object.keys(tablespaces).length === 0) return folders;
  for (const [, name] of names.entries()) {
    const [path, oid = '', folder = ''] = /^pg_tblspc\/([^/]+)\/([^/]+)/.exec(name) ?? [];
    const root = Object.hasOwn(tablespaces, oid) ? tablespaces[oid] : undefined;
    const local = `${root}/${folder}`;
    if (path !== undefined && root !== undefined && statsOf(local)?.isDirectory() === true) folders.set(path, local);
  }
  return folders;
}

function entriesOf(directory: string): readonly Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    throw unreadable(directory, error);
  }
}

function statsOf(local: string): Stats | undefined {
  try {
    return lstatSync(local);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw unreadable(local, error);
  }
}

function unreadable(path: string, error: unknown): DestinationError {
  return new DestinationError(`cannot read "${path}": ${messageOf(error)}`, {
    cause: error,
    hint: 'Run the restore as the operating system user that owns the data directory (usually postgres).',
  });
}
