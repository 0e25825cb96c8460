/** `backup_label`: from where a restored cluster must recover. Format: PostgreSQL `read_backup_label`, xlogrecovery.c. */
import { CorruptError } from '../../errors.ts';
import { parseLsn, type Lsn } from '../lsn.ts';

/** What the label says. */
export interface BackupLabel {
  readonly startLsn: Lsn;
}

/** Reads a label. @throws CorruptError when it is none */
export function parseBackupLabel(text: string): BackupLabel {
  const lsn = /^START WAL LOCATION: ([0-9A-F]+\/[0-9A-F]+) \(file [0-9A-F]{24}\)$/m.exec(text)?.[1];
  if (lsn === undefined) throw new CorruptError('malformed backup label');
  return { startLsn: parseLsn(lsn) };
}
