/** Settings of storages, which WAL-G knows by three names each (`storages.md` 1.3 of the specification). */
import { optionalSetting, setting, type Parser, type Setting, type SettingDetails } from '../config/setting.ts';

/** `S3_SSE`, then `WALG_S3_SSE`, then `WALE_S3_SSE`; unset without a default. */
export function optionalSpelled<T>(
  name: string,
  parser: Parser<T>,
  text: string,
  details?: SettingDetails,
): Setting<T | undefined> {
  return optionalSetting(name, parser, text, withSpellings(name, details));
}

/** The same for a setting with a default, given as the text a user would write. */
export function spelled<T>(
  name: string,
  parser: Parser<T>,
  defaultText: string,
  text: string,
  details?: SettingDetails,
): Setting<T> {
  return setting(name, parser, defaultText, text, withSpellings(name, details));
}

function withSpellings(name: string, details: SettingDetails = {}): SettingDetails {
  const names = [name, ...(details.aliases ?? [])];
  return {
    ...details,
    aliases: [
      ...(details.aliases ?? []),
      ...['WALG', 'WALE'].flatMap((start) => names.map((one) => `${start}_${one}`)),
    ],
  };
}
