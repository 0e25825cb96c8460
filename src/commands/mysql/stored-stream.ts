/** The stream of a backup that a command names. */
import type { ByteSource } from '../../bytes/stage.ts';
import { selectorOfName } from '../../catalog/backup-store.ts';
import { sentinelKey } from '../../catalog/layout.ts';
import { readSetting } from '../../config/setting.ts';
import { selectBackup } from '../../mysql/backup/backup-record.ts';
import { limiterOf, withNetworkLimit } from '../../pipeline/limits.ts';
import { networkSettings } from '../../pipeline/settings.ts';
import { holderOf } from '../../storage/named-storages.ts';
import { targetStorageOf } from '../../storage/target-storage.ts';
import { openStream } from '../../stream/open-stream.ts';
import { splitSettings } from '../../stream/settings.ts';
import type { App, Arguments } from '../command.ts';

/** A stream that was found. */
export interface StoredStream {
  /** Of the backup. */
  readonly name: string;
  /** Undefined: the backup does not tell. */
  readonly totalBytes: number | undefined;
  /** Opens it, to be read once; see `openStream`. */
  open(signal: AbortSignal): Promise<ByteSource>;
}

/** Options of the commands that write one. */
export const storedStreamOptions = {
  'target-storage': {
    type: 'string',
    placeholder: 'NAME',
    text: 'The storage to fetch from; default: any of them.',
  },
} as const;

/** What their exit statuses mean. */
export const storedStreamStatuses = {
  65: 'the backup is damaged: what was written so far is not all of it',
  66: 'no such backup',
  69: 'the storage did not answer',
  77: 'the storage refused',
};

/**
 * Finds the backup.
 *
 * @param target the option that names a storage, when it was given
 * @throws BackupNotFoundError, the storage's errors
 */
export async function storedStreamOf(
  app: App,
  name: string,
  { target, options }: { readonly target: string | boolean | undefined; readonly options: Arguments['options'] },
): Promise<StoredStream> {
  const { clock, logger, settings } = app;
  const chosen = targetStorageOf(settings, target);
  const archive = await app.transport('read', { target: chosen });
  const backup = await selectBackup(archive.storage, selectorOfName(name), { clock, signal: app.signal });
  const { sentinel, problem } = backup;
  if (problem !== undefined) {
    logger.warn('the sentinel of the backup is damaged; its stream is read all the same', { error: problem.message });
  }
  if (sentinel?.kind === 'increment') {
    logger.warn('the backup is an increment: it is of use only on top of those that it builds on', {
      backup: backup.name,
      parent: sentinel.parent,
    });
  }
  const holder = await holderOf(archive.storage, sentinelKey(backup.name), { signal: app.signal });
  const held = holder === undefined ? archive : await app.transport('read', { target: holder.name });
  const limit = options['turbo'] === true ? undefined : readSetting(networkSettings.rateLimit, settings);
  const transport = withNetworkLimit(held, limiterOf(limit));
  const attempts = readSetting(splitSettings.attempts, settings);
  const expectedBytes = sentinel?.uncompressedBytes;
  return {
    name: backup.name,
    totalBytes: expectedBytes,
    open: (signal) => openStream(transport, backup.name, { attempts, expectedBytes, clock, logger, signal }),
  };
}
