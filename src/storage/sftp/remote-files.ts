/** What is asked of a server about its files, as promises. They fail as `SftpConnection.ask` says. */
import type { FileEntryWithStats, Stats } from 'ssh2';
import type { SftpConnection } from './connection.ts';
import { isMissing, SftpStatusError, sftpStatus, statusOf } from './status-error.ts';

/** An open file or folder. */
export type FileHandle = Buffer;

/** Making a file durable may take its time, in which the server says nothing. */
const flushMs = 600_000;

/** Opens a file for reading. */
export function openForReading(connection: SftpConnection, path: string): Promise<FileHandle> {
  return connection.ask((sftp, answer) => {
    sftp.open(path, 'r', answer);
  });
}

/** Creates a file that must not be there. */
export function createFile(connection: SftpConnection, path: string): Promise<FileHandle> {
  return connection.ask((sftp, answer) => {
    sftp.open(path, 'wx', 0o666, answer);
  });
}

/** Closes a file or folder. */
export function close(connection: SftpConnection, handle: FileHandle): Promise<void> {
  return connection.ask((sftp, answer) => {
    sftp.close(handle, answer);
  });
}

/** The same where nothing depends on it. */
export function closeQuietly(connection: SftpConnection, handle: FileHandle): void {
  void close(connection, handle).catch(() => undefined);
}

/** Size, time and kind of an open file. */
export function statOpen(connection: SftpConnection, handle: FileHandle): Promise<Stats> {
  return connection.ask((sftp, answer) => {
    sftp.fstat(handle, answer);
  });
}

/** The same of what has a name; links are followed. */
export function statTarget(connection: SftpConnection, path: string): Promise<Stats> {
  return connection.ask((sftp, answer) => {
    sftp.stat(path, answer);
  });
}

