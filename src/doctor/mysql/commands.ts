/** Whether the commands and programs that backups and restores run are there. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { readSettings, type RawSettings } from '../../config/setting.ts';
import { ArchiverError } from '../../errors.ts';
import { mysqlRestoreSettings } from '../../mysql/backup/settings.ts';
import { findClientPrograms } from '../../mysql/binlog/replay/client-programs.ts';
import type { Flavor } from '../../mysql/server/server.ts';
import { binlogRestoreSettings } from '../../mysql/settings.ts';
import { programOf } from '../../stream/command-failed.ts';
import { streamSettings } from '../../stream/settings.ts';
import { ok, skip, warn, type Finding } from '../check.ts';
import type { Findings } from '../database/judge.ts';

/** @param flavor of the server; undefined: it is not known */
export function judgeCommands(settings: RawSettings, flavor: Flavor | undefined): Findings {
  const { createCommand, restoreCommand } = readSettings(streamSettings, settings);
  const { prepareCommand } = readSettings(mysqlRestoreSettings, settings);
  const searchPath = settings.toEnvironment()['PATH'] ?? '';
  const makesFiles = /xtrabackup|xbstream|mariabackup|mariadb-backup|mbstream/.test(createCommand ?? '');
  const prepare =
    prepareCommand === undefined && makesFiles
      ? warn(
          'WALG_MYSQL_BACKUP_PREPARE_COMMAND is not set: a restored backup is not ready for the server',
          'Set it, for example to mariadb-backup --prepare --target-dir=/var/lib/mysql, or prepare by hand after a restore.',
        )
      : undefined;
  return {
    create_command: commandFinding('WALG_STREAM_CREATE_COMMAND', createCommand, {
      searchPath,
      unset: 'not set: backup-push needs it, stream-push does not',
    }),
    restore_command: commandFinding('WALG_STREAM_RESTORE_COMMAND', restoreCommand, {
      searchPath,
      unset: 'not set: backup-fetch needs it, stream-fetch does not',
    }),
    ...(prepare === undefined && prepareCommand === undefined
      ? {}
      : { prepare_command: prepare ?? commandFinding('', prepareCommand, { searchPath, unset: '' }) }),
    replay_programs: replayFinding(settings, flavor, searchPath),
  };
}

function commandFinding(
  name: string,
  command: string | undefined,
  { searchPath, unset }: { readonly searchPath: string; readonly unset: string },
): Finding {
  if (command === undefined) return skip(`${name} is ${unset}`);
  const program = programOf(command);
  // The shell knows its own words, and lines that are more than a program and its arguments.
  if (program === undefined) return ok('a line of the shell, which is not looked into');
  if (hasProgram(program, searchPath)) return ok(`"${program}"`);
  return warn(
    `there is no program "${program}"`,
    'Install it on the machine that runs this command, or write its full path.',
  );
}

const shellWords = new Set(['set', 'cd', 'exec', 'if', 'for', 'while', 'trap', 'export', 'umask', 'test', 'true', '.']);

function hasProgram(name: string, searchPath: string): boolean {
  if (shellWords.has(name)) return true;
  const paths = name.includes('/') ? [name] : searchPath.split(delimiter).map((folder) => join(folder, name));
  return paths.some((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function replayFinding(settings: RawSettings, flavor: Flavor | undefined, searchPath: string): Finding {
  if (readSettings(binlogRestoreSettings, settings).replayCommand !== undefined) {
    return ok('WALG_MYSQL_BINLOG_REPLAY_COMMAND applies binlogs');
  }
  try {
    const { binlog, client } = findClientPrograms(flavor ?? 'mariadb', searchPath);
    return ok(`${binlog}, ${client}`);
  } catch (error) {
    if (!(error instanceof ArchiverError)) throw error;
    return warn(`${error.message}: binlog-replay needs it`, error.hint ?? 'Install it where you restore.');
  }
}
