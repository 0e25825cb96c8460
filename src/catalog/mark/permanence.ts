/** Permanent marks of backups, wherever a database keeps them. */
import { fromBytes } from '../../bytes/stage.ts';
import { ArchiverError } from '../../errors.ts';
import { pushPlain } from '../../pipeline/push-object.ts';
import type { Abortable, Storage } from '../../storage/storage.ts';
import { readText } from '../backup-store.ts';

/** The small object of a backup that says whether it is permanent. */
export interface MarkedObject {
  /** Its logical key. */
  keyOf(backup: string): string;
  /** `sentinel`, for messages. */
  readonly what: string;
  /** @throws CorruptError when the text, which `what` names, cannot say it */
  isPermanent(text: string, what: string): boolean;
  /** The text that says it; all else in it stays. @throws CorruptError */
  marked(text: string, isPermanent: boolean, what: string): string;
}

/**
 * Writes into its object whether a backup is permanent.
 *
 * @returns false when it said so already, on every mirror
 * @throws ObjectNotFoundError, CorruptError when the object cannot hold the mark
 */
export async function setPermanenceIn(
  object: MarkedObject,
  storage: Storage,
  backup: string,
  { isPermanent, ...options }: Abortable & { readonly isPermanent: boolean },
): Promise<boolean> {
  const key = object.keyOf(backup);
  const what = `${object.what} of "${backup}"`;
  const text = await readText(storage, key, options);
  const marks = [object.isPermanent(text, what), ...(await marksOnMirrorsOf(object, storage, backup, options))];
  if (marks.every((mark) => mark === isPermanent)) return false;
  const bytes = Buffer.from(object.marked(text, isPermanent, what));
  await pushPlain(storage, key, () => fromBytes(bytes), options);
  return true;
}

/**
 * Whether each of several mirrors says that a backup is permanent: one that was away when it was marked has an older
 * object, and may be the one that is asked first. Those that cannot say it are left out.
 */
export async function marksOnMirrorsOf(
  object: MarkedObject,
  storage: Storage,
  backup: string,
  options: Abortable = {},
): Promise<readonly boolean[]> {
  const key = object.keyOf(backup);
  const marks = (storage.copies ?? []).map(async (mirror): Promise<boolean[]> => {
    try {
      return [object.isPermanent(await readText(mirror.storage, key, options), key)];
    } catch (error) {
      if (error instanceof ArchiverError && error.kind !== 'interrupted') return [];
      throw error;
    }
  });
  return (await Promise.all(marks)).flat();
}
