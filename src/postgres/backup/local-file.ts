/** One open file of a restore: what it throws says which it is, and it goes to the disk while it is being written. */
import { closeSync, constants, fchmodSync, openSync } from 'node:fs';
import { ArchiverError, CorruptError, codeOf, messageOf } from '../../errors.ts';
import type { Flusher } from './flusher.ts';
import { HostileMemberError, type MemberPath } from './member-path.ts';

/** A large file goes to the disk in stretches of this size while it is being written. */
const flushBytes = 32 * 1024 * 1024;

/** An open file, whose errors say which it is. */
export interface LocalFile {
  attempt<R>(action: (fd: number) => R): R;
  /** So many more bytes were written. */
  wrote(bytes: number): void;
  end(mode: number | undefined): void;
  readonly abort: () => void;
}

/**
 * Opens it, never through a link in its place.
 *
 * @param how.flags `O_WRONLY` or `O_RDWR`, and what else it takes
 */
export function openLocalFile(
  local: string,
  path: MemberPath,
  { flags, flusher }: { readonly flags: number; readonly flusher: Flusher | undefined },
): LocalFile {
  const { O_NOFOLLOW, O_NONBLOCK } = constants;
  const translated = <R>(action: () => R): R => {
    try {
      return action();
    } catch (error) {
      throw restoreError(error, local, path);
    }
  };
  // Not blocking: a FIFO in the way must not stop us for ever.
  const fd = translated(() => openSync(local, flags | O_NOFOLLOW | O_NONBLOCK, 0o600));
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
        hint: 'Make room and run the restore again; unless it is one in place (--delta), empty the destination first.',
      });
    case undefined:
      return error instanceof Error ? error : new Error(String(error));
    default:
      return new ArchiverError('cannotWrite', `cannot restore ${JSON.stringify(local)}: ${messageOf(error)}`, {
        cause: error,
      });
  }
}
