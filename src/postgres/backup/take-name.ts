/** Whether a backup may have the name that its start gave it. */
import { sentinelKey } from '../../catalog/layout.ts';
import { ArchiverError } from '../../errors.ts';
import type { Abortable, Storage } from '../../storage/storage.ts';
import type { PostgresServer } from '../server/server.ts';

/** Locks the name for this session, and tells what else is in its way: another run, or a backup that exists. */
export async function obstacleToName(
  name: string,
  server: Pick<PostgresServer, 'tryLock'>,
  { storage, signal }: Abortable & { readonly storage: Storage },
): Promise<ArchiverError | undefined> {
  if (!(await server.tryLock(name))) {
    return new ArchiverError('busy', `another run is pushing the backup "${name}"`, {
      hint: 'Wait for it to end; on a standby the next name comes with the next checkpoint of the primary.',
    });
  }
  if ((await storage.stat(sentinelKey(name), { signal })) !== undefined) {
    return new ArchiverError('cannotWrite', `there is a backup "${name}" already in ${storage.location}`, {
      hint: 'On a standby, run CHECKPOINT on the primary and try again: a backup is named after the checkpoint it starts from.',
    });
  }
  return undefined;
}
