import { describe, expect, it } from 'vitest';
import { fakeClock } from '../../../../testtools/fake-clock.ts';
import { ArchiverError, CorruptError } from '../../../../src/errors.ts';
import { silentLogger } from '../../../../src/platform/logger.ts';
import type { FetchPartJob } from '../../../../src/postgres/backup/fetch-part.ts';
import { fetchPart } from '../../../../src/postgres/backup/fetch-retry.ts';
import { StorageUnavailableError } from '../../../../src/storage/errors.ts';

const job: FetchPartJob = {
  kind: 'fetchPart',
  key: 'part_001.tar',
  layout: { destination: '/new', tablespaces: {} },
  wanted: undefined,
  isNewest: true,
  mask: undefined,
  leaveOut: [],
  inPlace: false,
  durable: false,
};

/** Fails with these errors, one after another, then succeeds. */
function failing(...errors: readonly Error[]) {
  const clock = fakeClock();
  const left = [...errors];
  let runs = 0;
  const controller = new AbortController();
  const services = {
    clock,
    logger: silentLogger,
    signal: controller.signal,
    retries: 3,
    pool: {
      run<R>(): Promise<R> {
        runs += 1;
        const error = left.shift();
        return error === undefined ? Promise.resolve('done' as R) : Promise.reject(error);
      },
    },
  };
  return { services, clock, controller, runs: () => runs };
}

const away = new StorageUnavailableError('away');

describe('fetchPart', () => {
  it('waits longer each time while the storage is unavailable', async () => {
    const { services, clock } = failing(away, away, away);
    expect(await fetchPart(services, job)).toBe('done');
    expect(clock.sleeps).toEqual([500, 1000, 2000]);
  });

  it('gives up when all tries are used up', async () => {
    const { services, runs } = failing(away, away, away, away);
    await expect(fetchPart(services, job)).rejects.toThrow('away');
    expect(runs()).toBe(4);
  });

  it('fetches corrupt data once more, without waiting, and then believes it', async () => {
    const bad = new CorruptError('bad');
    expect(await fetchPart(failing(bad).services, job)).toBe('done');
    const { services, clock, runs } = failing(bad, bad);
    await expect(fetchPart(services, job)).rejects.toBe(bad);
    expect(runs()).toBe(2);
    expect(clock.sleeps).toEqual([]);
  });

  it.each(['forbidden', 'cannotWrite', 'missing', 'config'] as const)('does not repeat a %s error', async (kind) => {
    const { services, runs } = failing(new ArchiverError(kind, 'no'));
    await expect(fetchPart(services, job)).rejects.toThrow('no');
    expect(runs()).toBe(1);
  });

  it('stops at once when the run is called off', async () => {
    const { services, controller, runs } = failing(away, away);
    controller.abort(new Error('stop'));
    await expect(fetchPart(services, job)).rejects.toThrow('stop');
    expect(runs()).toBe(1);
  });
});
