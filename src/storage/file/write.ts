/** Writing an object: under a temporary name, made durable, then renamed; nothing stays behind when any step fails. */
import {
  closeSync,
  constants,
  fchmodSync,
  fsync,
  linkSync,
  lstatSync,
  openSync,
  renameSync,
  rmdirSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTurns } from '../../bytes/turns.ts';
import type { ByteSource } from '../../bytes/stage.ts';
import { codeOf } from '../../errors.ts';
import type { Clock } from '../../platform/clock.ts';
import { ObjectExistsError } from '../errors.ts';
import { InvalidKeyError } from '../key.ts';
import type { Abortable, Key, WriteOptions } from '../storage.ts';
import { syncFolder, type FileRoot, type Place } from './root.ts';
import { asking, storageErrorOf } from './system-error.ts';
import { isTempName, tempNameFor } from './temp-name.ts';

/** Larger writes cost the kernel more per byte (measured: `findings-node.md`, 4 MiB against 256 KiB). */
const writeBytes = 256 * 1024;

/** See `Storage.write`. */
export async function writeObject(
  root: FileRoot,
  clock: Clock,
  key: Key,
  body: ByteSource,
  options: WriteOptions,
): Promise<void> {
  const { signal, ifAbsent = false, mode } = options;
  await create(root, clock, key, { signal, ifAbsent }, async (path, action) => {
    const fd = asking(action, () => openNew(path, mode));
    try {
      await fill(fd, body, action, signal);
      await flush(fd, action);
    } finally {
      asking(action, () => closeSync(fd));
    }
  });
}

/** See `Storage.copy`; `from` is the resolved path of an existing object. Blocks are shared where the file system can. */
export async function copyObject(
  root: FileRoot,
  clock: Clock,
  from: string,
  to: Key,
  { signal }: Abortable,
): Promise<void> {
  await create(root, clock, to, { signal, ifAbsent: false }, async (path, action) => {
    try {
      await copyFile(from, path, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    } catch (error) {
      throw storageErrorOf(error, action);
    }
    const fd = asking(action, () => openSync(path, 'r+'));
    try {
      await flush(fd, action);
    } finally {
      asking(action, () => closeSync(fd));
    }
  });
}

interface CreateOptions extends Abortable {
  readonly ifAbsent: boolean;
}

/** Makes the object of what `produce` writes, durably, into a new file of the path it is given. */
async function create(
  root: FileRoot,
  clock: Clock,
  key: Key,
  { signal, ifAbsent }: CreateOptions,
  produce: (path: string, action: string) => Promise<void>,
): Promise<void> {
  if (isTempName(key)) throw new InvalidKeyError(key, 'it is the name of a temporary file');
  const action = `write "${key}" in ${root.location}`;
  const madeFolders: string[] = [];
  let temp: string | undefined;
  try {
    const place = asking(action, () => root.makePlace(key, madeFolders));
    if (ifAbsent) refuseExisting(root, key, place, action);
    temp = join(place.folder, tempNameFor(place.name, clock.now()));
    await produce(temp, action);
    signal?.throwIfAborted();
    if (ifAbsent) publishNew(root, key, temp, place, action);
    else publish(root, temp, place, action);
  } catch (error) {
    if (temp !== undefined) removeQuietly(temp);
    for (const folder of madeFolders.reverse()) removeFolderQuietly(folder);
    throw error;
  }
}

function openNew(path: string, mode: number | undefined): number {
  const fd = openSync(
    path,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
    mode ?? 0o666,
  );
  if (mode === undefined) return fd;
  try {
    fchmodSync(fd, mode);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

async function fill(fd: number, body: ByteSource, action: string, signal: AbortSignal | undefined): Promise<void> {
  const turn = createTurns();
  for await (const chunk of body) {
    signal?.throwIfAborted();
    asking(action, () => writeAll(fd, chunk));
    const turned = turn();
    if (turned !== undefined) await turned;
  }
  signal?.throwIfAborted();
}

function writeAll(fd: number, chunk: Uint8Array): void {
  for (let at = 0; at < chunk.length;) at += writeSync(fd, chunk, at, Math.min(writeBytes, chunk.length - at));
}

/** Off the event loop: a flush may take seconds, in which other uploads and signals go on. */
function flush(fd: number, action: string): Promise<void> {
  return new Promise((resolve, reject) => {
    fsync(fd, (error) => {
      if (error === null) resolve();
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- it is one; only its type is wide
      else reject(storageErrorOf(error, action));
    });
  });
}

function publish(root: FileRoot, temp: string, place: Place, action: string): void {
  asking(action, () => {
    try {
      renameSync(temp, place.path);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') root.assertPresent();
      throw error;
    }
    syncFolder(place.folder);
  });
}

const linksUnsupported = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/** Like {@link publish}, but never over an existing object: a hard link is created or fails, whoever else tries. */
function publishNew(root: FileRoot, key: Key, temp: string, place: Place, action: string): void {
  try {
    linkSync(temp, place.path);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') throw existing(root, key, place, action);
    if (!linksUnsupported.has(codeOf(error) ?? '')) throw storageErrorOf(error, action);
    // File systems without hard links (FAT, some network ones) have no create-only rename that Node could call.
    refuseExisting(root, key, place, action);
    publish(root, temp, place, action);
    return;
  }
  removeQuietly(temp);
  asking(action, () => syncFolder(place.folder));
}

function refuseExisting(root: FileRoot, key: Key, place: Place, action: string): void {
  const stats = asking(action, () => lstatSync(place.path, { throwIfNoEntry: false }));
  if (stats !== undefined) throw existing(root, key, place, action);
}

function existing(root: FileRoot, key: Key, place: Place, action: string): ObjectExistsError {
  // Whoever finds that the object is equal takes it for stored: its writer may have been killed just before this step.
  asking(action, () => syncFolder(place.folder));
  return new ObjectExistsError(key, root.location);
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Never made, or the storage is gone; what remains is swept as a leftover.
  }
}

function removeFolderQuietly(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // Somebody else uses it by now.
  }
}
