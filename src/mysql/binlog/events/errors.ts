/** What can be wrong with the bytes of a binary log. */
import { ArchiverError, CorruptError } from '../../../errors.ts';

/** A binary log ends in the midst of an event, or before its first one. */
export class BinlogEndsEarlyError extends CorruptError {
  /** Where its last whole event ends. */
  readonly position: number;

  constructor(name: string, position: number, missing: string) {
    super(`"${name}" ends early: ${missing}`, {
      hint: `The file was cut off; up to position ${position} it is whole.`,
    });
    this.position = position;
  }
}

/** A binary log whose events cannot be read, because the server encrypts them. */
export class EncryptedBinlogError extends ArchiverError {
  constructor(name: string) {
    super('corrupt', `"${name}" is encrypted by its server, its events cannot be read`, {
      hint: 'Only a server that has the key can apply it. Turn off binlog_encryption (of MariaDB: encrypt_binlog), and let walvault encrypt what it stores.',
    });
  }
}
