/** catchup-push: what a standby lacks that is too far behind to get it from the WAL. Format: docs/storage-layout.md. */
import { pushBackup } from '../backup/push.ts';
import type { PushedBackup, PushOptions } from '../backup/push-options.ts';
import { asCatchups } from './catchup-storage.ts';
import type { CatchupWish } from './catchup-walk.ts';

/** What is asked for: much is as in a backup. */
export type CatchupPushOptions = Omit<
  PushOptions,
  | 'changes'
  | 'composer'
  | 'catchup'
  | 'delta'
  | 'filesMetadataDisabled'
  | 'isPermanent'
  | 'recordDatabases'
  | 'resume'
  | 'userData'
> &
  CatchupWish;

/** Pushes it. @throws as `pushBackup`, and ArchiverError (kind `usage`) for an LSN that the server has not reached */
export async function pushCatchup({ fromLsn, ...options }: CatchupPushOptions): Promise<PushedBackup> {
  const { transport } = options;
  return await pushBackup({
    ...options,
    transport: { ...transport, storage: asCatchups(transport.storage) },
    catchup: { fromLsn },
    composer: 'regular',
    resume: { enabled: false, minBytes: 0 },
    // Nothing is built on: pages are taken by their LSN, whatever was pushed before.
    delta: { maxSteps: 0, origin: 'LATEST', selector: { by: 'latest' }, isPermanent: false },
    changes: { useSummaries: false, useWalDelta: false, forceWalDelta: false },
    filesMetadataDisabled: false,
    isPermanent: false,
    recordDatabases: false,
    userData: undefined,
  });
}
