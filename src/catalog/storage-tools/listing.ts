/** Listings of a storage for people, in the order of WAL-G: what is nearer to the root comes first. */
import type { Abortable, FolderInfo, Key, ObjectInfo, ObjectVersionInfo, Storage } from '../../storage/storage.ts';
import { versionsBelow } from '../../storage/versions.ts';
import { modifiedOf, type TimeNs } from '../time.ts';

/** A line of a listing. */
export interface ListedItem {
  readonly kind: 'object' | 'folder';
  /** Seen from the folder that was listed. */
  readonly name: string;
  /** 0 of a folder. */
  readonly sizeBytes: number;
  /** Undefined of a folder. */
  readonly modified: TimeNs | undefined;
  /** Where a storage keeps several of one name. */
  readonly version?: string | undefined;
  /** What the storage says of this version: that it is the one which counts, that it marks a deletion. */
  readonly note?: string | undefined;
}

/** What to list. */
export interface ListingOptions extends Abortable {
  /** All objects below; default one level, its folders first. */
  readonly recursive: boolean;
  /** Older versions and deletions as well, where the storage keeps them; default: objects as they are now. */
  readonly allVersions?: boolean;
}

/** Lists a folder, '' for the root. One that is not there is empty. */
export async function listFolder(
  storage: Storage,
  folder: Key,
  { recursive, allVersions = false, signal }: ListingOptions,
): Promise<readonly ListedItem[]> {
  if (allVersions) return listVersions(storage, folder, { recursive, signal });
  const items: ListedItem[] = [];
  for await (const item of storage.list(folder, { recursive, signal })) items.push(listedItem(item, folder));
  return inOrder(items);
}

/** Places list versions of everything below; for one level its folders are made of that. */
async function listVersions(
  storage: Storage,
  folder: Key,
  { recursive, signal }: ListingOptions,
): Promise<readonly ListedItem[]> {
  const items: ListedItem[] = [];
  const folders = new Set<string>();
  for await (const info of versionsBelow(storage, folder, { signal })) {
    const item = listedItem(info, folder);
    const slash = item.name.indexOf('/');
    if (recursive || slash < 0) items.push({ ...item, version: info.version, note: notes[info.state] });
    else folders.add(item.name.slice(0, slash));
  }
  for (const name of folders) items.push({ kind: 'folder', name, sizeBytes: 0, modified: undefined });
  return inOrder(items);
}

const notes: Readonly<Record<ObjectVersionInfo['state'], string | undefined>> = {
  latest: undefined,
  older: 'OLDER',
  deletion: 'DELETE',
};

/** How an object or a folder is listed, seen from a folder. */
export function listedItem(item: ObjectInfo | FolderInfo, folder: Key): ListedItem {
  const name = folder === '' ? item.key : item.key.slice(folder.length + 1);
  if (item.kind === 'folder') return { kind: 'folder', name, sizeBytes: 0, modified: undefined };
  return { kind: 'object', name, sizeBytes: item.sizeBytes, modified: modifiedOf(item) };
}

/** Folders first; then level by level, and in each by folder and name. */
export function inOrder(items: readonly ListedItem[]): readonly ListedItem[] {
  const keyed = items.map((item) => ({ item, components: item.name.split('/') }));
  return keyed
    .sort((a, b) => {
      if (a.item.kind !== b.item.kind) return a.item.kind === 'folder' ? -1 : 1;
      const byName = a.components.length - b.components.length || compareComponents(a.components, b.components);
      // Versions: the newest first.
      return byName || Number((b.item.modified ?? 0n) - (a.item.modified ?? 0n));
    })
    .map(({ item }) => item);
}

function compareComponents(a: readonly string[], b: readonly string[]): number {
  for (const [index, component] of a.entries()) {
    const other = b[index] ?? '';
    if (component !== other) return component < other ? -1 : 1;
  }
  return 0;
}

/** The bytes of objects together. */
export function totalBytesOf(objects: readonly Pick<ObjectInfo, 'sizeBytes'>[]): number {
  return objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}
