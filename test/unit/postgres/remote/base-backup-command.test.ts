import { describe, expect, it } from 'vitest';
import { baseBackupForm } from '../../../../src/postgres/remote/base-backup-command.ts';

const plain = { label: 'a', kibibytesPerSecond: undefined, verifiesChecksums: false, withManifest: false };
const everything = { label: `it's`, kibibytesPerSecond: 2048, verifiesChecksums: true, withManifest: true };

describe('the command for a base backup', () => {
  it('has a list of options from version 15 on, and one stream for all archives', () => {
    const form = baseBackupForm(150_000);
    expect(form.isOneStream).toBe(true);
    expect(form.command(plain)).toBe(
      `BASE_BACKUP (LABEL 'a', PROGRESS, CHECKPOINT 'fast', WAIT false, TABLESPACE_MAP, VERIFY_CHECKSUMS false)`,
    );
    expect(form.command(everything)).toBe(
      `BASE_BACKUP (LABEL 'it''s', PROGRESS, CHECKPOINT 'fast', WAIT false, MAX_RATE 2048, TABLESPACE_MAP, MANIFEST 'yes')`,
    );
  });

  it('has words up to version 14, and a stream for every archive', () => {
    const form = baseBackupForm(149_999);
    expect(form.isOneStream).toBe(false);
    expect(form.command(plain)).toBe(`BASE_BACKUP LABEL 'a' PROGRESS FAST NOWAIT TABLESPACE_MAP NOVERIFY_CHECKSUMS`);
    expect(form.command(everything)).toBe(
      `BASE_BACKUP LABEL 'it''s' PROGRESS FAST NOWAIT MAX_RATE 2048 TABLESPACE_MAP MANIFEST 'yes'`,
    );
  });

  it('does not ask servers before version 11 about checksums, which they never verify', () => {
    expect(baseBackupForm(100_023).command(plain)).toBe(`BASE_BACKUP LABEL 'a' PROGRESS FAST NOWAIT TABLESPACE_MAP`);
  });
});
