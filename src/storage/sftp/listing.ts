/** What is below a folder: its objects and folders, or what killed writers left. */
import type { FileEntryWithStats, Stats } from 'ssh2';
import { isTempName } from '../../platform/temp-name.ts';
import type { Abortable, FolderInfo, Key, ListOptions, ObjectInfo } from '../storage.ts';
import type { SftpConnection } from './connection.ts';
import { pathOf, rootHasGone } from './places.ts';
import { entriesOf, lstat, statTarget } from './remote-files.ts';
import type { SftpSession } from './session.ts';
import { asking, isMissing, storageErrorOf, unlessMissing } from './status-error.ts';

/** See `Storage.list`. Links to folders are neither followed nor shown; those to files are objects. */
export async function* listObjects(
  session: SftpSession,
  prefix: Key,
  { signal, recursive = false }: ListOptions,
): AsyncGenerator<ObjectInfo | FolderInfo, void> {
  for await (const { key, stats } of walk(session, prefix, { signal, recursive })) {
    if (isTempName(key)) continue;
    if (stats.isFile()) yield infoOf(key, stats);
    else if (stats.isDirectory() && !recursive) yield { kind: 'folder', key };
  }
}

/** Every file below the prefix that has a temporary name, abandoned or in use. */
export async function* listTemporaries(
  session: SftpSession,
  prefix: Key,
  { signal }: Abortable,
): AsyncGenerator<ObjectInfo, void> {
  for await (const { key, stats } of walk(session, prefix, { signal, recursive: true })) {
    if (stats.isFile() && isTempName(key)) yield infoOf(key, stats);
  }
}

/** What is known of one object; undefined when there is none. */
export async function statObject(
  session: SftpSession,
  key: Key,
  signal?: AbortSignal,
): Promise<ObjectInfo | undefined> {
  return asking(`look for "${key}" in ${session.config.location}`, async () => {
    const connection = await session.connection(signal);
    const stats = await described(connection, pathOf(session, key));
    if (stats === undefined) await assertPresent(session, connection);
    return stats?.isFile() === true ? infoOf(key, stats) : undefined;
  });
}

function infoOf(key: Key, { size, mtime }: Stats): ObjectInfo {
  return { kind: 'object', key, sizeBytes: size, modified: new Date(mtime * 1_000) };
}

interface Entry {
  readonly key: Key;
  /** Of what a link leads to, unless that is a folder. */
  readonly stats: Stats;
}

async function* walk(session: SftpSession, prefix: Key, { signal, recursive }: ListOptions): AsyncGenerator<Entry> {
  const action = `list "${prefix}" in ${session.config.location}`;
  const connection = await session.connection(signal);
  const pending: Key[] = [prefix];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    for await (const entry of entriesBelow(session, connection, folder, action)) {
      signal?.throwIfAborted();
      const { filename } = entry;
      if (filename === '.' || filename === '..') continue;
      const key = folder === '' ? filename : `${folder}/${filename}`;
      const stats = await asking(action, () => statsOf(connection, pathOf(session, key), entry));
      // It may have gone since.
      if (stats === undefined) continue;
      if (stats.isDirectory() && recursive === true) pending.push(key);
      yield { key, stats };
    }
  }
}

/** A folder that is missing is an empty one. */
async function* entriesBelow(
  session: SftpSession,
  connection: SftpConnection,
  folder: Key,
  action: string,
): AsyncGenerator<FileEntryWithStats> {
  const batches = entriesOf(connection, pathOf(session, folder));
  try {
    for (;;) {
      const next = await batches.next().catch((error: unknown) => {
        if (isMissing(error)) return undefined;
        throw storageErrorOf(error, action);
      });
      if (next === undefined) await asking(action, () => assertPresent(session, connection));
      if (next === undefined || next.done === true) return;
      session.noteRoot();
      yield* next.value;
    }
  } finally {
    await batches.return();
  }
}

/** Most servers tell of each entry what it is; of links, what they lead to has to be asked. */
async function statsOf(
  connection: SftpConnection,
  path: string,
  { attrs }: FileEntryWithStats,
): Promise<Stats | undefined> {
  const told = attrs as Partial<Stats>;
  const isComplete = told.mode !== undefined && told.size !== undefined && told.mtime !== undefined;
  if (isComplete && !attrs.isSymbolicLink()) return attrs;
  return described(connection, path);
}

/** Undefined for what is missing, and for links to folders or nowhere. */
async function described(connection: SftpConnection, path: string): Promise<Stats | undefined> {
  const stats = await lstat(connection, path);
  if (stats?.isSymbolicLink() !== true) return stats;
  const target = await unlessMissing(statTarget(connection, path));
  return target?.isFile() === true ? target : undefined;
}

/** @throws StorageUnavailableError when the root went away since it was seen, as with an unmounted disk */
async function assertPresent(session: SftpSession, connection: SftpConnection): Promise<void> {
  if (!session.hasSeenRoot || (await lstat(connection, pathOf(session, ''))) !== undefined) return;
  throw rootHasGone(session);
}
