/** What somebody should do something about, from the state of an archive of MySQL. Pure. */
import { problemsOfBackup } from '../../catalog/status/backup-problems.ts';
import { failuresFirst, type Problem } from '../../catalog/status/problem.ts';
import { serverUnreachable } from '../../catalog/status/server-problem.ts';
import { storageProblems } from '../../catalog/status/storage-problems.ts';
import { binlogNameOf, parseBinlogName } from '../binlog/binlog-name.ts';
import type { MysqlStatus } from './archive-status.ts';

/** Failures first. */
export function problemsOf(status: MysqlStatus): readonly Problem[] {
  return failuresFirst([
    ...backupProblems(status),
    ...binlogProblems(status),
    ...serverProblems(status),
    ...storageProblems(status),
  ]);
}

function* backupProblems({ backups, last }: MysqlStatus): Generator<Problem> {
  const newest = backups.at(-1);
  if (newest === undefined) {
    yield {
      severity: 'failure',
      name: 'no_backup',
      text: 'there is no backup',
      hint: 'Run backup-push or stream-push: binlogs alone bring nothing back.',
      kind: 'missing',
    };
  }
  for (const backup of backups) yield* problemsOfBackup(backup, backup === newest);
  const lastNumber = parseBinlogName(last?.name ?? '')?.number;
  const start = parseBinlogName(newest?.binlog ?? '')?.number;
  // A binlog that is still to be pushed is none that is missing.
  if (newest?.alone === undefined || lastNumber === undefined || start === undefined || start > lastNumber) return;
  yield {
    severity: 'warning',
    name: 'backup_alone',
    text: `no binlogs lead on from the newest backup, "${newest.name}": ${newest.alone}`,
    hint: 'If the server still has the binlog, push it by binlog-push; else make another backup.',
    kind: 'missing',
  };
}

/** More than a job that pushes every few minutes leaves. */
const manyBinlogs = 16;

function* binlogProblems({ current, recovery, last, lag, server }: MysqlStatus): Generator<Problem> {
  if (current?.isBroken === true) {
    const gap = recovery.gaps.find(({ base, first }) => base === current.base && first === current.missing);
    const count = gap === undefined ? '' : ` (${gap.binlogs} binlog${gap.binlogs === 1 ? '' : 's'})`;
    yield {
      severity: 'failure',
      name: 'binlog_gap',
      text: `recovery ends at "${current.missing}", which is missing${count} though there are newer binlogs`,
      hint: 'If the server still has it, push it by binlog-push; else run backup-push now, from which recovery can go on.',
      kind: 'missing',
    };
  }
  if (last === undefined) {
    yield {
      severity: 'warning',
      name: 'no_binlogs',
      text: 'no binlogs are in the archive',
      hint: 'Run binlog-push regularly, or binlog-push --follow: without binlogs, what was written since a backup is lost.',
      kind: 'missing',
    };
  }
  if (lag?.lost !== undefined && last !== undefined) {
    const { first, count } = lag.lost;
    const { name } = binlogNameOf(parseBinlogName(last.name)?.base ?? '', first);
    yield {
      severity: 'failure',
      name: 'binlogs_lost',
      text: `the server has removed ${count === 1 ? `"${name}"` : `${count} binlogs, from "${name}" on,`} before it was archived`,
      hint: 'Run backup-push now, raise binlog_expire_logs_seconds of the server, and push binlogs more often.',
      kind: 'missing',
    };
  }
  if ((lag?.binlogs ?? 0) >= manyBinlogs && server.kind === 'answered') {
    yield {
      severity: 'warning',
      name: 'binlogs_behind',
      text: `${lag?.binlogs ?? 0} closed binlogs of the server are not in the archive`,
      hint: 'binlog-push does not run, or does not keep up: look at its job and its log.',
      kind: 'unavailable',
    };
  }
}

function* serverProblems({ server }: MysqlStatus): Generator<Problem> {
  if (server.kind === 'failed') yield serverUnreachable(server);
  if (server.kind !== 'answered') return;
  if (server.binlogsProblem !== undefined) {
    yield {
      severity: 'warning',
      name: 'binlogs_hidden',
      text: `the server does not tell of its binlogs: ${server.binlogsProblem}`,
      hint: 'Grant the user REPLICATION CLIENT (of MariaDB: BINLOG MONITOR).',
      kind: 'forbidden',
    };
  } else if (server.active === undefined) {
    yield {
      severity: 'warning',
      name: 'binlog_off',
      text: 'the server writes no binlogs',
      hint: 'Set log_bin and restart it: without binlogs, what was written since a backup is lost.',
      kind: 'config',
    };
  }
}
