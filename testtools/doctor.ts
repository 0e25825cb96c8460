/** Runs the doctor's checks of a storage, for tests. */
import type { Check } from '../src/doctor/check.ts';
import { checkStorage } from '../src/doctor/storage/storage.ts';
import { systemClock } from '../src/platform/clock.ts';
import { silentLogger } from '../src/platform/logger.ts';
import type { Storage } from '../src/storage/storage.ts';

/** All checks by their names. @param largeBytes of the object that is to take several requests */
export async function diagnose(storage: Storage, largeBytes: number): Promise<ReadonlyMap<string, Check>> {
  const checks = new Map<string, Check>();
  const signal = new AbortController().signal;
  const options = { storage, write: true, largeBytes, logger: silentLogger, clock: systemClock, signal };
  for await (const check of checkStorage(options)) checks.set(check.name, check);
  return checks;
}

/** What a loaded machine may be warned of. */
const timed: readonly string[] = ['round_trip', 'large_put', 'large_get'];

/** Names of the checks that failed, or warned of more than of slowness. */
export function unhealthy(checks: ReadonlyMap<string, Check>): readonly string[] {
  return [...checks.values()]
    .filter(({ outcome, name }) => outcome === 'fail' || (outcome === 'warn' && !timed.includes(name)))
    .map(({ name }) => name);
}

/** The keys of everything in a storage. */
export async function keysOf(storage: Storage): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key } of storage.list('', { recursive: true })) keys.push(key);
  return keys;
}
