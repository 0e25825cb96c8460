/** Writing an object: under a temporary name, made durable, then renamed; nothing stays behind when any step fails. */
import type { ByteSource } from '../../bytes/stage.ts';
import { isTempName } from '../../platform/temp-name.ts';
import { StorageFullError } from '../errors.ts';
import { InvalidKeyError } from '../key.ts';
import type { Key, WriteOptions } from '../storage.ts';
import type { SftpConnection } from './connection.ts';
import { pathOf } from './places.ts';
import { publish, refuseExisting } from './publishing.ts';
import {
  close,
  closeQuietly,
  flush,
  isFull,
  remove,
  removeFolder,
  setMode,
  writeAt,
  type FileHandle,
} from './remote-files.ts';
import { orAborted } from '../or-aborted.ts';
import type { SftpSession } from './session.ts';
import { sftpStatus, statusOf, storageErrorOf } from './status-error.ts';
import { createTemp } from './temp-file.ts';

/** Puts the bytes of an object into a new file. */
export type Produce = (connection: SftpConnection, handle: FileHandle) => Promise<void>;

/** See `Storage.write`. @param aheadBytes at most so many are on their way to the server */
export async function writeObject(
  session: SftpSession,
  key: Key,
  body: ByteSource,
  options: WriteOptions & { readonly aheadBytes: number },
): Promise<void> {
  await createObject(session, key, options, (connection, handle) => fill(connection, handle, body, options));
}

/** Makes the object of what `produce` puts into a new file. */
export async function createObject(
  session: SftpSession,
  key: Key,
  { signal, ifAbsent = false, mode }: WriteOptions,
  produce: Produce,
): Promise<void> {
  if (isTempName(key)) throw new InvalidKeyError(key, 'it is the name of a temporary file');
  const path = pathOf(session, key);
  const madeFolders: string[] = [];
  let connection: SftpConnection | undefined;
  let tempPath: string | undefined;
  try {
    connection = await session.connection(signal);
    if (ifAbsent) await refuseExisting(session, connection, key);
    const temp = await createTemp(session, connection, key, madeFolders);
    tempPath = temp.path;
    signal?.throwIfAborted();
    await complete(connection, temp.handle, { mode, produce });
    signal?.throwIfAborted();
    await publish(session, connection, { key, tempPath, ifAbsent, signal });
  } catch (error) {
    const told = await explained(error, connection, path);
    await clearUp(session, tempPath, madeFolders);
    throw storageErrorOf(told, `write "${key}" in ${session.config.location}`);
  }
}

/** Fills the file, makes it durable, and closes it whatever happens. */
async function complete(
  connection: SftpConnection,
  handle: FileHandle,
  { mode, produce }: { readonly mode: number | undefined; readonly produce: Produce },
): Promise<void> {
  try {
    if (mode !== undefined) await setMode(connection, handle, mode);
    await produce(connection, handle);
    await flush(connection, handle);
  } catch (error) {
    closeQuietly(connection, handle);
    throw error;
  }
  await close(connection, handle);
}

/** Puts a body into an open file by requests, many of which are on their way at once. */
export async function fill(
  connection: SftpConnection,
  handle: FileHandle,
  body: ByteSource,
  { signal, aheadBytes }: { readonly signal?: AbortSignal | undefined; readonly aheadBytes: number },
): Promise<void> {
  const size = connection.requestBytes;
  const gathered = Buffer.allocUnsafeSlow(size);
  let gatheredBytes = 0;
  let position = 0;
  let onItsWay = 0;
  let failure: { readonly error: unknown } | undefined;
  let wake: (() => void) | undefined;

  function send(bytes: Buffer): void {
    onItsWay += bytes.length;
    void writeAt(connection, handle, bytes, position)
      .catch((error: unknown) => {
        failure ??= { error };
      })
      .then(() => {
        onItsWay -= bytes.length;
        wake?.();
      });
    position += bytes.length;
  }

  async function untilOnItsWay(atMost: number): Promise<void> {
    while (onItsWay > atMost && failure === undefined) {
      const { promise, resolve } = Promise.withResolvers<undefined>();
      wake = () => {
        resolve(undefined);
      };
      await orAborted(promise, signal);
    }
    if (failure !== undefined) throw failure.error;
  }

  for await (const chunk of body) {
    signal?.throwIfAborted();
    for (let at = 0; at < chunk.length;) {
      const piece = Math.min(size - gatheredBytes, chunk.length - at);
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset + at, piece);
      at += piece;
      if (piece < size) gathered.set(bytes, gatheredBytes);
      gatheredBytes += piece;
      if (gatheredBytes < size) continue;
      send(piece < size ? gathered : bytes);
      gatheredBytes = 0;
      await untilOnItsWay(Math.max(0, aheadBytes - size));
    }
  }
  signal?.throwIfAborted();
  if (gatheredBytes > 0) send(gathered.subarray(0, gatheredBytes));
  await untilOnItsWay(0);
}

/** A full disk is just "failure" to a server. */
async function explained(error: unknown, connection: SftpConnection | undefined, path: string): Promise<unknown> {
  if (statusOf(error) !== sftpStatus.failure || connection === undefined) return error;
  for (let folder = path; folder !== '/';) {
    folder = folder.slice(0, Math.max(1, folder.lastIndexOf('/')));
    const full = await isFull(connection, folder);
    if (full === true) {
      return new StorageFullError(`no space left at "${folder}" on the server`, {
        cause: error,
        hint: 'Free space there, or delete old backups; then run the command again.',
      });
    }
    if (full === false) break;
  }
  return error;
}

/** The connection may have been lost: another is tried, once. What cannot be removed is left to the next clean-up. */
async function clearUp(
  session: SftpSession,
  tempPath: string | undefined,
  madeFolders: readonly string[],
): Promise<void> {
  if (tempPath === undefined && madeFolders.length === 0) return;
  try {
    const connection = await session.connectionAtOnce();
    // A server that answers not even that one asks no further.
    if (tempPath !== undefined) await remove(connection, tempPath).catch(unlessAnswered);
    for (const folder of madeFolders.toReversed()) await removeFolder(connection, folder).catch(unlessAnswered);
  } catch {
    // Whatever failed before is what counts.
  }
}

function unlessAnswered(error: unknown): void {
  if (statusOf(error) === undefined) throw error;
}
