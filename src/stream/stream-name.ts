/** Names of stream backups: `stream_20240102T030405Z`, the second in which the upload begins. */
import { fromBytes } from '../bytes/stage.ts';
import { backupFolder, sentinelKey } from '../catalog/layout.ts';
import { stringifyJson } from '../catalog/json.ts';
import { messageOf } from '../errors.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/logger.ts';
import { ObjectExistsError } from '../storage/errors.ts';
import type { Key, Storage } from '../storage/storage.ts';

/** What {@link takeStreamName} needs. */
export interface TakeNameOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** A name that is nobody else's. Disposal takes the sign of that away, which never fails. */
export interface TakenName extends AsyncDisposable {
  readonly name: string;
}

/** The name of a backup that begins at that moment. */
export function streamNameAt(moment: Date): string {
  return `stream_${moment.toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
}

/** Where a push shows that the name is taken, for as long as it runs. */
export function reservationKey(backup: string): Key {
  return `${backupFolder(backup)}/walvault_push.json`;
}

/**
 * Takes the name of the present second, or of the next ones when it has any object or another push takes it at the same
 * moment: a name has no more than seconds, and two streams under one name would be none.
 *
 * @throws the storage's errors; the reason of the signal
 */
export async function takeStreamName(storage: Storage, options: TakeNameOptions): Promise<TakenName> {
  const { clock, signal } = options;
  for (;;) {
    signal.throwIfAborted();
    const now = clock.now();
    const name = streamNameAt(now);
    if (!(await isUsed(storage, name, signal)) && (await reserve(storage, name, now, signal))) {
      return {
        name,
        [Symbol.asyncDispose]: () => release(storage, name, options),
      };
    }
    await clock.sleep(1000 - (now.getTime() % 1000), signal);
  }
}

async function isUsed(storage: Storage, name: string, signal: AbortSignal): Promise<boolean> {
  for await (const entry of storage.list(backupFolder(name), { recursive: true, signal })) {
    if (entry.kind === 'object') return true;
  }
  return (await storage.stat(sentinelKey(name), { signal })) !== undefined;
}

async function reserve(storage: Storage, name: string, now: Date, signal: AbortSignal): Promise<boolean> {
  const text = stringifyJson({ since: now.toISOString() });
  try {
    await storage.write(reservationKey(name), fromBytes(Buffer.from(text)), { ifAbsent: true, signal });
    return true;
  } catch (error) {
    if (error instanceof ObjectExistsError) return false;
    throw error;
  }
}

/** Left behind it is in nobody's way: it is deleted with the backup. */
async function release(storage: Storage, name: string, { logger }: TakeNameOptions): Promise<void> {
  try {
    await storage.delete([reservationKey(name)]);
  } catch (error) {
    logger.debug('cannot remove the reservation of a name', { backup: name, error: messageOf(error) });
  }
}
