/** Which of several storages a command is told to use. */
import { text } from '../config/parsers.ts';
import { optionalSetting, readSetting, type RawSettings } from '../config/setting.ts';

/** The choice of a storage by a setting. */
export const targetStorageSettings = {
  targetStorage: optionalSetting(
    'WALG_TARGET_STORAGE',
    text,
    'The storage to use of several, by its name; the primary one is `default`. Flag --target-storage.',
  ),
};

/**
 * The name of `--target-storage`, else of its setting; undefined when neither is given. Whether there is such a storage
 * shows when it is opened.
 *
 * @param option the flag's value
 */
export function targetStorageOf(raw: RawSettings, option: string | boolean | undefined): string | undefined {
  return typeof option === 'string' ? option : readSetting(targetStorageSettings.targetStorage, raw);
}

/** The settings for others who are to use the storage of that name. */
export function withTargetStorage(
  environment: Readonly<Record<string, string>>,
  name: string | undefined,
): Readonly<Record<string, string>> {
  return name === undefined ? environment : { ...environment, [targetStorageSettings.targetStorage.env]: name };
}
