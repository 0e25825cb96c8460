/**
 * What the server that asks for WAL is doing, and what it makes of a failed restore_command: it takes a status up to 125 for
 * "there is no such file", and in archive recovery then opens with what it has. See `docs/adr/0004-statuses-of-wal-fetch.md`.
 */
import { ArchiverError } from '../../errors.ts';
import { findDataDirectory, signalFiles } from '../pgdata.ts';

/**
 * `archiveRecovery`: ends recovery, and promotes, at the first file that is not there. `standby`: goes on asking. `none`:
 * no server is asking, or nothing is known of it.
 */
export type RecoveryState = 'archiveRecovery' | 'standby' | 'none';

/** Above 125, so that the server stops; not a status that a shell gives (126, 127) nor one that stands for a signal. */
export const undecidedStatus = 200;

/** Who asks, by the data directory of the destination (`pg_wal/RECOVERYXLOG`), else the current directory. */
export function recoveryStateOf(destination: string, cwd: string): RecoveryState {
  const dataDirectory = findDataDirectory({ walFile: destination, cwd });
  if (dataDirectory === undefined) return 'none';
  const { recovery, standby } = signalFiles(dataDirectory);
  if (standby) return 'standby';
  return recovery ? 'archiveRecovery' : 'none';
}

/** Archive recovery got no answer about a file. */
export class UndecidedError extends ArchiverError {
  constructor(name: string, cause: unknown) {
    const repair = cause instanceof ArchiverError && cause.hint !== undefined ? `${cause.hint} ` : '';
    super('unavailable', `walvault could not find out whether "${name}" is archived`, {
      cause,
      hint: `${repair}The server stops now, lest it opens with lost data; start it again when that is repaired, and recovery goes on.`,
    });
  }
}

/** Whether a failure must stop the server: all do in archive recovery, but the proof that there is no such file. */
export function mustStopServer(error: unknown, state: RecoveryState): boolean {
  if (state !== 'archiveRecovery') return false;
  return !(error instanceof ArchiverError && (error.kind === 'archiveMissing' || error.kind === 'interrupted'));
}
