import { expect, it } from 'vitest';
import { backupOfSentinel, isBackupName, metadataKey, sentinelKey } from '../../../src/catalog/layout.ts';

it('a sentinel names its backup, whatever the folder', () => {
  expect(backupOfSentinel(sentinelKey('base_000000010000000000000002'))).toBe('base_000000010000000000000002');
  expect(backupOfSentinel('base_000000010000000000000002_backup_stop_sentinel.json')).toBe(
    'base_000000010000000000000002',
  );
  expect(backupOfSentinel(metadataKey('base_000000010000000000000002'))).toBeUndefined();
  expect(backupOfSentinel('basebackups_005/_backup_stop_sentinel.json')).toBeUndefined();
});

it('a name of a backup is one component of a key', () => {
  expect(isBackupName('base_000000010000000000000002')).toBe(true);
  for (const name of ['', '.', '..', 'a/b', '../x', 'a\\b', 'a\0']) expect(isBackupName(name)).toBe(false);
});
