/** Settings of backups that are one stream of bytes (`mysql.md` 4, 6 and 8 of the specification). */
import { byteSize, integer, text } from '../config/parsers.ts';
import { optionalSetting, setting } from '../config/setting.ts';

const mayHoldPasswords = { secret: true };

/** The commands that make such a stream and take it back. */
export const streamSettings = {
  createCommand: optionalSetting(
    'WALG_STREAM_CREATE_COMMAND',
    text,
    'Command for the shell that writes a backup to its standard output; backup-push stores that.',
    mayHoldPasswords,
  ),
  restoreCommand: optionalSetting(
    'WALG_STREAM_RESTORE_COMMAND',
    text,
    'Command for the shell that reads a backup from its standard input; backup-fetch feeds it.',
    mayHoldPasswords,
  ),
};

/** How a stream is cut into several objects. */
export const splitSettings = {
  partitions: optionalSetting(
    'WALG_STREAM_SPLITTER_PARTITIONS',
    integer({ min: 1, max: 1000 }),
    'Objects that a stream is dealt out to, block after block, so that they are uploaded side by side. Unset: 1, a single object.',
  ),
  blockBytes: setting(
    'WALG_STREAM_SPLITTER_BLOCK_SIZE',
    byteSize({ min: 1 }),
    '1048576',
    'Size of those blocks: a number of bytes, or with kb, mb, gb.',
    { unit: 'bytes' },
  ),
  maxFileBytes: setting(
    'WALG_STREAM_SPLITTER_MAX_FILE_SIZE',
    integer({ min: 0 }),
    '0',
    'Bytes of the stream, before compression, after which the next object of a partition begins. 0: no limit.',
    { unit: 'bytes' },
  ),
  attempts: setting(
    'WALG_BACKUP_DOWNLOAD_MAX_RETRY',
    integer({ min: 1, max: 10_000 }),
    '1',
    'How often an object of a stream is read anew, after all retries of the storage, when reading it breaks off; 1: never.',
    { aliases: ['WALG_BACKUP_DOWNLOAD_MAX_RETRIES'] },
  ),
};
