/**
 * Collects the texts of all settings: flag over environment over file (`config.md` 1 of the specification). Defaults and
 * values are no business of this module; see `setting.ts`.
 */
import { existsSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { ArchiverError, messageOf } from '../errors.ts';
import type { LogFields } from '../platform/logger.ts';
import { nearest } from './distance.ts';
import { homeExtensions, parseConfigFile } from './file.ts';
import type { RawSettings, SettingOrigin } from './setting.ts';

/** Where to look. */
export interface SettingSources {
  /** From the command line, by the names of the settings. */
  readonly flags: ReadonlyMap<string, string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `--config`; else `WALG_CONFIG_PATH`, else `.walg.<extension>` in the home directory. */
  readonly configPath?: string | undefined;
  /** Undefined when the user has none. */
  readonly home: string | undefined;
  /** Every name that means something. */
  readonly knownNames: ReadonlySet<string>;
}

/** Something an operator should know about the settings; logged as soon as there is a log. */
export interface SettingWarning {
  readonly message: string;
  readonly fields: LogFields;
}

/** The settings of a run, and what was odd about them. */
export interface LoadedSettings {
  readonly settings: RawSettings;
  /** The file they come from, if any was read. */
  readonly configPath: string | undefined;
  readonly warnings: readonly SettingWarning[];
}

/**
 * Loads the settings. A file that cannot be read or parsed, and unknown names, are warnings: WAL-G goes on as well.
 */
export async function loadSettings(sources: SettingSources): Promise<LoadedSettings> {
  const { flags, env, home, knownNames } = sources;
  const warnings: SettingWarning[] = [];
  const configPath = nonEmpty(sources.configPath) ?? nonEmpty(env['WALG_CONFIG_PATH']) ?? homeFile(home);
  const file = configPath === undefined ? undefined : await readConfig(configPath, warnings);

  for (const name of file?.keys() ?? []) {
    if (!knownNames.has(name)) warnings.push(unknown(name, knownNames, configPath));
  }
  for (const name of Object.keys(env)) {
    if (name.startsWith('WALG_') && !knownNames.has(name)) warnings.push(unknown(name, knownNames, undefined));
  }

  return {
    settings: layered(
      [
        ['flag', (name) => flags.get(name)],
        ['environment', (name) => env[name]],
        ['file', (name) => file?.get(name)],
      ],
      () => ({ ...Object.fromEntries(file ?? []), ...withoutEmpty(env), ...Object.fromEntries(flags) }),
    ),
    configPath: file === undefined ? undefined : configPath,
    warnings,
  };
}

function layered(
  layers: readonly (readonly [SettingOrigin, (name: string) => string | undefined])[],
  environment: () => Readonly<Record<string, string>>,
): RawSettings {
  return {
    get(name) {
      for (const [origin, lookUp] of layers) {
        const text = nonEmpty(lookUp(name));
        if (text !== undefined) return { text, origin };
      }
      return undefined;
    },
    toEnvironment: () => withoutEmpty(environment()),
  };
}

function homeFile(home: string | undefined): string | undefined {
  if (home === undefined) return undefined;
  return homeExtensions.map((extension) => join(home, `.walg.${extension}`)).find((path) => existsSync(path));
}

async function readConfig(path: string, warnings: SettingWarning[]): Promise<ReadonlyMap<string, string> | undefined> {
  try {
    return await parseConfigFile(readFileSync(path, 'utf8'), extname(path).slice(1));
  } catch (error) {
    const reason = error instanceof ArchiverError ? error.message : messageOf(error);
    warnings.push({ message: 'configuration file not used', fields: { path, reason } });
    return undefined;
  }
}

function unknown(name: string, known: ReadonlySet<string>, file: string | undefined): SettingWarning {
  const probably = nearest(name, known);
  return { message: 'unknown setting', fields: { name, file, nearest: probably } };
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

function withoutEmpty(record: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(record).filter((entry): entry is [string, string] => (entry[1] ?? '') !== ''),
  );
}
