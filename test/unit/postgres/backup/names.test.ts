import { describe, expect, it } from 'vitest';
import {
  fullBackupName,
  isControlPart,
  isLabelPart,
  isWalEBackupName,
  partName,
  timelineOfBackup,
  walFileNameOf,
} from '../../../../src/postgres/backup/names.ts';

describe('names of backups', () => {
  const full = fullBackupName('000000010000000000000002');
  const delta = 'base_000000020000000000000019_D_000000010000000000000004';

  it('hold the WAL file they start in, and its timeline', () => {
    expect(walFileNameOf(delta)).toBe('000000020000000000000019');
    expect(walFileNameOf('stream_20261121T032840Z')).toBe('ZZZZZZZZZZZZZZZZZZZZZZZZ');
    expect(timelineOfBackup('base_0000001A0000000000000019')).toBe(0x1a);
    expect(timelineOfBackup('stream_20261121T032840Z')).toBeUndefined();
  });

  it('of WAL-E are told from the others', () => {
    expect([full, delta, `${full}_00000040`].map(isWalEBackupName)).toEqual([false, false, true]);
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
