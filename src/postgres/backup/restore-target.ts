/**
 * Where a backup is restored to: a directory, and one for each tablespace, empty or (in place) cleared. Files are written through here
 * only, and never through a symbolic link: links of the backup are made when everything else is in place.
 */
import { constants, fchmodSync, fstatSync, ftruncateSync, lstatSync, mkdirSync } from 'node:fs';
import type { TarSink } from '../../archive/reader.ts';
import { codeOf } from '../../errors.ts';
import { writeAll, writeAllAt } from '../../platform/files.ts';
import { openComparedPages, openComparedSink } from '../in-place/compared-file.ts';
import type { PagedFile } from '../restore/page-sink.ts';
import { createFlusher, FlushError, type Flusher } from './flusher.ts';
import { openLocalFile, restoreError } from './local-file.ts';
import { HostileMemberError, type MemberPath } from './member-path.ts';

/** Directories of a restore, all absolute. Plain data: jobs of workers hold it. */
export interface RestoreLayout {
  readonly destination: string;
  /** By the name of the link in `pg_tblspc`: where members below it go instead. */
  readonly tablespaces: Readonly<Record<string, string>>;
}

/** The local path of a member. */
export function localPath(layout: RestoreLayout, path: MemberPath): string {
  const { root, below } = rootOf(layout, path);
  return below === '' ? root : `${root}/${below}`;
}

function rootOf(layout: RestoreLayout, path: MemberPath): { readonly root: string; readonly below: string } {
  const [, name = '', below = ''] = /^pg_tblspc\/([^/]+)(?:\/(.*))?$/s.exec(path) ?? [];
  const root = Object.hasOwn(layout.tablespaces, name) ? layout.tablespaces[name] : undefined;
  return root === undefined ? { root: layout.destination, below: path } : { root, below };
}

/** One thread's access to a restore. */
export interface RestoreTarget {
  /** Makes a directory and those above it, each for its owner only. */
  makeDirectory(path: MemberPath): void;
  /** Opens a file to write; one that a failed attempt left is replaced. */
  openFile(path: MemberPath, mode: number): TarSink;
  /**
   * Opens a file to write pages of it.
   *
   * @param mode to make the file with, or to give it; undefined: it must be there, else that throws a CorruptError
   */
  openPages(path: MemberPath, mode: number | undefined): PagedFile;
  /** Absolute paths of all directories that were written to. */
  touched(): readonly string[];
  /** Waits until all files are closed and, where that is wanted, on disk. Call it also after a failure. */
  settled(): Promise<void>;
}

/**
 * Opens the target.
 *
 * Everything it does throws HostileMemberError when something in the way is no directory, and an ArchiverError
 * (kind `cannotWrite`) when the file system refuses.
 *
 * @param how.durable what was written is on disk when `settled` resolves
 * @param how.inPlace files that are there are compared with what comes, and only what differs is written
 */
export function openRestoreTarget(
  layout: RestoreLayout,
  { durable, inPlace }: { readonly durable: boolean; readonly inPlace: boolean },
): RestoreTarget {
  const flusher = durable ? createFlusher() : undefined;
  const ready = new Set([layout.destination, ...Object.values(layout.tablespaces)]);

  function makeReady(directory: string, path: MemberPath): void {
    if (ready.has(directory)) return;
    makeReady(directory.slice(0, directory.lastIndexOf('/')), path);
    try {
      mkdirSync(directory, 0o700);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw restoreError(error, directory, path);
      if (!lstatSync(directory).isDirectory()) throw new HostileMemberError(path, 'goes through a file or link');
    }
    ready.add(directory);
  }

  return {
    makeDirectory(path) {
      makeReady(localPath(layout, path), path);
    },
    openFile(path, mode) {
      const local = localPath(layout, path);
      makeReady(local.slice(0, local.lastIndexOf('/')), path);
      return (inPlace ? openComparedSink : openSink)(local, path, { mode, flusher });
    },
    openPages(path, mode) {
      const local = localPath(layout, path);
      makeReady(local.slice(0, local.lastIndexOf('/')), path);
      return (inPlace ? openComparedPages : openPagedFile)(local, path, { mode, flusher });
    },
    touched: () => [...ready],
    async settled() {
      try {
        await flusher?.drained();
      } catch (error) {
        if (!(error instanceof FlushError)) throw error;
        throw restoreError(error.cause, localPath(layout, error.path), error.path);
      }
    },
  };
}

const { O_WRONLY, O_CREAT, O_TRUNC } = constants;

function openSink(
  local: string,
  path: MemberPath,
  { mode, flusher }: { readonly mode: number; readonly flusher: Flusher | undefined },
): TarSink {
  const file = openLocalFile(local, path, { flags: O_WRONLY | O_CREAT | O_TRUNC, flusher });
  return {
    write(chunk) {
      file.attempt((fd) => {
        writeAll(fd, chunk);
      });
      file.wrote(chunk.length);
    },
    end() {
      file.end(mode);
    },
    abort: file.abort,
  };
}

function openPagedFile(
  local: string,
  path: MemberPath,
  { mode, flusher }: { readonly mode: number | undefined; readonly flusher: Flusher | undefined },
): PagedFile {
  const file = openLocalFile(local, path, { flags: mode === undefined ? O_WRONLY : O_WRONLY | O_CREAT, flusher });
  if (mode !== undefined) {
    file.attempt((fd) => {
      fchmodSync(fd, mode & 0o777);
    });
  }
  return {
    sizeBytes: () => file.attempt((fd) => fstatSync(fd).size),
    resize(bytes) {
      file.attempt((fd) => {
        ftruncateSync(fd, bytes);
      });
    },
    begin(bytes) {
      file.attempt((fd) => {
        // What an attempt that failed may have left goes first.
        ftruncateSync(fd, 0);
        ftruncateSync(fd, bytes);
      });
    },
    writeAt(piece, position) {
      file.attempt((fd) => {
        writeAllAt(fd, piece, position);
      });
      file.wrote(piece.length);
    },
    end() {
      file.end(undefined);
    },
    abort: file.abort,
  };
}
