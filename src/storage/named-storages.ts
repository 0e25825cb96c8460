/**
 * Several storages side by side, by their names: maps of the configuration file, each with the settings of one more
 * storage (`storages.md` 9.1 of the specification). What is done with them is `failover/` and `mirror/`.
 */
import type { Parser, RawSettings } from '../config/setting.ts';
import { ArchiverError } from '../errors.ts';
import { storageSettings } from './settings.ts';
import type { Key, NamedStorage, Storage } from './storage.ts';

/** The name of the storage that the settings name outright, also when it is the only one. */
export const defaultStorageName = 'default';

/** Settings by their names in upper case, by the name of the storage in lower case. */
export type StorageMap = ReadonlyMap<string, ReadonlyMap<string, string>>;

const reservedNames: readonly string[] = [defaultStorageName, 'all'];

/** Such a map, as the JSON text that the configuration file's map becomes. */
export const storageMap: Parser<StorageMap> = {
  type: 'map',
  allowed:
    'in the configuration file, a map from names (not "default" or "all") to the settings of one storage each, a prefix among them',
  parse(text) {
    const storages = new Map<string, ReadonlyMap<string, string>>();
    for (const [written, settings] of entriesOf(JSON.parse(text))) {
      const name = written.toLowerCase();
      if (/^$|[\s\u0000-\u001f]/.test(name) || reservedNames.includes(name) || storages.has(name)) throw new Error();
      const own = new Map<string, string>();
      for (const [setting, value] of entriesOf(settings)) {
        if (!['string', 'number', 'boolean'].includes(typeof value)) throw new Error();
        if (value !== '') own.set(setting.toUpperCase(), String(value));
      }
      if (!prefixNames.some((prefix) => own.has(prefix))) throw new Error();
      storages.set(name, own);
    }
    return storages;
  },
};

const { storagePrefix, ...prefixes } = storageSettings;
const prefixNames = Object.values(prefixes).flatMap(({ env, aliases }) => [env, ...aliases]);

/** Of the program and not of a storage: one value for all. */
const commonNames: ReadonlySet<string> = new Set([storagePrefix.env, 'WALG_MEMORY_LIMIT', 'WALG_UPLOAD_CONCURRENCY']);

function entriesOf(value: unknown): readonly (readonly [string, unknown])[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error();
  return Object.entries(value);
}

/** The settings of one such storage: its own; of the others what has no prefix `WALG_` or `WALE_`, and what is common to all. */
export function settingsOfMember(raw: RawSettings, own: ReadonlyMap<string, string>): RawSettings {
  const isShared = (name: string): boolean => commonNames.has(name) || !/^WAL[GE]_/.test(name);
  return {
    get(name) {
      const text = commonNames.has(name) ? undefined : own.get(name);
      if (text !== undefined) return { text, origin: 'file' };
      return isShared(name) ? raw.get(name) : undefined;
    },
    toEnvironment() {
      const shared = Object.entries(raw.toEnvironment()).filter(([name]) => isShared(name));
      return { ...Object.fromEntries(shared), ...Object.fromEntries(own) };
    },
  };
}

/** One of several storages before anything is asked of it. */
export interface OpenedMember {
  readonly name: string;
  /** Where it is, as its settings say: tells it from others. */
  readonly place: string;
  /** Without retries of its own. */
  readonly storage: Storage;
}

/** Where a storage is, in words that are no secret. */
export function placeOf(raw: RawSettings): string {
  const names = [...prefixNames, 'BUCKET_NAME', 'AWS_ENDPOINT', 'AWS_ENDPOINT_URL_S3', storagePrefix.env];
  return names.flatMap((name) => raw.get(name)?.text ?? []).join(' ');
}

/** The one of that name, whatever its case. @throws ArchiverError (`config`) */
export function storageNamed<T extends { readonly name: string }>(name: string, storages: readonly T[]): T {
  const found = storages.find((one) => one.name === name.toLowerCase());
  if (found !== undefined) return found;
  const names = storages.map((one) => `"${one.name}"`).join(', ');
  throw new ArchiverError('config', `unknown storage: ${JSON.stringify(name)}`, {
    hint:
      storages.length === 1
        ? 'Leave the name out, or say "default": no other storage is configured.'
        : `Name one of ${names}, or correct the configuration file.`,
  });
}

/**
 * The first of several storages that holds an object, for what must be read from one of them alone.
 *
 * @returns undefined when the storage is no such union, or none of them holds it
 */
export async function holderOf(
  storage: Storage,
  key: Key,
  options: { readonly signal: AbortSignal },
): Promise<NamedStorage | undefined> {
  for (const member of storage.members ?? []) {
    if ((await member.storage.stat(key, options)) !== undefined) return member;
  }
  return undefined;
}
