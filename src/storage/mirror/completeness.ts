/** Whether a mirror has all that an object completes: a backup that lacks a part must not look like one there. */
import type { Abortable, Key, StoredObject } from '../storage.ts';
import { LeftBehindError, type Mirror } from './mirror.ts';

/** Why this mirror must not get the object; undefined when it has everything. */
export async function lackingOf(
  { storage }: Mirror,
  completed: readonly StoredObject[],
  { signal }: Abortable,
): Promise<unknown> {
  const folders = new Map<Key, StoredObject[]>();
  for (const one of completed) {
    const folder = one.key.slice(0, Math.max(0, one.key.lastIndexOf('/')));
    folders.set(folder, [...(folders.get(folder) ?? []), one]);
  }
  try {
    for (const [folder, wanted] of folders) {
      const sizes = new Map<Key, number>();
      for await (const info of storage.list(folder, { signal })) {
        if (info.kind === 'object') sizes.set(info.key, info.sizeBytes);
      }
      const lacking = wanted.find(({ key, sizeBytes }) => sizes.get(key) !== sizeBytes);
      if (lacking !== undefined) return new LeftBehindError(`it lacks "${lacking.key}"`, { repeated: true });
    }
    return undefined;
  } catch (error) {
    signal?.throwIfAborted();
    return error;
  }
}
