import { describe, expect, it } from 'vitest';
import { formatVersion, traitsOf } from '../../../src/postgres/version.ts';

describe('the table of server versions', () => {
  it.each([
    [180_004, 'pg_backup_start($1, true)', 'pg_backup_stop('],
    [150_000, 'pg_backup_start($1, true)', 'pg_backup_stop('],
    [149_999, 'pg_start_backup($1, true, false)', 'pg_stop_backup(false, $1'],
    [100_000, 'pg_start_backup($1, true, false)', 'pg_stop_backup(false, $1'],
    [90_624, 'pg_start_backup($1, true, false)', 'pg_stop_backup(false)'],
  ])('%i starts with %s and stops with %s', (version, start, stop) => {
    expect(traitsOf(version).startBackup).toContain(`pg_catalog.${start}`);
    expect(traitsOf(version).stopBackup).toContain(`pg_catalog.${stop}`);
  });

  it('refuses servers without non-exclusive backups', () => {
    expect(() => traitsOf(90_524)).toThrow('PostgreSQL 9.5.24 is too old');
  });

  it('speaks of WAL only from 10 on', () => {
    expect(traitsOf(90_600).switchWal).toContain('pg_switch_xlog');
    expect(traitsOf(100_000).switchWal).toContain('pg_switch_wal');
  });

  it('writes versions as people do', () => {
    expect([180_004, 100_023, 90_624].map(formatVersion)).toEqual(['18.4', '10.23', '9.6.24']);
  });
});
