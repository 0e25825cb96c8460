/**
 * The directory that a file storage lives in, and the only way from keys to paths: every path that leaves here has
 * been resolved, symbolic links included, and lies below the root.
 */
import { mkdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ArchiverError, codeOf, messageOf } from '../../errors.ts';
import { syncFolder } from '../../platform/files.ts';
import { StorageForbiddenError, StorageUnavailableError } from '../errors.ts';
import type { Key } from '../storage.ts';
import { unlessAbsent } from './system-error.ts';

/** Where an object is or would be: its folder, resolved, and its name in it. */
export interface Place {
  readonly folder: string;
  readonly name: string;
  readonly path: string;
}

/** An opened root. Methods throw errors of the system where nothing else is said. */
export class FileRoot {
  /** As the user wrote it, for messages. */
  readonly location: string;
  readonly #real: string;
  readonly #device: number;

  /** @throws ArchiverError (`config`, `forbidden`) when there is no such directory or it cannot be entered */
  constructor(location: string) {
    this.location = location;
    try {
      this.#real = realpathSync.native(location);
      const stats = statSync(this.#real);
      if (!stats.isDirectory()) throw new ArchiverError('config', `storage root is not a directory: "${location}"`);
      this.#device = stats.dev;
    } catch (error) {
      throw openingError(location, error);
    }
  }

  /** The resolved path of an object, following links; undefined when there is none. */
  existing(key: Key): string | undefined {
    const path = unlessAbsent(() => realpathSync.native(join(this.#real, key)));
    if (path === undefined) this.assertPresent();
    else this.#assertInside(path, key);
    return path;
  }

  /** The place of a key whose folder exists; the name itself is not followed. */
  place(key: Key): Place | undefined {
    const folder = this.existing(folderOf(key));
    return folder === undefined ? undefined : placeIn(folder, key);
  }

  /**
   * The place of a key; missing folders are made, durably, and added to `made`.
   */
  makePlace(key: Key, made: string[]): Place {
    return placeIn(this.#makeFolder(folderOf(key), made), key);
  }

  /** @throws StorageUnavailableError when the root went away or something else was mounted there since it was opened */
  assertPresent(): void {
    const stats = statSync(this.#real, { throwIfNoEntry: false });
    if (stats?.isDirectory() === true && stats.dev === this.#device) return;
    throw new StorageUnavailableError(`storage root has gone: "${this.location}"`, {
      hint: 'Check that the file system of the storage is mounted.',
    });
  }

  /** The folders of an object, deepest first, that may be removed when they are empty: all but root and first level. */
  removableFolders(key: Key): readonly string[] {
    const folders: string[] = [];
    for (let folder = folderOf(key); folder.includes('/'); folder = folderOf(folder))
      folders.push(join(this.#real, folder));
    return folders;
  }

  #makeFolder(folder: Key, made: string[]): string {
    const existing = this.existing(folder);
    if (existing !== undefined) return existing;
    const parent = this.#makeFolder(folderOf(folder), made);
    const path = join(parent, basename(folder));
    try {
      mkdirSync(path, 0o755);
      made.push(path);
      syncFolder(parent);
    } catch (error) {
      // Somebody else was quicker, or the name is a link that leads nowhere.
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    const real = this.existing(folder);
    if (real === undefined) throw new ArchiverError('cannotWrite', `not a folder: "${folder}" in ${this.location}`);
    return real;
  }

  #assertInside(path: string, key: Key): void {
    const inside = path === this.#real || path.startsWith(this.#real === '/' ? '/' : `${this.#real}/`);
    if (inside) return;
    throw new StorageForbiddenError(`"${key}" leads out of the storage ${this.location} through a symbolic link`, {
      hint: 'Remove the link; to keep objects elsewhere, mount that file system inside the storage directory.',
    });
  }
}

function placeIn(folder: string, key: Key): Place {
  const name = basename(key);
  return { folder, name, path: join(folder, name) };
}

function folderOf(key: Key): Key {
  const parent = dirname(key);
  return parent === '.' ? '' : parent;
}

function openingError(location: string, error: unknown): unknown {
  if (error instanceof ArchiverError) return error;
  const code = codeOf(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new ArchiverError('config', `storage root is missing: "${location}"`, {
      cause: error,
      hint: `Create it with "mkdir -p ${location}", owned by the user who runs this, or correct WALG_FILE_PREFIX.`,
    });
  }
  const message = `cannot open the storage root: ${messageOf(error)}`;
  return code === 'EACCES' || code === 'EPERM'
    ? new StorageForbiddenError(message, { cause: error })
    : new StorageUnavailableError(message, { cause: error });
}
