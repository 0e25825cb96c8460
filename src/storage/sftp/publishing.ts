/** Gives a finished file the name of its object. An answer that is lost is found out about. */
import { tempNameFor } from '../../platform/temp-name.ts';
import { ObjectExistsError } from '../errors.ts';
import type { Key } from '../storage.ts';
import type { SftpConnection } from './connection.ts';
import { folderOf, pathOf } from './places.ts';
import { flushFolder, link, lstat, remove, rename, renameOver } from './remote-files.ts';
import type { SftpSession } from './session.ts';
import { ConnectionLostError, sftpStatus, statusOf } from './status-error.ts';

/** A file that is complete and durable. */
export interface Finished {
  readonly key: Key;
  readonly tempPath: string;
  readonly ifAbsent: boolean;
  readonly signal: AbortSignal | undefined;
}

const attempts = 3;
const replaceAttempts = 20;

/**
 * Publishes it, and makes the name durable.
 *
 * @throws ObjectExistsError with `ifAbsent`; otherwise as `SftpConnection.ask` does
 */
export async function publish(session: SftpSession, first: SftpConnection, finished: Finished): Promise<void> {
  const { key, tempPath, ifAbsent, signal } = finished;
  const path = pathOf(session, key);
  let connection = first;
  let renamed = false;
  for (let attempt = 1; ; attempt += 1) {
    try {
      if (!renamed) {
        if (ifAbsent) await create(session, connection, finished);
        else await replace(connection, tempPath, path, session.clock.now());
        renamed = true;
      }
      await flushFolder(connection, folderOf(path));
      return;
    } catch (error) {
      // The file has no other user: if it has gone, it was renamed by the request whose answer was lost.
      if (attempt > 1 && statusOf(error) === sftpStatus.noSuchFile && (await isThere(connection, path))) {
        renamed = true;
        continue;
      }
      if (!(error instanceof ConnectionLostError) || attempt >= attempts) throw error;
      connection = await session.connection(signal);
    }
  }
}

/** @throws ObjectExistsError, durably, when there is such an object */
export async function refuseExisting(session: SftpSession, connection: SftpConnection, key: Key): Promise<void> {
  const path = pathOf(session, key);
  if (!(await isThere(connection, path))) return;
  // Whoever is told so may take it for stored: its writer may have been killed just before this step.
  await flushFolder(connection, folderOf(path));
  throw new ObjectExistsError(key, session.config.location);
}

/** Never over an existing object where the server can do that. */
async function create(session: SftpSession, connection: SftpConnection, { key, tempPath }: Finished): Promise<void> {
  const path = pathOf(session, key);
  try {
    if (!connection.renamesExclusively && (await linked(connection, tempPath, path))) return;
    // What other servers make of this is not known: it may replace an object that came to be just now.
    if (!connection.renamesExclusively) await refuseExisting(session, connection, key);
    await rename(connection, tempPath, path);
  } catch (error) {
    if (statusOf(error) !== undefined && (await isThere(connection, tempPath))) {
      await refuseExisting(session, connection, key);
    }
    throw error;
  }
}

/** False where there are no hard links. */
async function linked(connection: SftpConnection, tempPath: string, path: string): Promise<boolean> {
  if (!connection.supports('hardlink@openssh.com')) return false;
  try {
    await link(connection, tempPath, path);
  } catch (error) {
    const status = statusOf(error);
    if (status === undefined || status === sftpStatus.noSuchFile || (await isThere(connection, path))) throw error;
    return false;
  }
  await remove(connection, tempPath).catch(() => undefined);
  return true;
}

async function replace(connection: SftpConnection, tempPath: string, path: string, now: Date): Promise<void> {
  if (connection.supports('posix-rename@openssh.com')) {
    await renameOver(connection, tempPath, path);
    return;
  }
  for (let attempt = 1; ; attempt += 1) {
    try {
      await rename(connection, tempPath, path);
      return;
    } catch (error) {
      if (statusOf(error) !== sftpStatus.failure || attempt === replaceAttempts) throw error;
      if (await replacedAside(connection, tempPath, path, tempNameFor(path, now))) return;
    }
  }
}

/**
 * Puts the old file aside first: for a moment there is neither, for which such a server leaves no other way. False when
 * others did the same at that moment.
 */
async function replacedAside(
  connection: SftpConnection,
  tempPath: string,
  path: string,
  aside: string,
): Promise<boolean> {
  try {
    await rename(connection, path, aside);
  } catch (error) {
    if (statusOf(error) === sftpStatus.noSuchFile) return false;
    throw error;
  }
  try {
    await rename(connection, tempPath, path);
  } catch (error) {
    if (statusOf(error) === undefined) throw error;
    // Back again, unless another writer was quicker, whose object it is then.
    const isBack = await rename(connection, aside, path).then(
      () => true,
      () => false,
    );
    if (!isBack && (await isThere(connection, path))) await remove(connection, aside).catch(() => undefined);
    if (statusOf(error) === sftpStatus.failure) return false;
    throw error;
  }
  await remove(connection, aside).catch(() => undefined);
  return true;
}

async function isThere(connection: SftpConnection, path: string): Promise<boolean> {
  return (await lstat(connection, path)) !== undefined;
}