/** The same; a link is told of as such. Undefined when there is nothing. */
export async function lstat(connection: SftpConnection, path: string): Promise<Stats | undefined> {
  try {
    return await connection.ask<Stats>((sftp, answer) => {
      sftp.lstat(path, answer);
    });
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Writes bytes, at most `requestBytes`; they are copied at once. */
export function writeAt(
  connection: SftpConnection,
  handle: FileHandle,
  bytes: Buffer,
  position: number,
): Promise<void> {
  return connection.ask((sftp, answer) => {
    sftp.write(handle, bytes, 0, bytes.length, position, answer);
  });
}

/** Reads at most `requestBytes` into a buffer; gives how many came, 0 at the end. */
export function readAt(
  connection: SftpConnection,
  handle: FileHandle,
  buffer: Buffer,
  position: number,
): Promise<number> {
  return connection.ask((sftp, answer) => {
    sftp.read(handle, buffer, 0, buffer.length, position, answer);
  });
}

/** Sets the permission bits of an open file. */
export function setMode(connection: SftpConnection, handle: FileHandle, mode: number): Promise<void> {
  return connection.ask((sftp, answer) => {
    sftp.fchmod(handle, mode, answer);
  });
}

/** Makes an open file durable, where the server can do that. */
export async function flush(connection: SftpConnection, handle: FileHandle): Promise<void> {
  if (!connection.supports('fsync@openssh.com')) return;
  await connection.ask((sftp, answer) => {
    sftp.ext_openssh_fsync(handle, answer);
  }, flushMs);
}

/** Makes the names in a folder durable, where the server can do that: with OpenSSH a folder can be opened and flushed. */
export async function flushFolder(connection: SftpConnection, path: string): Promise<void> {
  if (!connection.supports('fsync@openssh.com')) return;
  try {
    const handle = await openForReading(connection, path);
    const flushed = flush(connection, handle);
    closeQuietly(connection, handle);
    await flushed;
  } catch (error) {
    if (statusOf(error) === undefined) throw error;
  }
}

/** Removes a file. */
export function remove(connection: SftpConnection, path: string): Promise<void> {
  return connection.ask((sftp, answer) => {
    sftp.unlink(path, answer);
  });
}

/** Makes a folder. */
export function makeFolder(connection: SftpConnection, path: string): Promise<void> {
  return connection.ask((sftp, answer) => {
    sftp.mkdir(path, { mode: 0o755 }, answer);
  });
}

/** Removes a folder if it is empty. */
export function removeFolder(connection: SftpConnection, path: string): Promise<void> {
  return connection.ask((sftp, answer) => {
    sftp.rmdir(path, answer);
  });
}

/** Renames by the protocol's own verb: to an existing name it fails on most servers. */
export function rename(connection: SftpConnection, from: string, to: string): Promise<void> {
  return connection.ask((sftp, answer) => {
    sftp.rename(from, to, answer);
  });
}

/** Renames, and replaces what has that name. */
export function renameOver(connection: SftpConnection, from: string, to: string): Promise<void> {
  return connection.ask((sftp, answer) => {
    sftp.ext_openssh_rename(from, to, answer);
  });
}

/** Gives a file a second name; an existing one is left alone. */
export function link(connection: SftpConnection, from: string, to: string): Promise<void> {
  return connection.ask((sftp, answer) => {
    sftp.ext_openssh_hardlink(from, to, answer);
  });
}

/** Copies bytes from one open file to the same place in another, on the server. */
export function copyPart(
  connection: SftpConnection,
  [from, to]: readonly [FileHandle, FileHandle],
  position: number,
  bytes: number,
): Promise<void> {
  return connection.ask((sftp, answer) => {
    sftp.ext_copy_data(from, position, bytes, to, position, answer);
  }, flushMs);
}

/** Whether no block or no file more fits there; undefined when the server cannot tell. */
export async function isFull(connection: SftpConnection, folder: string): Promise<boolean | undefined> {
  if (!connection.supports('statvfs@openssh.com')) return undefined;
  try {
    const space = await connection.ask<FreeSpace>((sftp, answer) => {
      sftp.ext_openssh_statvfs(folder, answer);
    });
    const freeBytes = Number(space.f_bavail) * Number(space.f_frsize);
    return freeBytes < nextToNothing || (Number(space.f_files) > 0 && Number(space.f_favail) === 0);
  } catch {
    return undefined;
  }
}

interface FreeSpace {
  readonly f_frsize: number | bigint;
  readonly f_bavail: number | bigint;
  readonly f_files: number | bigint;
  readonly f_favail: number | bigint;
}

const nextToNothing = 1024 * 1024;

/** Enough to hide the way to the server; what is asked for beyond the end costs little. */
const listingsAhead = 4;

/** The entries of a folder, as they come. @throws SftpStatusError also when there is no such folder */
export async function* entriesOf(
  connection: SftpConnection,
  path: string,
): AsyncGenerator<readonly FileEntryWithStats[], void> {
  const handle = await connection.ask<FileHandle>((sftp, answer) => {
    sftp.opendir(path, answer);
  });
  try {
    const coming: Promise<readonly FileEntryWithStats[]>[] = [];
    for (let ended = false; !ended || coming.length > 0;) {
      while (!ended && coming.length < listingsAhead) coming.push(nextEntries(connection, handle));
      const entries = (await coming.shift()) ?? [];
      if (entries.length === 0) ended = true;
      else yield entries;
    }
  } finally {
    closeQuietly(connection, handle);
  }
}

function nextEntries(connection: SftpConnection, handle: FileHandle): Promise<readonly FileEntryWithStats[]> {
  const entries = connection
    .ask<FileEntryWithStats[]>((sftp, answer) => {
      (sftp as unknown as FullListing).readdir(handle, { full: true }, answer);
    })
    .catch((error: unknown) => {
      if (error instanceof SftpStatusError && error.status === sftpStatus.endOfFile) return [];
      throw error;
    });
  // It may be that nobody asks any more.
  entries.catch(() => undefined);
  return entries;
}

/** With `.` and `..`: without them, an answer could be empty that is not the last. */
interface FullListing {
  readdir(
    handle: Buffer,
    options: { readonly full: true },
    answer: (error?: Error | null, list?: FileEntryWithStats[]) => void,
  ): void;
}
