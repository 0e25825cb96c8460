/** Whether an object goes through that takes several requests, and how fast. */
import { ok, skip, warn, type Check } from '../check.ts';
import { formatBytes, formatMs } from '../format.ts';
import type { StorageContext } from './context.ts';
import { otherBytes, type Written } from './objects.ts';
import { hashOf, makeSample, type Sample } from './sample.ts';

/** A line on which the large object would take longer is measured by the small one. */
const longestMs = 60_000;
/** Whatever the estimate was. */
const limitMs = 5 * 60_000;
/** A server that writes one segment a second fills such a line. */
const slowBytesPerSecond = 2_000_000;

/** A large object that was written. */
export interface LargeWritten {
  readonly key: string;
  readonly sample: Sample;
}

/** Writes one, unless the small one took so long that nobody would wait for this. */
export function checkLargePut(
  { storage, scratch, clock, look, largeBytes }: StorageContext,
  small: Written,
  onWritten: (written: LargeWritten) => void,
): Promise<Check> {
  return look(
    'large_put',
    async (signal) => {
      const rate = small.sample.sizeBytes / Math.max(1, small.ms);
      if (largeBytes / rate > longestMs) {
        const speed = `${formatBytes(rate * 1_000)}/s`;
        return skip(`the line is too slow for ${formatBytes(largeBytes)}: the small object went at ${speed}`);
      }
      const key = scratch.key('large');
      const sample = makeSample(largeBytes);
      const began = clock.monotonicMs();
      await storage.write(key, sample.bytes(), { signal });
      onWritten({ key, sample });
      return speedOf('written', largeBytes, clock.monotonicMs() - began);
    },
    limitMs,
  );
}

/** Reads it back. */
export function checkLargeGet({ storage, clock, look }: StorageContext, { key, sample }: LargeWritten): Promise<Check> {
  return look(
    'large_get',
    async (signal) => {
      const began = clock.monotonicMs();
      const { sizeBytes, hash } = await hashOf(await storage.read(key, { signal }));
      if (hash !== sample.hash) return otherBytes(sizeBytes, sample.sizeBytes);
      return speedOf('read', sizeBytes, clock.monotonicMs() - began);
    },
    limitMs,
  );
}

function speedOf(verb: string, bytes: number, ms: number): ReturnType<typeof ok> {
  const bytesPerSecond = Math.round((bytes / Math.max(1, ms)) * 1_000);
  const text = `${formatBytes(bytes)} ${verb} in ${formatMs(ms)}: ${formatBytes(bytesPerSecond)}/s`;
  const figures = { bytes, ms, bytes_per_second: bytesPerSecond };
  if (bytesPerSecond >= slowBytesPerSecond) return ok(text, figures);
  return warn(
    text,
    'A busy server writes more WAL than that: compare it with what yours writes in its busiest hour.',
    figures,
  );
}
