/** Whether small objects can be written, read, found and removed. */
import { fail, ok, warn, type Check } from '../check.ts';
import { collect } from '../../bytes/stage.ts';
import { formatBytes, formatMs } from '../format.ts';
import type { StorageContext } from './context.ts';
import { hashOf, makeSample, type Sample } from './sample.ts';

/** An object that was written. */
export interface Written {
  readonly key: string;
  readonly sample: Sample;
  readonly ms: number;
  /** By the clock of this machine, before and after. */
  readonly from: Date;
  readonly to: Date;
}

const smallBytes = 1024 * 1024;

/** Whether objects may be removed, before there are any: what is written must not stay. */
export function checkMayDelete({ storage, scratch, look }: StorageContext): Promise<Check> {
  return look('may_delete', async (signal) => {
    await storage.delete([scratch.key('none')], { signal });
    return ok('removing what is not there is no error');
  });
}

/** Writes an object. */
export async function checkPut(
  { storage, scratch, clock, look }: StorageContext,
  onWritten: (written: Written) => void,
): Promise<Check> {
  return look('put', async (signal) => {
    const key = scratch.key('small');
    const sample = makeSample(smallBytes);
    const from = clock.now();
    const began = clock.monotonicMs();
    await storage.write(key, sample.bytes(), { signal });
    const ms = clock.monotonicMs() - began;
    onWritten({ key, sample, ms, from, to: clock.now() });
    return ok(`${formatBytes(smallBytes)} written in ${formatMs(ms)}`, { bytes: smallBytes, ms });
  });
}

/** Reads it back. */
export function checkGet({ storage, clock, look }: StorageContext, { key, sample }: Written): Promise<Check> {
  return look('get', async (signal) => {
    const began = clock.monotonicMs();
    const { sizeBytes, hash } = await hashOf(await storage.read(key, { signal }));
    const ms = clock.monotonicMs() - began;
    if (hash !== sample.hash) return otherBytes(sizeBytes, sample.sizeBytes);
    return ok(`the same bytes came back in ${formatMs(ms)}`, { bytes: sizeBytes, ms });
  });
}

/** Reads from its middle, as a download does that broke off. */
export function checkRange({ storage, look }: StorageContext, { key, sample }: Written): Promise<Check> {
  return look('range', async (signal) => {
    const start = sample.sizeBytes / 2 + 1;
    const bytes = 100_000;
    const all = await collect(sample.bytes());
    const got = await collect(await storage.read(key, { signal, start, bytes }));
    if (got.equals(all.subarray(start, start + bytes))) return ok('reading from the middle of an object works');
    return fail(
      'reading from the middle of an object gives other bytes',
      'The storage, or something before it, does not know ranges: downloads that break off cannot go on.',
      'corrupt',
    );
  });
}

/** Whether it shows in a listing, with its size. */
export function checkListed({ storage, look }: StorageContext, { key, sample }: Written): Promise<Check> {
  return look('listed', async (signal) => {
    for await (const entry of storage.list('', { signal })) {
      if (entry.kind !== 'object' || entry.key !== key) continue;
      if (entry.sizeBytes === sample.sizeBytes) return ok('a listing shows it at once, with its size');
      return fail(`a listing gives it ${entry.sizeBytes} bytes`, 'It has 1,048,576.', 'corrupt');
    }
    return fail(
      'a listing does not show what was just written',
      'Use a storage whose listings are up to date: backups would be missing from lists and clean-ups.',
      'corrupt',
    );
  });
}

/** Storages tell times to the second. */
const resolutionMs = 1_000;
const oddSkewMs = 10_000;
/** AWS refuses requests whose time is a quarter of an hour off. */
const badSkewMs = 10 * 60_000;

/** How far the clock of the storage is from ours, by the time that it gave the object. */
export function checkClock({ storage, look }: StorageContext, { key, from, to }: Written): Promise<Check> {
  return look('clock', async (signal) => {
    const modified = (await storage.stat(key, { signal }))?.modified;
    if (modified === undefined) return fail('what was just written is not there', undefined, 'corrupt');
    const skewMs = skewOf(modified, from, to);
    const figures = { skew_ms: skewMs };
    if (Math.abs(skewMs) < oddSkewMs) return ok('the clocks of this machine and the storage agree', figures);
    const text = `the clock of the storage is ${formatMs(Math.abs(skewMs))} ${skewMs > 0 ? 'ahead of' : 'behind'} this machine’s`;
    const hint = 'Set the clocks by NTP: which backup is the newest, and what is old enough to go, is told by times.';
    return Math.abs(skewMs) < badSkewMs ? warn(text, hint, figures) : { ...fail(text, hint), figures };
  });
}

/** How far `modified` lies outside of the time in which it was given; positive: later. */
export function skewOf(modified: Date, from: Date, to: Date): number {
  const early = modified.getTime() - (from.getTime() - resolutionMs);
  const late = modified.getTime() - to.getTime();
  if (late > 0) return late;
  return early < 0 ? early : 0;
}

/** Removes everything, and looks whether it is gone. */
export function checkDelete({ scratch, look }: StorageContext): Promise<Check> {
  return look(
    'delete',
    async () => {
      const left = await scratch.clear();
      if (left.length === 0) return ok('everything that was written is gone again');
      return fail(
        `these are still there: ${left.join(' ')}`,
        'Remove them by other means, and find out what keeps objects: retention would not delete backups either.',
        'forbidden',
      );
    },
    clearLimitMs,
  );
}

const clearLimitMs = 120_000;

/** What it means when other bytes come back. */
export function otherBytes(got: number, given: number): ReturnType<typeof fail> {
  return fail(
    got === given ? 'other bytes came back than were written' : `${got} bytes came back where ${given} were written`,
    'Do not keep backups there before this is understood: look at proxies in between, and at the storage itself.',
    'corrupt',
  );
}
