/**
 * Copies what a plan says: payload first, then the sentinels of those backups that have arrived as a whole. Nothing is
 * ever replaced. What was copied stays when the run ends early; the next one goes on with the rest.
 */
import { rateLimited, type RateLimiter } from '../../bytes/rate-limiter.ts';
import type { ByteSource } from '../../bytes/stage.ts';
import { CorruptError, messageOf } from '../../errors.ts';
import { mapConcurrently } from '../../pipeline/concurrency.ts';
import { pushPlain } from '../../pipeline/push-object.ts';
import type { Logger } from '../../platform/logger.ts';
import { ObjectExistsError, ObjectNotFoundError } from '../../storage/errors.ts';
import { baseNameOf } from '../../storage/key.ts';
import type { Key, NamedStorage, ObjectInfo } from '../../storage/storage.ts';
import { folderOf, folderOfSentinel, type DifferentObject, type MissingObject, type SyncPlan } from './plan.ts';

/** What copying needs. */
export interface SyncOptions {
  readonly signal: AbortSignal;
  readonly logger: Logger;
  /** Objects at once. */
  readonly concurrency: number;
  readonly limiter: RateLimiter | undefined;
  /** Told all bytes that were copied so far. */
  readonly onProgress: (bytes: number) => void;
}

/** What a storage got. */
export interface CopiedObjects {
  readonly objects: number;
  readonly bytes: number;
}

/** What was done. */
export interface SyncResult {
  /** By the names of storages. */
  readonly copied: ReadonlyMap<string, CopiedObjects>;
  /** Those of the plan, and what turned out to differ meanwhile. */
  readonly different: readonly DifferentObject[];
  /** Sentinels that were held back, since a part of their backup is not what it must be. */
  readonly heldBack: readonly string[];
}

/** @throws the storage's error; then what was copied up to now stays */
export async function copyMissing(plan: SyncPlan, options: SyncOptions): Promise<SyncResult> {
  const { signal, logger, limiter, concurrency, onProgress } = options;
  const copied = new Map<string, CopiedObjects>();
  const different = [...plan.different];
  const heldBack = new Set<string>();
  let doneBytes = 0;

  async function* reading({ key, from, sizeBytes }: MissingObject): ByteSource {
    const source = await from.storage.read(key, { signal });
    let bytes = 0;
    for await (const chunk of limiter === undefined ? source : rateLimited(limiter, signal)(source)) {
      bytes += chunk.length;
      onProgress((doneBytes += chunk.length));
      yield chunk;
    }
    if (bytes !== sizeBytes)
      throw new CorruptError(`"${key}" in "${from.name}" has ${bytes} bytes, listed ${sizeBytes}`);
  }

  async function copyTo(object: MissingObject, to: NamedStorage): Promise<void> {
    const { key, sizeBytes, from } = object;
    try {
      await pushPlain(to.storage, key, () => reading(object), { ifAbsent: true, signal, logger });
      const before = copied.get(to.name) ?? { objects: 0, bytes: 0 };
      copied.set(to.name, { objects: before.objects + 1, bytes: before.bytes + sizeBytes });
    } catch (error) {
      if (error instanceof ObjectExistsError) await compareMeanwhile(object, to);
      else if (error instanceof ObjectNotFoundError)
        logger.info('deleted meanwhile, not copied', { key, storage: from.name });
      else if (error instanceof CorruptError) {
        logger.warn('not copied', { key, reason: messageOf(error) });
        different.push({ key, sizes: new Map([[from.name, sizeBytes]]) });
      } else throw error;
    }
  }

  /** Someone else wrote it, or the answer to our own first attempt was lost. */
  async function compareMeanwhile({ key, sizeBytes, from }: MissingObject, to: NamedStorage): Promise<void> {
    const info = await to.storage.stat(key, { signal });
    if (info === undefined || info.sizeBytes === sizeBytes) return;
    different.push({
      key,
      sizes: new Map([
        [from.name, sizeBytes],
        [to.name, info.sizeBytes],
      ]),
    });
  }

  async function copy(object: MissingObject): Promise<void> {
    for (const to of object.to) await copyTo(object, to);
  }

  /** What came after it was listed is copied now; then the parts are what its sentinel says they are. */
  async function copyRest(folder: Key, { from, to: storages }: MissingObject): Promise<void> {
    const parts = await objectsBelow(from, folder);
    for (const to of storages) {
      const there = await objectsBelow(to, folder);
      await mapConcurrently([...parts.values()], concurrency, async (part) => {
        const { key, sizeBytes, modified } = part;
        const has = there.get(key)?.sizeBytes;
        if (has === undefined) await copyTo({ key, sizeBytes, modified, from, to: [to] }, to);
        else if (has !== sizeBytes) await compareMeanwhile({ key, sizeBytes, modified, from, to: [to] }, to);
      });
    }
  }

  async function objectsBelow({ storage }: NamedStorage, folder: Key): Promise<ReadonlyMap<Key, ObjectInfo>> {
    const found = new Map<Key, ObjectInfo>();
    for await (const info of storage.list(folder, { signal, recursive: true })) {
      if (info.kind === 'object') found.set(info.key, info);
    }
    return found;
  }

  await mapConcurrently(plan.payload, concurrency, copy);
  for (const sentinel of plan.sentinels) {
    const folder = folderOfSentinel(sentinel.key);
    if (folder !== undefined && !isDamaged(folder, different)) await copyRest(folder, sentinel);
    if (folder !== undefined && isDamaged(folder, different)) heldBack.add(baseNameOf(folder));
    else await copy(sentinel);
  }
  return { copied, different, heldBack: [...heldBack] };
}

function isDamaged(folder: Key, different: readonly { readonly key: Key }[]): boolean {
  return different.some(({ key }) => folderOf(key) === folder);
}
