/** All settings: the one list of groups, from which documentation, help and the check of names come. */
import type { SettingSection } from '../config/describe.ts';
import { logSettings } from '../config/log-settings.ts';
import { compressionSettings } from '../codecs/settings.ts';
import { cryptoSettings } from '../crypto/settings.ts';
import { downloadSettings, networkSettings, uploadSettings } from '../pipeline/settings.ts';
import { fetchSettings, laterFetchSettings } from '../postgres/backup/fetch-settings.ts';
import { backupSettings, laterBackupSettings } from '../postgres/backup/settings.ts';
import { connectionSettings, serverSettings } from '../postgres/server/settings.ts';
import { postgresSettings } from '../postgres/settings.ts';
import { walFetchSettings, walPushSettings, walSettings } from '../postgres/wal/settings.ts';
import { storageSettings } from '../storage/settings.ts';
import { settingsKnownLater } from './settings-known-later.ts';

/** Every group of settings, in the order of the documentation. */
export const settingSections: readonly SettingSection[] = [
  { title: 'Storage', settings: storageSettings },
  { title: 'Pushing', settings: uploadSettings },
  { title: 'Fetching', settings: downloadSettings },
  { title: 'Network', settings: networkSettings },
  { title: 'Compression', settings: compressionSettings },
  { title: 'Encryption', settings: cryptoSettings },
  { title: 'Backups', settings: { ...backupSettings, ...laterBackupSettings } },
  { title: 'PostgreSQL', settings: postgresSettings },
  { title: 'PostgreSQL server', settings: { ...connectionSettings, ...serverSettings } },
  { title: 'Restoring', settings: { ...fetchSettings, ...laterFetchSettings } },
  { title: 'WAL archive', settings: { ...walSettings, ...walPushSettings, ...walFetchSettings } },
  { title: 'Log', settings: logSettings },
];

/** Every name that means something: settings, their aliases, and those that later versions use. */
export function knownSettingNames(): ReadonlySet<string> {
  const names = new Set<string>(['WALG_CONFIG_PATH', ...settingsKnownLater()]);
  for (const { settings } of settingSections) {
    for (const { env, aliases } of Object.values(settings)) for (const name of [env, ...aliases]) names.add(name);
  }
  return names;
}

/** Names that are accepted and not used by this version, without the prefixed spellings of each. */
export function namesNotUsedYet(): readonly string[] {
  const used = new Set(settingSections.flatMap(({ settings }) => Object.values(settings).map(({ env }) => env)));
  return [...settingsKnownLater({ spellings: false })].filter((name) => !used.has(name)).sort();
}
