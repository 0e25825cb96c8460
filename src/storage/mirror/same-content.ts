/** Whether two storages hold the same bytes under one key, and how one gets those of another. */
import { ByteReader } from '../../bytes/reader.ts';
import type { Abortable, Key, Storage } from '../storage.ts';

/** Compares sizes, then bytes. False when one of them has no such object. */
export async function haveSame(key: Key, a: Storage, b: Storage, options: Abortable): Promise<boolean> {
  const [infoA, infoB] = await Promise.all([a.stat(key, options), b.stat(key, options)]);
  if (infoA === undefined || infoB?.sizeBytes !== infoA.sizeBytes) return false;
  const other = new ByteReader(await b.read(key, options));
  try {
    for await (const chunk of await a.read(key, options)) {
      const bytes = await other.read(chunk.length);
      if (Buffer.compare(bytes, chunk) !== 0) return false;
    }
    return true;
  } finally {
    await other.close();
  }
}

/** Gives `to` what `from` has, in the place of what it has. */
export async function copyAcross(key: Key, from: Storage, to: Storage, options: Abortable): Promise<void> {
  await to.write(key, await from.read(key, options), options);
}
