/** Writing an object: under a temporary name, made durable, then renamed; nothing stays behind when any step fails. */
import {
  closeSync,
  constants,
  fchmodSync,
  linkSync,
  lstatSync,
  openSync,
  promises,
  renameSync,
  rmdirSync,
} from 'node:fs';
import { join } from 'node:path';
import { createTurns } from '../../bytes/turns.ts';
import type { ByteSource } from '../../bytes/stage.ts';
import { codeOf } from '../../errors.ts';
import type { Clock } from '../../platform/clock.ts';
import { removeQuietly, syncFolder, writeAll } from '../../platform/files.ts';
import { isTempName, tempNameFor } from '../../platform/temp-name.ts';
import { ObjectExistsError } from '../errors.ts';
import { InvalidKeyError } from '../key.ts';
import type { Key, WriteOptions } from '../storage.ts';
import { Flush } from './flush.ts';
import type { FileRoot, Place } from './root.ts';
import { asking, waiting } from './system-error.ts';

/** Where an object is to be made. */
export interface Target extends WriteOptions {
  readonly root: FileRoot;
  readonly clock: Clock;
  readonly key: Key;
}

/** See `Storage.write`. */
export async function writeObject(target: Target, body: ByteSource): Promise<void> {
  await create(target, (temp, flush) => fill(temp.descriptor, flush, body, target));
}

/** See `Storage.copy`; `from` is the resolved path of an existing object. Blocks are shared where the file system can. */
export async function copyObject(target: Target, from: string): Promise<void> {
  await create(target, ({ tempPath }) =>
    waiting(actionOf(target), promises.copyFile(from, tempPath, constants.COPYFILE_FICLONE)),
  );
}

interface TempFile extends Place {
  /** Its own path; `name` and `folder` are those of the object. */
  readonly tempPath: string;
  readonly descriptor: number;
}

/** Makes the object of what `produce` puts into a new file. */
async function create(target: Target, produce: (temp: TempFile, flush: Flush) => Promise<void>): Promise<void> {
  if (isTempName(target.key)) throw new InvalidKeyError(target.key, 'it is the name of a temporary file');
  const madeFolders: string[] = [];
  try {
    const temp = asking(actionOf(target), () => openTemp(target, madeFolders));
    try {
      await complete(target, temp, produce);
      target.signal?.throwIfAborted();
      asking(actionOf(target), () => publish(target, temp));
    } catch (error) {
      removeQuietly(temp.tempPath);
      throw error;
    }
  } catch (error) {
    for (const folder of madeFolders.reverse()) removeFolderQuietly(folder);
    throw error;
  }
}

const openAttempts = 20;

function openTemp(target: Target, madeFolders: string[]): TempFile {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const place = target.root.makePlace(target.key, madeFolders);
      if (target.ifAbsent === true) refuseExisting(target, place);
      const tempPath = join(place.folder, tempNameFor(place.name, target.clock.now()));
      return { ...place, tempPath, descriptor: openSync(tempPath, flags, 0o666) };
    } catch (error) {
      // Another thread had the same name, or somebody else's delete found the new folder empty.
      const passes = codeOf(error) === 'EEXIST' || codeOf(error) === 'ENOENT';
      if (!passes || attempt === openAttempts) throw error;
    }
  }
}

/** Fills the file, makes it durable, and closes it whatever happens. */
async function complete(
  target: Target,
  temp: TempFile,
  produce: (temp: TempFile, flush: Flush) => Promise<void>,
): Promise<void> {
  const { descriptor } = temp;
  const { mode } = target;
  const flush = new Flush(descriptor);
  try {
    if (mode !== undefined) asking(actionOf(target), () => fchmodSync(descriptor, mode));
    await produce(temp, flush);
    await waiting(actionOf(target), flush.finish());
  } finally {
    await flush.idle();
    asking(actionOf(target), () => closeSync(descriptor));
  }
}

async function fill(descriptor: number, flush: Flush, body: ByteSource, target: Target): Promise<void> {
  const action = actionOf(target);
  const turn = createTurns();
  // The body's own errors are no concern of the storage: only its own calls are translated.
  for await (const chunk of body) {
    target.signal?.throwIfAborted();
    asking(action, () => {
      writeAll(descriptor, chunk);
      flush.written(chunk.length);
    });
    const turned = turn();
    if (turned !== undefined) await turned;
  }
  // Before a flush that may take long.
  target.signal?.throwIfAborted();
}

/** Gives the finished file the object's name. */
function publish(target: Target, temp: TempFile): void {
  if (target.ifAbsent === true) linkNew(target, temp);
  else rename(target, temp);
  syncFolder(temp.folder);
}

function rename({ root }: Target, temp: TempFile): void {
  try {
    renameSync(temp.tempPath, temp.path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') root.assertPresent();
    throw error;
  }
}

const linksUnsupported = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/** Never over an existing object: a hard link is made or fails, whoever else tries. */
function linkNew(target: Target, temp: TempFile): void {
  try {
    linkSync(temp.tempPath, temp.path);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') throw existing(target, temp);
    if (codeOf(error) === 'ENOENT') target.root.assertPresent();
    if (!linksUnsupported.has(codeOf(error) ?? '')) throw error;
    // File systems without hard links (FAT, some network ones) have no create-only rename that Node could call.
    refuseExisting(target, temp);
    rename(target, temp);
    return;
  }
  removeQuietly(temp.tempPath);
}

function refuseExisting(target: Target, place: Place): void {
  if (lstatSync(place.path, { throwIfNoEntry: false }) !== undefined) throw existing(target, place);
}

function existing({ root, key }: Target, place: Place): ObjectExistsError {
  // Whoever is told so may take it for stored: its writer may have been killed just before this step.
  syncFolder(place.folder);
  return new ObjectExistsError(key, root.location);
}

function actionOf({ key, root }: Target): string {
  return `write "${key}" in ${root.location}`;
}

function removeFolderQuietly(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // Somebody else uses it by now.
  }
}
