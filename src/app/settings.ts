/** All settings: the one list of groups, from which documentation, help and the check of names come. */
import { settingsOf, type SettingSection } from '../config/describe.ts';
import { logSettings } from '../config/log-settings.ts';
import { compressionSettings } from '../codecs/settings.ts';
import { cryptoSettings } from '../crypto/settings.ts';
import { downloadSettings, networkSettings, uploadSettings } from '../pipeline/settings.ts';
import { fetchSettings } from '../postgres/backup/fetch-settings.ts';
import { backupSettings } from '../postgres/backup/settings.ts';
import { changedBlocksSettings } from '../postgres/changed-blocks/settings.ts';
import { composerSettings } from '../postgres/composers/settings.ts';
import { deltaSettings } from '../catalog/delta-settings.ts';
import { receiveSettings } from '../postgres/receive/settings.ts';
import { resumeSettings } from '../postgres/resume/settings.ts';
import { remoteBackupSettings } from '../postgres/remote/settings.ts';
import { retentionSettings } from '../catalog/retention/settings.ts';
import { connectionSettings, serverSettings } from '../postgres/server/settings.ts';
import { postgresSettings } from '../postgres/settings.ts';
import { partialSegmentSettings, walFetchSettings, walPushSettings, walSettings } from '../postgres/wal/settings.ts';
import { walVerifySettings } from '../postgres/wal-report/settings.ts';
import { mysqlRestoreSettings } from '../mysql/backup/settings.ts';
import { followSettings } from '../mysql/binlog/follow/settings.ts';
import { binlogServerSettings } from '../mysql/binlog/server/settings.ts';
import { binlogPushSettings } from '../mysql/binlog/push/settings.ts';
import { binlogRestoreSettings, mysqlConnectionSettings } from '../mysql/settings.ts';
import { failoverSettings } from '../storage/failover/settings.ts';
import { gcsSettings } from '../storage/gcs/settings.ts';
import { azureSettings } from '../storage/azure/settings.ts';
import { mirrorSettings } from '../storage/mirror/settings.ts';
import { s3Settings } from '../storage/s3/settings.ts';
import { storageSettings } from '../storage/settings.ts';
import { splitSettings, streamSettings } from '../stream/settings.ts';
import { sftpSettings } from '../storage/sftp/settings.ts';
import { swiftSettings } from '../storage/swift/settings.ts';
import { targetStorageSettings } from '../storage/target-storage.ts';
import { memorySettings } from '../storage/upload-buffers.ts';
import { settingsKnownLater } from './settings-known-later.ts';

/** Every group of settings, in the order of the documentation. */
export const settingSections: readonly SettingSection[] = [
  { title: 'Storage', groups: [storageSettings] },
  { title: 'S3', groups: s3Settings },
  { title: 'Azure', groups: azureSettings },
  { title: 'Google Cloud Storage', groups: [gcsSettings] },
  { title: 'Swift', groups: swiftSettings },
  { title: 'Several storages', groups: [failoverSettings, mirrorSettings, targetStorageSettings] },
  { title: 'SFTP', groups: [sftpSettings] },
  { title: 'Pushing', groups: [uploadSettings] },
  { title: 'Fetching', groups: [downloadSettings] },
  { title: 'Network', groups: [networkSettings, memorySettings] },
  { title: 'Compression', groups: [compressionSettings] },
  { title: 'Encryption', groups: cryptoSettings },
  {
    title: 'Backups',
    groups: [
      backupSettings,
      deltaSettings,
      resumeSettings,
      changedBlocksSettings,
      remoteBackupSettings,
      composerSettings,
    ],
  },
  { title: 'PostgreSQL', groups: [postgresSettings] },
  { title: 'PostgreSQL server', groups: [connectionSettings, serverSettings] },
  { title: 'Restoring', groups: [fetchSettings] },
  { title: 'Retention', groups: [retentionSettings] },
  {
    title: 'WAL archive',
    groups: [
      walSettings,
      walPushSettings,
      walFetchSettings,
      partialSegmentSettings,
      receiveSettings,
      walVerifySettings,
    ],
  },
  { title: 'MySQL and MariaDB server', groups: [mysqlConnectionSettings] },
  { title: 'Getting binary logs back', groups: [binlogRestoreSettings] },
  { title: 'Streams', groups: [streamSettings, splitSettings, mysqlRestoreSettings] },
  { title: 'Pushing binary logs', groups: [binlogPushSettings, followSettings] },
  { title: 'Serving binary logs', groups: [binlogServerSettings] },
  { title: 'Log', groups: [logSettings] },
];

/** The settings of all groups. */
export const allSettings = settingSections.flatMap(settingsOf);

let knownNames: ReadonlySet<string> | undefined;

/** Every name that means something: settings, their aliases, and those that later versions use. */
export function knownSettingNames(): ReadonlySet<string> {
  knownNames ??= new Set([
    'WALG_CONFIG_PATH',
    ...settingsKnownLater(),
    ...allSettings.flatMap(({ env, aliases }) => [env, ...aliases]),
  ]);
  return knownNames;
}

/** Names that are accepted and not used by this version, without the prefixed spellings of each. */
export function namesNotUsedYet(): readonly string[] {
  return [...settingsKnownLater({ spellings: false })].sort();
}
