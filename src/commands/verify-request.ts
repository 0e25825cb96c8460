/** What `backup-verify` is asked for, whatever database the archive is of. */
import { BackupNotFoundError, selectorOfName } from '../catalog/backup-store.ts';
import type { Transport } from '../pipeline/transport.ts';
import type { App } from './command.ts';

/** What is to be verified. */
export interface VerifyRequest {
  /** Of all storages, or of the one that was asked for. */
  readonly archive: Transport;
  /** This one alone, with its chain; `LATEST` is the newest one; undefined: all. */
  readonly name: string | undefined;
  /** Also the WAL or the binlogs from these backups on. */
  readonly withLogs: boolean;
  /** Undefined: everything is read. */
  readonly budgetBytes: number | undefined;
  readonly isTurbo: boolean;
}

/**
 * The name that is meant; undefined: all, and there may be none.
 *
 * @param names of all backups, oldest first
 * @throws BackupNotFoundError
 */
export function chosenName(
  names: readonly string[],
  { name, archive }: Pick<VerifyRequest, 'name' | 'archive'>,
  { logger }: App,
): string | undefined {
  const { location } = archive.storage;
  if (name === undefined) {
    if (names.length === 0) logger.warn('there are no backups', { storage: location });
    return undefined;
  }
  const found = name === 'LATEST' ? names.at(-1) : names.find((one) => one === name);
  if (found === undefined) throw new BackupNotFoundError(selectorOfName(name), location);
  return found;
}
