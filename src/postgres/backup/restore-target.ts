/**
 * Where a backup is restored to: a directory that was empty, and one for each tablespace. Files are written through here
 * only, and never through a symbolic link: links of the backup are made when everything else is in place.
 */
import { closeSync, constants, fchmodSync, fstatSync, ftruncateSync, lstatSync, mkdirSync, openSync } from 'node:fs';
import type { TarSink } from '../../archive/reader.ts';
import { ArchiverError, CorruptError, codeOf, messageOf } from '../../errors.ts';
import { writeAll, writeAllAt } from '../../platform/files.ts';
import type { PagedFile } from '../restore/page-sink.ts';
import { createFlusher, FlushError, type Flusher } from './flusher.ts';
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

/** A large file goes to the disk in stretches of this size while it is being written. */
const flushBytes = 32 * 1024 * 1024;

/**
 * Opens the target.
 *
 * Everything it does throws HostileMemberError when something in the way is no directory, and an ArchiverError
 * (kind `cannotWrite`) when the file system refuses.
 *
 * @param durable what was written is on disk when `settled` resolves
 */
export function openRestoreTarget(layout: RestoreLayout, { durable }: { readonly durable: boolean }): RestoreTarget {
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
      return openSink(local, path, { mode, flusher });
    },
    openPages(path, mode) {
      const local = localPath(layout, path);
      makeReady(local.slice(0, local.lastIndexOf('/')), path);
      return openPagedFile(local, path, { mode, flusher });
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

function openSink(
  local: string,
  path: MemberPath,
  { mode, flusher }: { readonly mode: number; readonly flusher: Flusher | undefined },
): TarSink {
  const file = openLocal(local, path, { flags: constants.O_CREAT | constants.O_TRUNC, flusher });
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
  const file = openLocal(local, path, { flags: mode === undefined ? 0 : constants.O_CREAT, flusher });
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

/** An open file, whose errors say which it is. */
interface LocalFile {
  attempt<R>(action: (fd: number) => R): R;
  /** So many more bytes were written. */
  wrote(bytes: number): void;
  end(mode: number | undefined): void;
  abort(): void;
}

function openLocal(
  local: string,
  path: MemberPath,
  { flags, flusher }: { readonly flags: number; readonly flusher: Flusher | undefined },
): LocalFile {
  const { O_WRONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const translated = <R>(action: () => R): R => {
    try {
      return action();
    } catch (error) {
      throw restoreError(error, local, path);
    }
  };
  // Not blocking: a FIFO in the way must not stop us for ever.
  const fd = translated(() => openSync(local, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | flags, 0o600));
  const file = { fd, path };
  let isOpen = true;
  let unflushedBytes = 0;
  return {
    attempt: (action) => translated(() => action(fd)),
    wrote(bytes) {
      unflushedBytes += bytes;
      if (unflushedBytes < flushBytes) return;
      unflushedBytes = 0;
      flusher?.begin(file);
    },
    end(mode) {
      translated(() => {
        if (mode !== undefined) fchmodSync(fd, mode & 0o777);
        if (flusher === undefined) closeSync(fd);
        else flusher.finish(file);
        isOpen = false;
      });
    },
    abort() {
      if (!isOpen) return;
      isOpen = false;
      if (flusher === undefined) closeSync(fd);
      else flusher.discard(file);
    },
  };
}

/** The error of a restore for one of the system. */
export function restoreError(error: unknown, local: string, path: MemberPath): Error {
  switch (codeOf(error)) {
    case 'ELOOP':
    case 'ENOTDIR':
    case 'EISDIR':
    case 'ENXIO':
      return new HostileMemberError(path, 'meets something else of the same name');
    case 'ENOENT':
      return new CorruptError(`an increment of "${path}" came, and no backup of the chain has the file`);
    case 'ENAMETOOLONG':
      return new HostileMemberError(path, 'has too long a name');
    case 'ENOSPC':
    case 'EDQUOT':
      return new ArchiverError('cannotWrite', `no space left to restore ${JSON.stringify(local)}`, {
        cause: error,
        hint: 'Make room, empty the destination and run the restore again.',
      });
    case undefined:
      return error instanceof Error ? error : new Error(String(error));
    default:
      return new ArchiverError('cannotWrite', `cannot restore ${JSON.stringify(local)}: ${messageOf(error)}`, {
        cause: error,
      });
  }
}
