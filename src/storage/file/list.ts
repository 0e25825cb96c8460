/** Walking the directories of a file storage: its objects and folders, or what killed writers left. */
import { opendirSync, lstatSync, type Dirent } from 'node:fs';
import { join } from 'node:path';
import { createTurns } from '../../bytes/turns.ts';
import { StorageForbiddenError } from '../errors.ts';
import type { FolderInfo, Key, ListOptions, ObjectInfo } from '../storage.ts';
import { statObject } from './read.ts';
import type { FileRoot } from './root.ts';
import { asking, unlessAbsent } from './system-error.ts';
import { isTempName } from '../../platform/temp-name.ts';

/** See `Storage.list`. Links to folders are neither followed nor shown; those to objects inside the root are objects. */
export async function* listObjects(
  root: FileRoot,
  prefix: Key,
  { signal, recursive = false }: ListOptions,
): AsyncGenerator<ObjectInfo | FolderInfo> {
  const action = `list "${prefix}" in ${root.location}`;
  for await (const entry of walk(root, prefix, action, { signal, recursive })) {
    if (isTempName(entry.key)) continue;
    if (entry.isFolder) {
      if (!recursive) yield { kind: 'folder', key: entry.key };
      continue;
    }
    // It may have gone since.
    const info = entry.isLink
      ? linkedObject(root, entry.key)
      : asking(action, () => statObject(root, entry.key, entry.path));
    if (info !== undefined) yield info;
  }
}

/** A link that leads out of the root or round in circles is no object; asking for it by name says why. */
function linkedObject(root: FileRoot, key: Key): ObjectInfo | undefined {
  try {
    return asking('follow a link', () => statObject(root, key));
  } catch (error) {
    if (error instanceof StorageForbiddenError) return undefined;
    throw error;
  }
}

/** A half-written file. */
export interface Leftover {
  readonly key: Key;
  readonly path: string;
  readonly modified: Date;
}

/** Every file below the prefix that has a temporary name, abandoned or in use. */
export async function* listTemporaries(
  root: FileRoot,
  prefix: Key,
  signal: AbortSignal | undefined,
): AsyncGenerator<Leftover> {
  const action = `list "${prefix}" in ${root.location}`;
  for await (const { key, path, isFolder } of walk(root, prefix, action, { signal, recursive: true })) {
    if (isFolder || !isTempName(key)) continue;
    const stats = asking(action, () => unlessAbsent(() => lstatSync(path)));
    if (stats !== undefined) yield { key, path, modified: stats.mtime };
  }
}

interface Entry {
  readonly key: Key;
  readonly path: string;
  readonly isFolder: boolean;
  readonly isLink: boolean;
}

async function* walk(root: FileRoot, prefix: Key, action: string, options: ListOptions): AsyncGenerator<Entry> {
  const start = asking(action, () => root.existing(prefix));
  if (start === undefined) return;
  const turn = createTurns();
  const pending = [{ key: prefix, path: start }];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    for (const entry of entriesOf(folder.path, action)) {
      options.signal?.throwIfAborted();
      const turned = turn();
      if (turned !== undefined) await turned;
      const path = join(folder.path, entry.name);
      const key = folder.key === '' ? entry.name : `${folder.key}/${entry.name}`;
      const isFolder = entry.isDirectory();
      if (isFolder && options.recursive === true) pending.push({ key, path });
      if (isFolder || entry.isFile() || entry.isSymbolicLink()) {
        yield { key, path, isFolder, isLink: entry.isSymbolicLink() };
      }
    }
  }
}

/** Entries as the file system hands them out, in batches: an archive may have millions. */
function* entriesOf(path: string, action: string): Generator<Dirent> {
  const directory = asking(action, () => unlessAbsent(() => opendirSync(path, { bufferSize: 512 })));
  if (directory === undefined) return;
  try {
    for (;;) {
      const entry = asking(action, () => directory.readSync());
      if (entry === null) return;
      yield entry;
    }
  } finally {
    directory.closeSync();
  }
}
