/** Copies objects from one storage to another under the same names, as they are or under another key. */
import { rateLimited, type RateLimiter } from '../../bytes/rate-limiter.ts';
import { counted, type ByteSource } from '../../bytes/stage.ts';
import type { Crypter } from '../../crypto/crypter.ts';
import { ArchiverError, CorruptError } from '../../errors.ts';
import { mapConcurrently } from '../../pipeline/concurrency.ts';
import { pushPlain } from '../../pipeline/push-object.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Key, ObjectInfo, Storage } from '../../storage/storage.ts';

/** How objects are copied. */
export interface ObjectCopyOptions {
  readonly source: Storage;
  readonly target: Storage;
  readonly decrypter: Crypter | undefined;
  readonly encrypter: Crypter | undefined;
  /** Of objects that are never encrypted. */
  readonly isPlain: (key: Key) => boolean;
  /** Replace what the target has. */
  readonly replace: boolean;
  readonly limiter: RateLimiter | undefined;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Told all bytes of the source that were read so far. */
  readonly onProgress: (bytes: number) => void;
}

/** How many objects were copied, and how many the target had. */
export interface CopiedObjects {
  readonly copied: number;
  readonly present: number;
}

const atOnce = 8;

/**
 * Copies what the target lacks; sentinels of backups come last, oldest first. An object of the target is there already when
 * it has the same size; one that is encrypted anew has any.
 *
 * @throws ArchiverError (`cannotWrite`) before anything is copied, when the target has another object of a name
 */
export async function copyObjects(objects: readonly ObjectInfo[], options: ObjectCopyOptions): Promise<CopiedObjects> {
  const { source, target, decrypter, encrypter, isPlain, replace, limiter, logger, signal, onProgress } = options;
  const isChanged = (key: Key): boolean => (decrypter !== undefined || encrypter !== undefined) && !isPlain(key);
  const there = new Map<Key, ObjectInfo>();
  for await (const item of target.list('', { recursive: true, signal })) {
    if (item.kind === 'object') there.set(item.key, item);
  }
  const lacking = objects.filter(({ key, sizeBytes }) => {
    const other = there.get(key);
    if (replace || other === undefined) return true;
    if (isChanged(key) || other.sizeBytes === sizeBytes) return false;
    throw new ArchiverError('cannotWrite', `the target has another object "${key}", of ${other.sizeBytes} bytes`, {
      hint: `That of the source has ${sizeBytes}. Nothing was copied; --force replaces what the target has.`,
    });
  });
  let doneBytes = 0;

  async function* reading({ key, sizeBytes }: ObjectInfo): ByteSource {
    let bytes = 0;
    const counting = counted((more) => {
      bytes += more;
      onProgress((doneBytes += more));
    })(await source.read(key, { signal }));
    yield* limiter === undefined ? counting : rateLimited(limiter, signal)(counting);
    if (bytes !== sizeBytes) throw new CorruptError(`"${key}" has ${bytes} bytes, listed ${sizeBytes}`);
  }

  async function copy(object: ObjectInfo): Promise<void> {
    const { key } = object;
    const open = (): ByteSource => {
      const stored = reading(object);
      if (!isChanged(key)) return stored;
      const clear = decrypter === undefined ? stored : decrypter.decrypt(stored);
      return encrypter === undefined ? clear : encrypter.encrypt(clear);
    };
    await pushPlain(target, key, open, { ifAbsent: !replace, signal, logger });
  }

  const isSentinel = ({ key }: ObjectInfo): boolean => key.endsWith('_backup_stop_sentinel.json');
  await mapConcurrently(
    lacking.filter((one) => !isSentinel(one)),
    atOnce,
    copy,
  );
  const sentinels = lacking.filter(isSentinel).sort((a, b) => a.modified.getTime() - b.modified.getTime());
  for (const sentinel of sentinels) await copy(sentinel);
  return { copied: lacking.length, present: objects.length - lacking.length };
}
