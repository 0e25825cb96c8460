import { describe, expect, it } from 'vitest';
import {
  deltaBackupName,
  fullBackupName,
  isControlPart,
  isLabelPart,
  isPostgresBackupName,
  isWalEBackupName,
  partName,
  timelineOfBackup,
  walFileNameOf,
} from '../../../../src/postgres/backup/names.ts';

describe('names of backups', () => {
  const full = fullBackupName('000000010000000000000002');
  const first = deltaBackupName('000000010000000000000004', full);
  const second = deltaBackupName('000000020000000000000019', first);

  it('chain each delta to its parent, not to the parent’s parent', () => {
    expect([full, first, second]).toEqual([
      'base_000000010000000000000002',
      'base_000000010000000000000004_D_000000010000000000000002',
      'base_000000020000000000000019_D_000000010000000000000004',
    ]);
  });

  it('hold the WAL file they start in, and its timeline', () => {
    expect(walFileNameOf(second)).toBe('000000020000000000000019');
    expect(walFileNameOf('stream_20261121T032840Z')).toBe('ZZZZZZZZZZZZZZZZZZZZZZZZ');
    expect(timelineOfBackup('base_0000001A0000000000000019')).toBe(0x1a);
    expect(timelineOfBackup('stream_20261121T032840Z')).toBeUndefined();
  });

  it('are told from other names', () => {
    for (const name of [full, first, `${full}_00000040`]) expect(isPostgresBackupName(name)).toBe(true);
    for (const name of ['base_1', `${full}x`, `x${full}`, 'base_00000001000000000000000a'])
      expect(isPostgresBackupName(name)).toBe(false);
    expect([full, first, `${full}_00000040`].map(isWalEBackupName)).toEqual([false, false, true]);
  });
});

describe('names of parts', () => {
  it('have at least three digits', () => {
    expect([1, 999, 1000].map(partName)).toEqual(['part_001.tar', 'part_999.tar', 'part_1000.tar']);
  });

  it('tell the two that are unpacked last', () => {
    expect(
      ['pg_control.tar', 'pg_control.tar.lz4', 'part_001.tar', 'pg_control.tarx', 'pg_control.tar.'].map(isControlPart),
    ).toEqual([true, true, false, false, false]);
    expect(['backup_label.tar.br', 'backup_label.tar', 'pg_control.tar.br'].map(isLabelPart)).toEqual([
      true,
      true,
      false,
    ]);
  });
});
