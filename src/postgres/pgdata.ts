/** Finding one's way in a data directory on disk. Small and synchronous: archive_command and restore_command use it. */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { codeOf } from '../errors.ts';
import { readStart } from '../platform/files.ts';
import { controlFileBytes, parseControlFile, type ControlFile } from './control-file.ts';

/** Path of the control file below the data directory. */
export const controlFilePath = 'global/pg_control';

/** Where to look for a data directory, in this order. */
export interface DataDirectoryClues {
  /** A file in its `pg_wal`, as the server gave it, relative to `cwd` or absolute. */
  readonly walFile: string;
  /** The current directory: the server runs its commands in the data directory. */
  readonly cwd: string;
}

/**
 * The data directory that a WAL file belongs to: the folder above the file's own, else the current directory, if it
 * holds a control file. Symbolic links are not resolved, since `pg_wal` may be one that leads elsewhere.
 *
 * @returns its absolute path; undefined when neither is a data directory
 */
export function findDataDirectory({ walFile, cwd }: DataDirectoryClues): string | undefined {
  const candidates = [dirname(dirname(resolve(cwd, walFile))), cwd];
  return candidates.find((candidate) => existsSync(join(candidate, controlFilePath)));
}

/**
 * Reads and verifies the control file. The running server may be writing it, so a file that fails its checksum is read
 * again a few times.
 *
 * @throws CorruptError, UnknownControlVersionError, and the system's error when it cannot be read
 */
export function readControlFile(dataDirectory: string): ControlFile {
  const path = join(dataDirectory, controlFilePath);
  const attempts = 5;
  for (let attempt = 1; ; attempt++) {
    try {
      return parseControlFile(readStart(path, controlFileBytes));
    } catch (error) {
      if (codeOf(error) !== undefined || attempt === attempts) throw error;
    }
  }
}

/** What the signal files in a data directory ask of the server that starts in it. */
export interface SignalFiles {
  /** `recovery.signal`: recover from the archive, then promote. */
  readonly recovery: boolean;
  /** `standby.signal`: stay a standby; it wins over the other. */
  readonly standby: boolean;
}

/** Looks for the signal files. */
export function signalFiles(dataDirectory: string): SignalFiles {
  return {
    recovery: existsSync(join(dataDirectory, 'recovery.signal')),
    standby: existsSync(join(dataDirectory, 'standby.signal')),
  };
}
