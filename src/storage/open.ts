/** From settings to a storage. Each adapter is loaded only when it is chosen: SDKs take longer to load than a WAL segment to archive. */
import { ArchiverError } from '../errors.ts';
import { readSettings, type RawSettings } from '../config/setting.ts';
import { inFolder } from './folder.ts';
import { storageSettings } from './settings.ts';
import type { Storage } from './storage.ts';

/**
 * Opens the storage that the settings name: the first of OSS, S3, FILE, GS, AZ, SWIFT, SSH whose prefix is set
 * (`storages.md` 1.2 of the specification), seen from the folder `WALG_STORAGE_PREFIX`.
 *
 * @throws ArchiverError (`config`) when none is set, or the one that is cannot be used
 */
export async function openStorage(raw: RawSettings): Promise<Storage> {
  const { storagePrefix, ...prefixes } = readSettings(storageSettings, raw);
  const storage = await openPrefix(prefixes);
  const folder = (storagePrefix ?? '').split('/').filter((component) => component !== '');
  return folder.length === 0 ? storage : inFolder(storage, folder.join('/'));
}

async function openPrefix(prefixes: Readonly<Record<string, string | undefined>>): Promise<Storage> {
  for (const [name, prefix] of Object.entries(prefixes)) {
    if (prefix === undefined) continue;
    if (name === 'filePrefix') {
      const { openFileStorage } = await import('./file/file-storage.ts');
      return openFileStorage({ prefix });
    }
    throw new ArchiverError('config', `${variableOf(name)} is set, and that storage is not in this version`, {
      hint: 'Use WALG_FILE_PREFIX with a directory, and remove the other setting: it would be chosen before it.',
    });
  }
  throw new ArchiverError('config', 'no storage is configured', {
    hint: `Set one of ${Object.keys(prefixes).map(variableOf).join(', ')}; this version can use WALG_FILE_PREFIX.`,
  });
}

function variableOf(name: string): string {
  return Object.entries(storageSettings).find(([key]) => key === name)?.[1].env ?? name;
}
