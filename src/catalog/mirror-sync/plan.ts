/** What storages that are to hold the same lack of each other. Nothing is changed here. */
import { messageOf } from '../../errors.ts';
import type { Abortable, Key, NamedStorage, ObjectInfo } from '../../storage/storage.ts';
import { baseNameOf } from '../../storage/key.ts';
import { backupOfSentinel, backupsFolder, catchupsFolder } from '../layout.ts';

/** An object that some storages have and others lack. */
export interface MissingObject {
  readonly key: Key;
  readonly sizeBytes: number;
  readonly modified: Date;
  readonly from: NamedStorage;
  /** At least one. */
  readonly to: readonly NamedStorage[];
}

/** Objects of one key that cannot be the same. */
export interface DifferentObject {
  readonly key: Key;
  /** By the names of the storages that have it. */
  readonly sizes: ReadonlyMap<string, number>;
}

/** A storage that could not be listed. */
export interface UnreachableStorage {
  readonly name: string;
  readonly error: unknown;
}

/** What to copy where. */
export interface SyncPlan {
  /** Everything but sentinels. */
  readonly payload: readonly MissingObject[];
  /** Oldest first: the order of backups is that of their sentinels. */
  readonly sentinels: readonly MissingObject[];
  readonly different: readonly DifferentObject[];
  /** Backups without a sentinel anywhere: being pushed now, or left by a push that failed. They are not copied. */
  readonly unfinished: readonly string[];
  readonly unreachable: readonly UnreachableStorage[];
}

/** Which storages give, which are given to; one may be both. */
export interface SyncStorages {
  readonly from: readonly NamedStorage[];
  readonly to: readonly NamedStorage[];
}

/** What is there for a while only (what checks write, and leases), and what tells of one storage alone: reports of verification. */
const passingObject = /^(?:wal-g_storage_check$|walvault_(?:doctor|key_check)_|walvault_leases\/|walvault_verify)/;

/** Compares the listings. A storage that cannot be listed is left aside and told. */
export async function planSync({ from, to }: SyncStorages, options: Abortable): Promise<SyncPlan> {
  const all = [...new Set([...from, ...to])];
  const listings = new Map<NamedStorage, ReadonlyMap<Key, ObjectInfo>>();
  const unreachable: UnreachableStorage[] = [];
  await Promise.all(
    all.map(async (one) => {
      try {
        listings.set(one, await listAll(one, options));
      } catch (error) {
        options.signal?.throwIfAborted();
        unreachable.push({ name: one.name, error });
      }
    }),
  );
  const sources = from.filter((one) => listings.has(one));
  const targets = to.filter((one) => listings.has(one));
  const missing: MissingObject[] = [];
  const different: DifferentObject[] = [];
  const complete = new Set<string>();
  for (const key of keysOf(listings)) {
    const whole = folderOfSentinel(key);
    if (whole !== undefined) complete.add(whole);
    const have = all.flatMap((one) => {
      const info = listings.get(one)?.get(key);
      return info === undefined ? [] : [{ one, info }];
    });
    const source = sources.find((one) => listings.get(one)?.has(key));
    const info = source === undefined ? undefined : listings.get(source)?.get(key);
    if (source === undefined || info === undefined) continue;
    if (have.some((other) => other.info.sizeBytes !== info.sizeBytes)) {
      different.push({ key, sizes: new Map(have.map((other) => [other.one.name, other.info.sizeBytes])) });
      continue;
    }
    const lacking = targets.filter((one) => listings.get(one)?.has(key) !== true);
    if (lacking.length === 0) continue;
    missing.push({ key, sizeBytes: info.sizeBytes, modified: info.modified, from: source, to: lacking });
  }
  const unfinished = new Set<string>();
  const payload = missing.filter(({ key }) => {
    if (folderOfSentinel(key) !== undefined) return false;
    const folder = folderOf(key);
    if (folder === undefined || complete.has(folder)) return true;
    unfinished.add(baseNameOf(folder));
    return false;
  });
  const sentinels = missing
    .filter(({ key }) => folderOfSentinel(key) !== undefined)
    .sort((a, b) => a.modified.getTime() - b.modified.getTime());
  return { payload, sentinels, different, unfinished: [...unfinished].sort(), unreachable: unreachable.sort(byName) };
}

const folders: readonly string[] = [backupsFolder, catchupsFolder];

/** The folder of the backup or catchup that an object is a part of, its sentinel aside. */
export function folderOf(key: Key): Key | undefined {
  const [folder = '', name = '', ...rest] = key.split('/');
  return folders.includes(folder) && rest.length > 0 ? `${folder}/${name}` : undefined;
}

/** The folder of what an object is the sentinel of; undefined of others. */
export function folderOfSentinel(key: Key): Key | undefined {
  const [folder = '', ...rest] = key.split('/');
  const name = folders.includes(folder) && rest.length === 1 ? backupOfSentinel(key) : undefined;
  return name === undefined ? undefined : `${folder}/${name}`;
}

/** Why a storage was left aside, for messages. */
export function reasonOf({ name, error }: UnreachableStorage): string {
  return `"${name}": ${messageOf(error)}`;
}

function byName(a: UnreachableStorage, b: UnreachableStorage): number {
  return a.name < b.name ? -1 : 1;
}

async function listAll({ storage }: NamedStorage, options: Abortable): Promise<ReadonlyMap<Key, ObjectInfo>> {
  const found = new Map<Key, ObjectInfo>();
  for await (const info of storage.list('', { ...options, recursive: true })) {
    if (info.kind === 'object' && !passingObject.test(info.key)) found.set(info.key, info);
  }
  return found;
}

function keysOf(listings: ReadonlyMap<NamedStorage, ReadonlyMap<Key, ObjectInfo>>): ReadonlySet<Key> {
  const keys = new Set<Key>();
  for (const listing of listings.values()) for (const key of listing.keys()) keys.add(key);
  return keys;
}
