/** What somebody should do something about, from the state of an archive. Pure. */
import { problemsOfBackup } from '../../catalog/status/backup-problems.ts';
import { failuresFirst, type Problem } from '../../catalog/status/problem.ts';
import { serverUnreachable } from '../../catalog/status/server-problem.ts';
import { storageProblems } from '../../catalog/status/storage-problems.ts';
import { quoted } from '../../errors.ts';
import type { ArchiveStatus } from './archive-status.ts';
import type { AnsweringServer } from './server-state.ts';

/** Failures first. */
export function problemsOf(status: ArchiveStatus): readonly Problem[] {
  const problems = [
    ...backupProblems(status),
    ...walProblems(status),
    ...serverProblems(status),
    ...storageProblems(status),
  ];
  return failuresFirst(problems);
}

function* backupProblems({ backups, recovery, server, unfinished }: ArchiveStatus): Generator<Problem> {
  const own = backups.filter(({ systemIdentifier }) => isOfServer(systemIdentifier, server));
  const newest = own.at(-1);
  if (newest === undefined) {
    const isForeign = backups.length > 0 && server.kind === 'answered';
    yield {
      severity: 'failure',
      name: 'no_backup',
      text: isForeign
        ? `no backup of this server (system ${server.systemIdentifier}) is in the archive`
        : 'there is no backup',
      hint: isForeign
        ? 'Run backup-push, and make sure that the settings lead to the archive of this server.'
        : 'Run backup-push: WAL alone brings nothing back.',
      kind: 'missing',
    };
  }
  for (const backup of own) yield* problemsOfBackup(backup, backup === newest || recovery.windows.length === 0);
  const pending = unfinished.filter(({ isPending }) => isPending);
  if (pending.length > 0) {
    yield {
      severity: 'warning',
      name: 'backup_pending',
      text: `${quoted(pending.map(({ name }) => name))} cannot be used before the end of it`,
      hint: 'Run backup-finalize.',
      kind: 'missing',
    };
  }
}

function* walProblems({ current, recovery, wal, unreadableHistories }: ArchiveStatus): Generator<Problem> {
  if (current?.isBroken === true) {
    const gap = recovery.gaps.find(({ first }) => first === current.missing);
    const count = gap === undefined ? '' : ` (${gap.segments} segment${gap.segments === 1 ? '' : 's'})`;
    yield {
      severity: 'failure',
      name: 'wal_gap',
      text: `recovery ends at "${current.missing}", which is missing${count} though there is newer WAL`,
      hint: 'If the server still has it in pg_wal, archive it by wal-push; else run backup-push now, from which recovery can go on.',
      kind: 'missing',
    };
  }
  if (current === undefined && wal.last === undefined) {
    yield {
      severity: 'failure',
      name: 'no_wal',
      text: 'no WAL is in the archive',
      hint: 'Set archive_mode and archive_command, and see doctor.',
      kind: 'missing',
    };
  }
  for (const { timeline, reason } of unreadableHistories) {
    yield {
      severity: 'warning',
      name: 'history_unreadable',
      text: `the history of timeline ${timeline} cannot be read: ${reason}`,
      hint: 'Without it no backup of an older timeline leads to that one; key check tells whether a key is missing.',
      kind: 'corrupt',
    };
  }
}

/** More than an archiver has before it when it keeps up. */
const manyWaiting = 32;

function* serverProblems({ server, wal }: ArchiveStatus): Generator<Problem> {
  if (server.kind === 'failed') yield serverUnreachable(server);
  if (server.kind !== 'answered') return;
  const { archiving, inRecovery } = server;
  // A part of a segment is what wal-receive writes.
  if (!archiving.active && !inRecovery && wal.partial === undefined) {
    yield {
      severity: 'warning',
      name: 'archiving_off',
      text: 'the server archives no WAL by itself',
      hint: 'Set archive_mode and archive_command, unless wal-receive takes the WAL of this server.',
      kind: 'config',
    };
  }
  yield* archiverProblems(server);
}

function* archiverProblems({ archiver, waitingFiles = 0, archiving }: AnsweringServer): Generator<Problem> {
  if (!archiving.active) return;
  const { lastFailedTime, lastArchivedTime, lastFailedWal } = archiver;
  if (lastFailedTime !== undefined && (lastArchivedTime === undefined || lastFailedTime > lastArchivedTime)) {
    yield {
      severity: 'failure',
      name: 'archiver_fails',
      text: `the server could not archive "${lastFailedWal ?? ''}" when it last tried`,
      hint: 'The log of the server says why; doctor looks at what is configured.',
      kind: 'unavailable',
    };
  }
  if (waitingFiles >= manyWaiting) {
    yield {
      severity: 'warning',
      name: 'archiver_behind',
      text: `${waitingFiles} files of WAL wait for the archiver`,
      hint: 'It does not keep up, or stands still: raise WALG_UPLOAD_CONCURRENCY, look at the line and the log of the server.',
      kind: 'unavailable',
    };
  }
}

function isOfServer(systemIdentifier: bigint | undefined, server: ArchiveStatus['server']): boolean {
  if (server.kind !== 'answered' || server.systemIdentifier === undefined) return true;
  return systemIdentifier === undefined || systemIdentifier === server.systemIdentifier;
}
