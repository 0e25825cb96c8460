/** From keys to paths on the server. */
import { ArchiverError } from '../../errors.ts';
import { ObjectNotFoundError, StorageUnavailableError } from '../errors.ts';
import type { Key } from '../storage.ts';
import type { SftpConnection } from './connection.ts';
import { lstat } from './remote-files.ts';
import type { SftpSession } from './session.ts';

/** The path of an object, or of a folder ('' = the root). */
export function pathOf({ config: { root } }: SftpSession, key: Key): string {
  return key === '' ? (root === '' ? '/' : root) : `${root}/${key}`;
}

/** The folder of a path. */
export function folderOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}

/** The folders of an object, deepest first, that may be removed when they are empty: all but root and first level. */
export function removableFolders(key: Key): readonly Key[] {
  const folders: Key[] = [];
  for (let end = key.lastIndexOf('/'); end > 0; end = key.lastIndexOf('/', end - 1)) folders.push(key.slice(0, end));
  return folders.slice(0, -1);
}

/**
 * The error for an object that is not there. Where even the root is not, that is no answer: its disk may not be mounted,
 * and PostgreSQL would end recovery for it. As with a file storage, a root that was never there is a wrong setting.
 */
export async function notFound(session: SftpSession, connection: SftpConnection, key: Key): Promise<Error> {
  const { location } = session.config;
  if ((await lstat(connection, pathOf(session, ''))) !== undefined) {
    session.noteRoot();
    return new ObjectNotFoundError(key, location);
  }
  if (session.hasSeenRoot) return rootHasGone(session);
  return new ArchiverError('config', `storage root is missing: cannot read "${key}" in ${location}`, {
    hint: 'Check that its file system is mounted there, and WALG_SSH_PREFIX; the first push makes that folder.',
  });
}

/** The error for a root that was there before. */
export function rootHasGone({ config: { location } }: SftpSession): StorageUnavailableError {
  return new StorageUnavailableError(`storage root has gone: ${location}`, {
    hint: 'Check that its file system is mounted on the server.',
  });
}
