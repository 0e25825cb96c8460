/** Whether a server archives its WAL, by us, and whether it works. Nothing here asks anybody anything. */
import type { ServerCondition } from '../../postgres/server/condition.ts';
import { fail, ok, skip, warn, type Finding } from '../check.ts';
import { readArchiveCommand } from './archive-command.ts';
import type { Findings } from './judge.ts';

/** What is known besides the server. */
export interface ArchivingClues {
  /** Absolute path of this program. */
  readonly programPath: string;
  /** Whether the machine of the server, being this one, has a file; undefined on another machine. */
  readonly hasFile: ((path: string) => boolean) | undefined;
  readonly now: Date;
  /** The slot of `wal-receive`, by the settings. */
  readonly receiverSlot: string;
}

/** Judges archiving. */
export function judgeArchiving(condition: ServerCondition, clues: ArchivingClues): Findings {
  const { settings, inRecovery, slots } = condition;
  const isReceived = slots?.some(({ name, active }) => active && name === clues.receiverSlot) === true;
  const mode = settings.get('archive_mode');
  const idle = mode === 'off' || (inRecovery && mode !== 'always');
  const rest: Findings = idle
    ? {}
    : {
        command: judgeCommand(settings, clues),
        result: judgeResult(condition, clues.now),
        waiting: judgeWaiting(condition.waitingFiles),
        timeout: judgeTimeout(settings.get('archive_timeout'), inRecovery),
      };
  return { mode: judgeMode(mode, { inRecovery, isReceived }), ...rest };
}

function judgeMode(
  mode: string | undefined,
  { inRecovery, isReceived }: { readonly inRecovery: boolean; readonly isReceived: boolean },
): Finding {
  if (mode === undefined) return skip('the server does not tell');
  if (mode === 'always') return ok('always');
  if (inRecovery) return ok(`${mode}: a standby, whose primary archives`);
  if (mode === 'on') return ok('on');
  if (isReceived) return ok('off; a receiver is at the slot of wal-receive');
  return fail(
    'archive_mode is off: no WAL is archived, and no backup of this server can be restored by it',
    'Set archive_mode = on and archive_command in postgresql.conf and restart, or run wal-receive, unless something else archives the WAL.',
  );
}

function judgeCommand(settings: ServerCondition['settings'], { programPath, hasFile }: ArchivingClues): Finding {
  const library = settings.get('archive_library') ?? '';
  if (library.trim() !== '') {
    return warn(
      `archive_library "${library}" archives, not archive_command`,
      'Make sure that it archives into this storage.',
    );
  }
  const command = settings.get('archive_command');
  if (command === undefined) return skip('the server does not tell');
  const hint = `Set archive_command = '${programPath} wal-push "%p"'.`;
  const reading = readArchiveCommand(command === '(disabled)' ? '' : command);
  if (reading.kind === 'empty')
    return fail('archive_mode is on and archive_command is empty: WAL piles up in pg_wal', hint);
  if (reading.kind === 'other') {
    return warn(
      `it calls "${reading.program}", not this program`,
      'Make sure that what it calls archives into this storage.',
    );
  }
  const { path, givesPath } = reading;
  if (!givesPath) return fail(`it calls "${path}" without %p, the path of the segment`, hint);
  if (!path.startsWith('/')) {
    return warn(`it calls "${path}" by the PATH of the server`, `Give the absolute path, such as ${programPath}.`);
  }
  if (hasFile?.(path) === false) return fail(`it calls "${path}", which is not there`, hint, 'missing');
  return ok(path === programPath ? 'it calls this program' : `it calls "${path}"; this is "${programPath}"`);
}

function judgeResult({ archiver }: ServerCondition, now: Date): Finding {
  if (archiver === undefined) return skip('the server does not tell');
  const { archivedCount, lastArchivedWal, lastArchivedTime, failedCount, lastFailedWal, lastFailedTime } = archiver;
  const figures = {
    archived: Number(archivedCount),
    failed: Number(failedCount),
    last_archived: lastArchivedWal ?? null,
    last_failed: lastFailedWal ?? null,
  };
  const failedLast =
    lastFailedTime !== undefined && (lastArchivedTime === undefined || lastFailedTime > lastArchivedTime);
  if (failedLast) {
    const text = `the last attempt failed, ${ago(lastFailedTime, now)}, for "${lastFailedWal ?? ''}" (${failedCount} failures in all)`;
    const hint =
      'The log of the server says why; on its machine, as its user, run the command by hand for that file of pg_wal.';
    return { ...fail(text, hint, 'unavailable'), figures };
  }
  if (lastArchivedTime === undefined) {
    return warn('nothing was archived yet', 'Run SELECT pg_switch_wal() after some write, and doctor again.', figures);
  }
  return ok(`"${lastArchivedWal ?? ''}" was archived ${ago(lastArchivedTime, now)}`, figures);
}

/** More than an archiver has before it when it keeps up. */
const manyWaiting = 32;

function judgeWaiting(files: number | undefined): Finding {
  if (files === undefined) return skip('the role may not see it (grant pg_monitor)');
  const text = files === 1 ? '1 file of WAL waits' : `${files} files of WAL wait`;
  if (files < manyWaiting) return ok(text, { files });
  return warn(
    `${text} for the archiver`,
    'It does not keep up, or stands still: raise WALG_UPLOAD_CONCURRENCY, look at the line and the log of the server.',
    { files },
  );
}

function judgeTimeout(seconds: string | undefined, inRecovery: boolean): Finding {
  if (seconds === undefined) return skip('the server does not tell');
  if (seconds !== '0') return ok(`archive_timeout is ${seconds} s`, { seconds: Number(seconds) });
  if (inRecovery) return ok('archive_timeout is 0; a standby archives what its primary ends');
  return warn(
    'archive_timeout is 0: what a quiet server wrote is archived when the segment is full, maybe hours later',
    'Set archive_timeout = 60: so much work at most is lost with the disk.',
  );
}

function ago(time: Date, now: Date): string {
  const seconds = Math.max(0, Math.round((now.getTime() - time.getTime()) / 1_000));
  if (seconds < 120) return `${seconds} s ago`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min ago`;
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h ago` : `${Math.round(seconds / 86_400)} days ago`;
}
