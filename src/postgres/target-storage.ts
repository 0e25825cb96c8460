/** The name of a storage, for when there can be several. There is one. */
import { readSetting, type RawSettings } from '../config/setting.ts';
import { ArchiverError } from '../errors.ts';
import { postgresSettings } from './settings.ts';

/** The only storage's name in lists. */
export const defaultStorageName = 'default';

/**
 * Checks `--target-storage`, or its setting.
 *
 * @param option the flag's value
 * @throws ArchiverError (kind `config`) for any name but `default`
 */
export function requireDefaultStorage(raw: RawSettings, option: string | boolean | undefined): void {
  const name = typeof option === 'string' ? option : readSetting(postgresSettings.targetStorage, raw);
  if (name === undefined || name === defaultStorageName) return;
  throw new ArchiverError('config', `unknown storage: ${JSON.stringify(name)}`, {
    hint: 'Leave --target-storage and WALG_TARGET_STORAGE out, or say "default": this version uses one storage.',
  });
}
