/** What is odd about the settings themselves. */
import type { SettingWarning } from '../config/load.ts';
import { readSetting, type RawSettings } from '../config/setting.ts';
import { storageSettings } from '../storage/settings.ts';
import { fail, ok, warn, type Check, type Finding } from './check.ts';

/** Where the settings came from. */
export interface Configuration {
  readonly settings: RawSettings;
  /** The file that was read, if any. */
  readonly path: string | undefined;
  readonly warnings: readonly SettingWarning[];
}

/** Checks the settings; those with invalid values have ended the run before. */
export function* checkConfiguration({ settings, path, warnings }: Configuration): Generator<Check> {
  yield { area: 'settings', name: 'file', ...fileFinding(path, warnings) };
  const unknown = warnings.filter(({ fields }) => fields['name'] !== undefined);
  if (unknown.length === 0) yield { area: 'settings', name: 'names', ...ok('all names are known') };
  for (const { fields } of unknown) {
    const { name, nearest, file } = fields;
    const meant = nearest === undefined ? '' : `, did you mean ${String(nearest)}?`;
    const place = file === undefined ? 'the environment' : String(file);
    const text = `${String(name)} in ${place} means nothing${meant}`;
    yield { area: 'settings', name: 'names', ...warn(text, 'Correct the name, or remove it: it has no effect.') };
  }
  const prefixes = Object.values(storageSettings).filter((one) => one !== storageSettings.storagePrefix);
  const set = prefixes.filter((one) => readSetting(one, settings) !== undefined);
  const [used, ...others] = set.map(({ env }) => env);
  if (used === undefined || others.length === 0) return;
  const text = `${[used, ...others].join(', ')} are set, and ${used} is used`;
  yield { area: 'settings', name: 'storages', ...warn(text, `Remove ${others.join(' and ')}.`) };
}

function fileFinding(path: string | undefined, warnings: readonly SettingWarning[]): Finding {
  const broken = warnings.find(({ fields }) => fields['path'] !== undefined);
  if (broken !== undefined) {
    const { path: given, reason } = broken.fields;
    return fail(
      `"${String(given)}" is not used: ${String(reason)}`,
      'Correct the file, or name another one by --config.',
    );
  }
  return ok(path === undefined ? 'no configuration file; flags and environment only' : `"${path}"`);
}
