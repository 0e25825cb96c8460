/** Files under temporary names, and the folders that they need. */
import { ArchiverError } from '../../errors.ts';
import { tempNameFor } from '../../platform/temp-name.ts';
import type { Key } from '../storage.ts';
import type { SftpConnection } from './connection.ts';
import { folderOf, pathOf } from './places.ts';
import { createFile, flushFolder, lstat, makeFolder, statTarget, type FileHandle } from './remote-files.ts';
import type { SftpSession } from './session.ts';
import { sftpStatus, statusOf, unlessMissing } from './status-error.ts';

/** A new file beside the place of an object. */
export interface TempFile {
  readonly path: string;
  readonly handle: FileHandle;
}

const attempts = 20;

/** Creates one; missing folders are made, durably, and added to `madeFolders`. @throws as `SftpConnection.ask` does */
export async function createTemp(
  session: SftpSession,
  connection: SftpConnection,
  key: Key,
  madeFolders: string[],
): Promise<TempFile> {
  for (let attempt = 1; ; attempt += 1) {
    const path = tempNameFor(pathOf(session, key), session.clock.now());
    try {
      return { path, handle: await createFile(connection, path) };
    } catch (error) {
      // Somebody else's delete may have found the new folder empty, or another thread had the same name.
      if (attempt === attempts) throw error;
      if (statusOf(error) === sftpStatus.noSuchFile) await makeFolders(connection, folderOf(path), madeFolders);
      else if (statusOf(error) !== sftpStatus.failure || (await lstat(connection, path)) === undefined) throw error;
    }
  }
}

async function makeFolders(connection: SftpConnection, folder: string, made: string[]): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await makeFolder(connection, folder);
      made.push(folder);
      await flushFolder(connection, folderOf(folder));
      return;
    } catch (error) {
      const status = statusOf(error);
      if (status === undefined || attempt === attempts) throw error;
      const stats = await unlessMissing(statTarget(connection, folder));
      if (stats?.isDirectory() === true) return;
      if (stats !== undefined) {
        throw new ArchiverError('cannotWrite', `not a folder: "${folder}" on the server`, {
          cause: error,
          hint: 'An object and a folder cannot share one name: choose another, or remove the file.',
        });
      }
      if (status !== sftpStatus.noSuchFile || folder === '/') throw error;
      await makeFolders(connection, folderOf(folder), made);
    }
  }
}
