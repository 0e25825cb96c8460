/** Whether a storage answers, and what it tells without anything being written. */
import { randomBytes } from 'node:crypto';
import { collect } from '../../bytes/stage.ts';
import type { Key, ObjectInfo } from '../../storage/storage.ts';
import { fail, ok, skip, warn, type Check } from '../check.ts';
import { formatMs } from '../format.ts';
import type { StorageContext } from './context.ts';
import { isAbandonedScratch } from './scratch.ts';

/** More than these are not counted: a root may be full of other people's objects. */
const mostEntries = 1_000;

/** Lists the root; objects of a doctor that was killed long ago are removed, or told of when nothing may be written. */
export function checkList({ storage, clock, write, look }: StorageContext): Promise<Check> {
  return look('list', async (signal) => {
    const began = clock.monotonicMs();
    let entries = 0;
    const abandoned: Key[] = [];
    for await (const entry of storage.list('', { signal })) {
      entries += 1;
      if (entry.kind === 'object' && isAbandonedScratch(entry.key, entry.modified, clock.now()))
        abandoned.push(entry.key);
      if (entries >= mostEntries) break;
    }
    const ms = clock.monotonicMs() - began;
    if (abandoned.length > 0) {
      const left = `${abandoned.length} objects of a doctor that was killed are there`;
      if (!write) return warn(left, 'Run doctor without --no-write, which removes them.');
      await storage.delete(abandoned, { signal });
    }
    const count = entries >= mostEntries ? `${mostEntries} or more` : String(entries);
    return ok(`${count} entries in the root, ${formatMs(ms)}`, { entries, ms });
  });
}

/** Whether "there is none" is told apart from "you may not know": the end of recovery depends on it. */
export function checkMissing({ storage, look }: StorageContext): Promise<Check> {
  return look('missing', async (signal) => {
    const key = `wal_005/walvault_doctor_none_${randomBytes(8).toString('hex')}`;
    const advice =
      'Allow listing of the bucket as well (s3:ListBucket in AWS): without it a storage refuses where it should say that there is no such object.';
    try {
      const info = await storage.stat(key, { signal });
      if (info !== undefined) return fail(`an object that was never written is there: "${key}"`, undefined, 'corrupt');
      await collect(await storage.read(key, { signal }));
      return fail(`an object that was never written can be read: "${key}"`, undefined, 'corrupt');
    } catch (error) {
      if (isKind(error, 'missing')) return ok('an object that is not there is said to be missing');
      if (isKind(error, 'forbidden')) return fail(`a missing object is refused: ${error.message}`, advice, 'forbidden');
      throw error;
    }
  });
}

function isKind(error: unknown, kind: string): error is Error {
  return error instanceof Error && 'kind' in error && error.kind === kind;
}

const roundTrips = 5;
/** A `wal-push` takes some of these for each 16 MB. */
const slowMs = 500;

/** How long the smallest question takes. */
export function checkRoundTrip({ storage, clock, look }: StorageContext): Promise<Check> {
  return look('round_trip', async (signal) => {
    const times: number[] = [];
    for (let count = 0; count < roundTrips; count += 1) {
      const began = clock.monotonicMs();
      await storage.stat('walvault_doctor_round_trip', { signal });
      times.push(clock.monotonicMs() - began);
    }
    const ms = times.sort((a, b) => a - b)[Math.floor(roundTrips / 2)] ?? 0;
    const text = `${formatMs(ms)} for one question (median of ${roundTrips})`;
    if (ms <= slowMs) return ok(text, { ms });
    return warn(
      text,
      'Use a storage that is nearer, or look at the network: archiving takes longer than this per segment.',
      { ms },
    );
  });
}

/** Versions and locks. */
export function checkProtection({ storage, look }: StorageContext): Promise<Check> {
  return look('protection', async (signal) => {
    if (storage.protection === undefined) return skip('this kind of storage has no versions and locks to ask about');
    const { versions, lock, lockText } = await storage.protection({ signal });
    if (versions === undefined && lock === undefined) return skip('the storage tells nothing of versions and locks');
    const figures = { versions: versions ?? null, lock: lock ?? null };
    const versionText = `versions ${versions ?? 'not told'}`;
    const detail = lockText === undefined ? '' : ` (${lockText})`;
    const text = `${versionText}, locks ${lock ?? 'not told'}${detail}`;
    if (versions === 'on' || versions === 'suspended') {
      const hint = 'Give the bucket a lifecycle rule that ends old versions, if anything but walvault deletes in it.';
      return { ...ok(text, figures), hint };
    }
    return ok(text, figures);
  });
}

/** Reads the beginning of an object that is there: all that can be tried where nothing may be written. */
export function checkReading({ storage, look }: StorageContext): Promise<Check> {
  return look('range', async (signal) => {
    const object = await anyObject({ storage, signal });
    if (object === undefined) return skip('there is no object to read yet');
    const wanted = Math.min(1_024, object.sizeBytes - 1);
    const bytes = await collect(await storage.read(object.key, { signal, start: 1, bytes: wanted }));
    if (bytes.length === wanted) return ok(`${wanted} bytes of "${object.key}" read from its second byte on`);
    return fail(
      `${bytes.length} bytes came where ${wanted} were asked for, of "${object.key}"`,
      'The storage, or something before it, does not know ranges: downloads that break off cannot go on.',
      'corrupt',
    );
  });
}

async function anyObject({
  storage,
  signal,
}: Pick<StorageContext, 'storage' | 'signal'>): Promise<ObjectInfo | undefined> {
  for (const folder of ['wal_005', 'basebackups_005']) {
    for await (const entry of storage.list(folder, { signal })) {
      if (entry.kind === 'object' && entry.sizeBytes > 1) return entry;
    }
  }
  return undefined;
}
