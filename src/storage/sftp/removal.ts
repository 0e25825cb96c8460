/** Deleting objects, and the folders that they leave empty. */
import type { Abortable, Key } from '../storage.ts';
import type { SftpConnection } from './connection.ts';
import { pathOf, removableFolders } from './places.ts';
import { lstat, remove, removeFolder } from './remote-files.ts';
import { orAborted } from '../or-aborted.ts';
import type { SftpSession } from './session.ts';
import { asking, isMissing, statusOf } from './status-error.ts';

/** Hides the way to the server. */
const atOnce = 32;

/** Removes objects; missing ones, and folders, are passed over. @throws the errors of storages */
export async function removeObjects(session: SftpSession, keys: readonly Key[], { signal }: Abortable): Promise<void> {
  if (keys.length === 0) return;
  const { location } = session.config;
  const connection = await session.connection(signal);
  await eachOf(keys, signal, (key) =>
    asking(`delete "${key}" in ${location}`, () => removeFile(connection, pathOf(session, key))),
  );
  const folders = [...new Set(keys.flatMap(removableFolders))];
  const depthOf = (folder: Key): number => folder.split('/').length;
  const depths = [...new Set(folders.map(depthOf))].sort((a, b) => b - a);
  for (const depth of depths) {
    const level = folders.filter((folder) => depthOf(folder) === depth);
    await eachOf(level, signal, async (folder) => {
      await removeFolder(connection, pathOf(session, folder)).catch((error: unknown) => {
        // It is not empty, most likely.
        if (statusOf(error) === undefined) throw error;
      });
    });
  }
}

async function eachOf<T>(
  items: readonly T[],
  signal: AbortSignal | undefined,
  act: (item: T) => Promise<void>,
): Promise<void> {
  for (let at = 0; at < items.length; at += atOnce) {
    signal?.throwIfAborted();
    await orAborted(Promise.all(items.slice(at, at + atOnce).map(act)), signal);
  }
}

async function removeFile(connection: SftpConnection, path: string): Promise<void> {
  try {
    await remove(connection, path);
  } catch (error) {
    if (isMissing(error)) return;
    if (statusOf(error) === undefined) throw error;
    // A folder is no object; what servers answer about one differs.
    const stats = await lstat(connection, path);
    if (stats === undefined || stats.isDirectory()) return;
    throw error;
  }
}
