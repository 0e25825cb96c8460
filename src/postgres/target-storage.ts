/** Which of several storages a command is told to use. */
import { readSetting, type RawSettings } from '../config/setting.ts';
import { postgresSettings } from './settings.ts';

/**
 * The name of `--target-storage`, else of its setting; undefined when neither is given. Whether there is such a storage
 * shows when it is opened.
 *
 * @param option the flag's value
 */
export function targetStorageOf(raw: RawSettings, option: string | boolean | undefined): string | undefined {
  return typeof option === 'string' ? option : readSetting(postgresSettings.targetStorage, raw);
}

/** The settings for others who are to use the storage of that name. */
export function withTargetStorage(
  environment: Readonly<Record<string, string>>,
  name: string | undefined,
): Readonly<Record<string, string>> {
  return name === undefined ? environment : { ...environment, [postgresSettings.targetStorage.env]: name };
}
